"""Every backward pass of a file, checked: the entry of the package."""

from __future__ import annotations

import ast
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from rnnlint.deadline import NEVER, Deadline
from rnnlint.explicit import ExplicitScenario
from rnnlint.findings import Edit
from rnnlint.fixes import apply_edits
from rnnlint.gradients.adjoints import adjoints_of
from rnnlint.gradients.backward_alone import measure_alone
from rnnlint.gradients.callables import Library
from rnnlint.gradients.cells import KINDS
from rnnlint.gradients.charity import most_charitable
from rnnlint.gradients.clipping import clipping_functions, clipping_sentence
from rnnlint.gradients.draft import Draft
from rnnlint.gradients.driver import Lifted, lifted_drivers
from rnnlint.gradients.holes import UnknownArgumentError
from rnnlint.gradients.jobs import JobRunner, OutOfTimeError, Workshop
from rnnlint.gradients.layouts import Steps
from rnnlint.gradients.measure import Measurement, measure, parameter_verdicts, rejudge, with_truth
from rnnlint.gradients.named import NotThereError, entered
from rnnlint.gradients.passes import Pass, Style, is_named_backward, passes_of
from rnnlint.gradients.probe import ProbeFailedError, first_run, returned_codes
from rnnlint.gradients.reasons import (
    Explained,
    explain_trouble,
    is_about_what_was_given,
    no_backward,
    no_forward,
    nothing_agrees,
    oracles_disagree,
    out_of_time,
    unknown_argument,
)
from rnnlint.gradients.redefinitions import as_first_meant
from rnnlint.gradients.reference import Match, match
from rnnlint.gradients.solve import Solved, Solver
from rnnlint.gradients.stated import (
    ADVICE,
    CORRECTABLE,
    NOTE,
    stated_drafts,
    stated_pass,
)
from rnnlint.gradients.synthesis import drafts
from rnnlint.gradients.trials import Trials, trials_over
from rnnlint.gradients.underived import underived
from rnnlint.gradients.verdict import TOLERANCE, Judged, scale_name
from rnnlint.gradients.written_loss import factor_to_written_loss
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Ran, Trouble
from rnnlint.source import Source
from rnnlint.verdicts import GradientCheck, Reason, Status

MOST_PASSES = 10
SECONDS_FOR_REPAIR = 3.5
"""Of the time for a file, what measuring leaves to proofs and repairs once something is found to be wrong."""
SECONDS_TO_REPORT = 0.5
MOST_DRIVERS = 3


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
            return [self._measured_again(self._texts_with(edits)) for edits in variants]
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

    def _measured_again(self, project: Project | None) -> GradientCheck:
        """Both passes on other texts: the second one's verdict, or the first one's where they agree."""
        if project is None or self.workshop is None or self.measurement is None:
            return self.check
        again = self.lifted.again(project) if self.lifted is not None else project
        workshop = replace(self.workshop, project=again)
        try:
            measurement = measure(workshop, self.measurement.probe)
        except ProbeFailedError as failed:
            return self._not_run(failed.trouble)
        if measurement is None:
            return self._not_run(None)
        return _with_verdicts(self.check, measurement, measurement.second or measurement.judged)

    def _verdict_on(self, measurement: Measurement, ran: Ran) -> GradientCheck:
        if ran.trouble is None:
            return _with_verdicts(self.check, measurement, rejudge(measurement, ran))
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


