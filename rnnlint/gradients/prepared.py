"""A verdict with the solved scenario behind it, to be run again on other texts of the project."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlint.findings import Edit
from rnnlint.fixes import apply_edits
from rnnlint.gradients.answers import ProbeFailedError, first_run
from rnnlint.gradients.clipping import clipping_sentence
from rnnlint.gradients.driver import Lifted
from rnnlint.gradients.jobs import JobRunner, Workshop
from rnnlint.gradients.layouts import Steps
from rnnlint.gradients.measure import Measurement, measure, parameter_verdicts, rejudge
from rnnlint.gradients.probe import returned_codes
from rnnlint.gradients.reasons import (
    explain_trouble,
)
from rnnlint.gradients.reference import Match
from rnnlint.gradients.solve import Solved
from rnnlint.gradients.trials import Trials, trials_over
from rnnlint.gradients.verdict import Judged
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Ran, Trouble
from rnnlint.verdicts import GradientCheck, Status


@dataclass(frozen=True)
class PreparedCheck:
    """A verdict, and the solved scenario behind it, to be run again on other texts of the project."""

    check: GradientCheck
    runner: JobRunner
    measurement: Measurement | None = None
    workshop: Workshop | None = None
    solved: Solved | None = None
    lifted: Lifted | None = None
    matched: Match | None = None  # the reference cell that the forward is, with its trace
    doubted: GradientCheck | None = (
        None  # what holds if the loss, under which nothing agrees, is the right one
    )
    is_named: bool = False  # its name says backward pass
    undecided: tuple[Solved, ...] = ()  # layouts that run, under which the numbers drawn decide nothing

    @property
    def is_missed(self) -> bool:
        """Whether it could not be checked and calls itself a backward pass: RIGHT must not be read as if it
        had been."""
        return self.check.status is Status.NOT_CHECKED and self.is_named

    @property
    def is_of_one_step(self) -> bool:
        """Whether only a step was run: whatever its caller does over the steps is not in the verdict."""
        return self.solved is not None and self.solved.draft.layout.steps is Steps.SINGLE

    def confirmed(self) -> PreparedCheck:
        """The check without its doubt: a repair has made every gradient agree, so the loss is the right
        one."""
        return self if self.doubted is None else replace(self, check=self.doubted, doubted=None)

    def trials(self) -> Trials | None:
        """The same scenario, to be run on many texts of its functions at once; None where nothing was
        measured.
        """
        if self.measurement is None or self.workshop is None:
            return None
        return Trials(self.workshop, self.measurement, lifted=self.lifted)

    def trials_over(self, steps: int) -> Trials | None:
        """As :meth:`trials` over so many steps; None where the code does not run that way."""
        if self.measurement is None or self.workshop is None or self.solved is None:
            return None
        made = trials_over(steps, self.workshop, self.solved, self.measurement, self.check.seed or 0)
        return replace(made, lifted=self.lifted) if made is not None else None

    def with_clipping_said(self) -> PreparedCheck:
        """The check with a note where clipping, which was left out, would have changed a gradient.

        The program without what was left out is another one to load: this is for when all else is measured.
        """
        m, workshop = self.measurement, self.workshop
        if m is None or workshop is None or not workshop.neutral or not self.check.judged:
            return self
        codes = returned_codes(m.probe.draft)
        plain = replace(workshop, neutral=())
        try:
            base = first_run(plain.run([m.probe.scenario(codes, frames=m.probe.draft.watched)]))
        except ProbeFailedError:
            return self
        if rejudge(m, base).wrong <= m.judged.wrong:
            return self
        notes = (*self.check.notes, clipping_sentence(workshop.neutral))
        return replace(self, check=replace(self.check, notes=notes))

    @property
    def agrees_over_one_step(self) -> bool:
        """Whether some gradient is the loss's where nothing flows back through time: the loss is then the
        right one.

        A factor must be known: with one output of one step, all losses' gradients are parallel.
        """
        short = self.trials_over(1)
        if short is None or not short.measurement.judged.agreeing:
            return False
        judged = short.measurement.judged
        return judged.scale == 1.0 or judged.scale_name is not None

    def rerun(self, project: Project) -> GradientCheck:
        """The same scenario, values and truth on ``project``'s texts."""
        if self.measurement is None or self.workshop is None:
            return self.check
        workshop = replace(
            self.workshop, project=self.lifted.again(project) if self.lifted is not None else project
        )
        outcome = workshop.run([self.measurement.base_scenario])
        ran = outcome.runs[0] if outcome.runs else Ran(trouble=outcome.trouble)
        return self._verdict_on(self.measurement, ran)

    def reruns(self, variants: Sequence[Sequence[Edit]]) -> list[GradientCheck]:
        """As :meth:`rerun`, with each variant's edits made: one job, but for edits outside functions.

        What is wrong in a second pass alone is measured anew, both passes of it.
        """
        if self.check.call > 1:
            texts = (self._texts_with(edits) for edits in variants)
            return [self.measured_on(each).check if each is not None else self.check for each in texts]
        trials, workshop = self.trials(), self.workshop
        if self.measurement is None or workshop is None or trials is None:
            return [self._edited(edits) for edits in variants]
        loaded = [[edit for edit in edits if workshop.loads(edit.path)] for edits in variants]
        runs = trials.runs(loaded, self.measurement.base_scenario)
        return [
            self._verdict_on(self.measurement, ran) if ran is not None else self._edited(edits)
            for edits, ran in zip(variants, runs, strict=True)
        ]

    def _edited(self, edits: Sequence[Edit]) -> GradientCheck:
        project = self._texts_with(edits)
        return self.rerun(project) if project is not None else self.check

    def _texts_with(self, edits: Sequence[Edit]) -> Project | None:
        """The project with the edits made."""
        if self.workshop is None:
            return None
        base = self.lifted.original if self.lifted is not None else self.workshop.project
        files = base.files
        changes = {path: [e for e in edits if e.path == path] for path in {edit.path for edit in edits}}
        return base.overlay({path: apply_edits(files[path].text, inside) for path, inside in changes.items()})

    def measured_on(self, project: Project) -> PreparedCheck:
        """The same scenario on texts with another forward pass, the truth measured anew. A second pass's
        verdict counts where the passes differ."""
        if self.workshop is None or self.measurement is None:
            return self
        lifted = self.lifted.rebased(project) if self.lifted is not None else None
        workshop = replace(self.workshop, project=lifted.project if lifted is not None else project)
        try:
            measurement = measure(workshop, self.measurement.probe)
        except ProbeFailedError as failed:
            return replace(self, check=self._not_run(failed.trouble))
        if measurement is None:
            return replace(self, check=self._not_run(None))
        check = with_verdicts(self.check, measurement, measurement.second or measurement.judged)
        return replace(self, check=check, measurement=measurement, workshop=workshop, lifted=lifted)

    def _verdict_on(self, measurement: Measurement, ran: Ran) -> GradientCheck:
        if ran.trouble is None:
            return with_verdicts(self.check, measurement, rejudge(measurement, ran))
        return self._not_run(ran.trouble)

    def _not_run(self, trouble: Trouble | None) -> GradientCheck:
        why = explain_trouble(trouble)
        return replace(
            self.check,
            status=Status.NOT_CHECKED,
            reason=why.reason,
            reason_code=why.code,
            advice=why.advice,
            parameters=(),
        )


def with_verdicts(check: GradientCheck, m: Measurement, judged: Judged) -> GradientCheck:
    """The check with what was judged of its parameters."""
    parameters = parameter_verdicts(m, judged)
    partial = bool(m.unpaired) or len(judged.verdicts) < len(m.judged.verdicts)
    return replace(
        check,
        status=Status.PARTIAL if partial else Status.CHECKED,
        parameters=parameters,
        scale=judged.scale,
        scale_name=judged.scale_name,
    )