def prepare(
    project: Project,
    source: Source,
    runner: JobRunner,
    *,
    seed: int | None = None,
    entry: str | None = None,
    explicit: Sequence[ExplicitScenario] = (),
    deadline: Deadline = NEVER,
) -> list[PreparedCheck]:
    """Check every backward pass of ``source``: one entry a pass, or one that says why none could be checked.

    ``seed`` makes the probe repeatable; ``entry`` picks passes by name ("forward -> backward" or a part of
    it); ``explicit`` states them by hand, and then no others are looked for. What could not be measured
    before the ``deadline``, less what is left for repairs where some gradient is wrong, is not judged: one
    entry says so.
    """
    chosen_seed = secrets.randbelow(2**31) if seed is None else seed
    trees = {
        path: ast.parse(as_first_meant(held.text))
        for path, held in project.files.items()
        if held.problem is None
    }
    library = Library({source.path: trees[source.path], **trees})
    desk = _Desk(project, source, runner, library, chosen_seed, deadline)
    if explicit and entry is None:
        return [desk.stated(scenario) for scenario in explicit]
    found = passes_of(library, source.path)
    if entry is not None:
        try:
            found = entered(library, source.path, entry, found)
        except NotThereError as missing:
            driven = list(_driven(desk, entry))
            return driven or [desk.refused(None, Explained(missing.code, str(missing), None))]
    results = desk.check_all(found[:MOST_PASSES])
    checked = [r for r in results if r.check.status is not Status.NOT_CHECKED]
    only_steps = all(r.is_of_one_step for r in checked)
    if checked and only_steps:
        over_steps = list(_driven(desk, entry))  # what sums the steps up, and carries from one to the next
        checked += [r for r in over_steps if r.check.status is not Status.NOT_CHECKED]
        results += [r for r in over_steps if r.check.reason_code is Reason.TIMEOUT]
    if checked:
        said = _ALWAYS_SAID | (_SAID_BESIDE_STEPS if only_steps else frozenset())
        return checked + [r for r in results if r.check.reason_code in said or r.is_missed]
    driven = list(_driven(desk, entry))
    checked = [r for r in driven if r.check.status is not Status.NOT_CHECKED]
    late = [r for r in (*results, *driven) if r.check.reason_code is Reason.TIMEOUT]
    return checked or [*late, *results, *driven, desk.refused(None, no_backward(library, source.path))][:1]


def _driven(desk: _Desk, entry: str | None) -> Iterator[PreparedCheck]:
    """The checks of the drivers' iterations, as many as there is time for."""
    late: list[Pass] = []
    for lifted in lifted_drivers(desk.project, desk.library)[:MOST_DRIVERS]:
        if entry is None or entry in lifted.driver.title:
            there = replace(desk, project=lifted.project, library=lifted.library, lifted=lifted)
            made = there.check(lifted.pass_)
            desk.has_wrong |= there.has_wrong
            if made is not None:
                yield made
            else:
                late.append(lifted.pass_)
    if late:
        yield desk.refused(late[0], out_of_time(late))


_ALWAYS_SAID = frozenset({Reason.UNIMPLEMENTED, Reason.RAISES, Reason.TIMEOUT})
"""Why a pass beside checked ones was not, where that is worth an entry of its own."""
_SAID_BESIDE_STEPS = frozenset(
    {Reason.NO_ORACLE, Reason.UNSOLVED_SHAPES, Reason.UNKNOWN_ARGUMENT, Reason.NO_GRADIENT}
)
"""Why a pass over the steps was not checked, where all that was is one step."""


@dataclass
class _Desk:
    project: Project
    source: Source
    runner: JobRunner
    library: Library
    seed: int
    deadline: Deadline
    lifted: Lifted | None = None
    scenario: ExplicitScenario | None = None  # the pass, stated by hand
    has_wrong: bool = False  # some gradient is, and there are repairs to look for

    def check_all(self, passes: Sequence[Pass]) -> list[PreparedCheck]:
        """The verdicts on passes, as many as there is time for, and an entry for the others together."""
        made = [(pass_, self.check(pass_)) for pass_ in passes]
        late = [pass_ for pass_, result in made if result is None]
        results = [result for _, result in made if result is not None]
        return [*results, *([self.refused(late[0], out_of_time(late))] if late else [])]

    def check(self, pass_: Pass) -> PreparedCheck | None:
        """The verdict on one pass; None where it was not reached in time.

        What is cut short is no verdict: the layout not tried might have been the right one, the run not made
        the telling one.
        """
        try:
            made = None if self._until.has_passed else self._measured(pass_)
        except OutOfTimeError:
            return None
        self.has_wrong |= made is not None and bool(made.check.wrong)
        return made

    @property
    def _until(self) -> Deadline:
        return self.deadline.less(SECONDS_FOR_REPAIR if self.has_wrong else SECONDS_TO_REPORT)

    def _for_repair(self, workshop: Workshop) -> Workshop:
        """The workshop for what is tried afterwards: what does not run in time is then merely not tried."""
        return replace(workshop, deadline=self.deadline, strict=False)

    def stated(self, scenario: ExplicitScenario) -> PreparedCheck:
        """The verdict on a pass that is stated by hand."""
        pass_: Pass | None = None
        try:
            pass_ = stated_pass(self.library, self.source.path, scenario)
            there = replace(self, scenario=scenario)
            return there.check(pass_) or self.refused(pass_, out_of_time([pass_]))
        except NotThereError as missing:
            return self.refused(pass_, Explained(missing.code, str(missing), ADVICE))

    def _measured(self, pass_: Pass) -> PreparedCheck:
        if pass_.forward is not None and pass_.forward.is_unfinished:
            pass_ = replace(pass_, forward=None)
        empty = (c is not None and (c.is_empty or c.is_unfinished) for c in (pass_.forward, pass_.backward))
        if any(empty):
            return self.refused(pass_, explain_trouble(None, pass_))
        if pass_.forward is None and pass_.style is Style.PAIR:
            return self.alone(pass_)
        try:
            made = list(self._drafts(pass_))
        except UnknownArgumentError as unknown:
            if pass_.forward is None and not unknown.name:
                return self.refused(pass_, no_forward(pass_))
            return self.refused(pass_, unknown_argument(unknown))
        if self.lifted is not None:
            made = self.lifted.drafts(made)
        workshop = self._workshop(pass_)
        solver = Solver(workshop, self.library, made)
        chosen = most_charitable(workshop, solver, self.seed)
        if chosen.solved is None or chosen.measurement is None:
            ended = chosen.trouble if solver.has_solved else _telling(solver.troubles)
            return self.refused(pass_, explain_trouble(ended, pass_))
        return self._answer(pass_, workshop, chosen.solved, chosen.measurement)

    def _drafts(self, pass_: Pass) -> Iterator[Draft]:
        if self.scenario is not None:
            return stated_drafts(self.project, self.library, pass_, self.scenario)
        return drafts(self.project, self.library, pass_)

    def alone(self, pass_: Pass) -> PreparedCheck:
        """The verdict on a backward pass with no forward: the reference's forward fills its arguments."""
        workshop = self._workshop(pass_)
        kinds = dict.fromkeys([k for k in (_kind(pass_),) if k] + list(KINDS))
        trouble: Trouble | None = None
        for kind in kinds:
            try:
                found = measure_alone(workshop, self.library, pass_, kind, self.seed)
            except ProbeFailedError as failed:
                trouble = trouble or failed.trouble
                continue
            if found is None or not found[0].judged.agreeing:
                continue
            m, convention, notes = found
            check = replace(
                self._empty(pass_),
                ran=f"{pass_.backward.title}() on the values of a reference {kind.upper()}'s forward pass",
                kind=kind,
                forward="unknown",
                oracles=("reference",),
                loss=m.loss.sentence,
                convention=str(convention),
                notes=(*self.project.notes, *notes, *self._clip_note(workshop, m)),
            )
            return PreparedCheck(
                _with_verdicts(check, m, m.judged), self.runner, m, self._for_repair(workshop)
            )
        if trouble is not None:
            return self.refused(pass_, explain_trouble(trouble, pass_))
        return self.refused(pass_, no_forward(pass_))

    def _clip_note(self, workshop: Workshop, m: Measurement) -> tuple[str, ...]:
        return (clipping_sentence(workshop.neutral),) if workshop.neutral and self._clips(workshop, m) else ()

    def _workshop(self, pass_: Pass) -> Workshop:
        companions = tuple({c.path for c in (pass_.forward, pass_.backward) if c is not None})
        neutral = clipping_functions(self.library)
        return Workshop(self.runner, self.project, companions, neutral, deadline=self._until)

    def _answer(self, pass_: Pass, workshop: Workshop, solved: Solved, m: Measurement) -> PreparedCheck:
        matched = match(m)
        adjoints = adjoints_of(m, matched) if matched is not None else None
        if adjoints is not None:
            contradicted = adjoints.contradicted_by(m.truth)
            if contradicted:
                return self.refused(pass_, oracles_disagree(contradicted))
            m = with_truth(m, adjoints.truth)
        notes = (*self.project.notes, *solved.notes, *self._clip_note(workshop, m))
        if self.scenario is not None:
            notes += (NOTE,)
        empty = self._empty(pass_)
        check = replace(
            empty,
            status=Status.CHECKED,
            ran=_ran(pass_),
            kind=matched.kind if matched else _kind(pass_),
            forward="unknown" if matched is None else "variant" if matched.difference else "standard",
            difference=matched.difference if matched else None,
            oracles=("own-loss", "reference") if adjoints is not None else ("own-loss",),
            loss=m.loss.sentence,
            convention="; ".join(
                filter(None, (str(solved.draft.layout), matched.convention if matched else ""))
            ),
            seed=self.seed,
            notes=notes,
            nondeterministic=m.nondeterministic,
            accumulates=m.accumulates,
            underived=underived(self.library, pass_, m.base),
        )
        check = _with_verdicts(check, m, m.judged)
        written = factor_to_written_loss(workshop, self.library, pass_, m)
        if written is not None:
            factor = m.judged.scale * written
            check = replace(check, scale=factor, scale_name=scale_name(factor, m.probe.sizes))
        if m.second is not None:
            check = _with_verdicts(replace(check, call=2), m, m.second)
        if self.lifted is not None:
            check = self.lifted.described(check)
        prepared = PreparedCheck(
            check, self.runner, m, self._for_repair(workshop), solved, self.lifted, matched
        )
        is_known = matched is not None and self.lifted is None and not solved.draft.guesses
        if m.is_trusted or (is_known and m.is_plausible):
            return prepared
        if m.is_plausible and prepared.agrees_over_one_step:
            return prepared
        doubted = check if m.is_plausible else None
        return replace(prepared, check=self.refused(pass_, nothing_agrees(m.loss)).check, doubted=doubted)

    def _clips(self, workshop: Workshop, m: Measurement) -> bool:
        """Whether clipping, left in, would have changed a gradient."""
        plain = replace(workshop, neutral=())
        codes = returned_codes(m.probe.draft)
        try:
            base = first_run(plain.run([m.probe.scenario(codes, frames=m.probe.draft.watched)]))
        except ProbeFailedError:
            return False
        return rejudge(m, base).wrong > m.judged.wrong

    def _empty(self, pass_: Pass | None) -> GradientCheck:
        line = pass_.backward.node.lineno if pass_ else 1
        title = pass_.title if pass_ else ""
        return GradientCheck(
            id=f"{self.source.path.name}:{pass_.backward.title if pass_ else ''}",
            status=Status.NOT_CHECKED,
            path=self.source.path,
            line=line,
            entry=title,
            tolerance=TOLERANCE,
            seed=self.seed,
        )

    def refused(self, pass_: Pass | None, why: Explained) -> PreparedCheck:
        """A check that could not be made, with the reason."""
        advice = ADVICE if self.scenario is not None and why.code in CORRECTABLE else why.advice
        check = replace(self._empty(pass_), reason=why.reason, reason_code=why.code, advice=advice)
        named = pass_ is not None and is_named_backward(pass_.backward.name)
        return PreparedCheck(check, self.runner, is_named=named)


def _with_verdicts(check: GradientCheck, m: Measurement, judged: Judged) -> GradientCheck:
    parameters = parameter_verdicts(m, judged)
    partial = bool(m.unpaired) or len(judged.verdicts) < len(m.judged.verdicts)
    return replace(
        check,
        status=Status.PARTIAL if partial else Status.CHECKED,
        parameters=parameters,
        scale=judged.scale,
        scale_name=judged.scale_name,
    )


def _telling(troubles: Sequence[Trouble]) -> Trouble | None:
    """The trouble that says most: of those that came furthest, the commonest.

    Least says what is only about the values that it was given.
    """
    if not troubles:
        return None
    return max(
        troubles,
        key=lambda t: (
            not is_about_what_was_given(t),
            sum(o.line == t.line and o.message == t.message for o in troubles),
            t.line,
        ),
    )


def _ran(pass_: Pass) -> str:
    forward = pass_.forward
    if forward is None or forward.node is pass_.backward.node:
        return f"{pass_.backward.title}()"
    if forward.path != pass_.backward.path:
        return f"{pass_.backward.title}() with {Path(forward.path).name}'s {forward.title}()"
    return f"{forward.title}() and {pass_.backward.title}()"


def _kind(pass_: Pass) -> str | None:
    import re

    for text in (pass_.backward.title, pass_.backward.path.stem, ast.unparse(pass_.backward.node)):
        for kind in ("lstm", "gru", "rnn"):
            if re.search(kind, text, re.IGNORECASE):
                return kind
    return None
