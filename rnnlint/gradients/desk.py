"""From one pass to its verdict: written, solved, measured, compared with the reference, or refused."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from rnnlint.deadline import Deadline
from rnnlint.explicit import ExplicitScenario
from rnnlint.gradients.adjoints import adjoints_of
from rnnlint.gradients.answers import ProbeFailedError
from rnnlint.gradients.backward_alone import measure_alone
from rnnlint.gradients.by_itself import holds_by_itself
from rnnlint.gradients.cells import KINDS
from rnnlint.gradients.charity import Chosen, drawn_again, most_charitable
from rnnlint.gradients.clipping import clipping
from rnnlint.gradients.draft import Draft
from rnnlint.gradients.driver import Lifted
from rnnlint.gradients.holes import UnknownArgumentError
from rnnlint.gradients.jobs import JobRunner, OutOfTimeError, Workshop
from rnnlint.gradients.last_step_first import order_notes
from rnnlint.gradients.layouts import LAYERS_DEEP
from rnnlint.gradients.library import Library
from rnnlint.gradients.measure import Measurement, with_truth
from rnnlint.gradients.named import NotThereError
from rnnlint.gradients.passes import Pass, Style, is_named_backward
from rnnlint.gradients.prepared import PreparedCheck, with_verdicts
from rnnlint.gradients.reasons import (
    Explained,
    explain_trouble,
    is_about_what_was_given,
    no_forward,
    nothing_agrees,
    one_step_only,
    oracles_disagree,
    order_not_stated,
    out_of_time,
    runs_are_remembered,
    unknown_argument,
)
from rnnlint.gradients.reference import match
from rnnlint.gradients.returned_instead import returned_instead
from rnnlint.gradients.solve import Solved, Solver
from rnnlint.gradients.stated import (
    ADVICE,
    CORRECTABLE,
    NOTE,
    stated_drafts,
    stated_pass,
)
from rnnlint.gradients.synthesis import drafts
from rnnlint.gradients.truncation import with_nothing_cut_off
from rnnlint.gradients.underived import underived
from rnnlint.gradients.verdict import TOLERANCE, scale_name
from rnnlint.gradients.written_loss import factor_to_written_loss
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Failure, Trouble
from rnnlint.source import Source
from rnnlint.verdicts import GradientCheck, Status

ACCUMULATES = "A second call adds its gradients to those of the first: they must be set to zero before each."
"""What is said of it, beside what the numbers of the first call say."""
SECONDS_FOR_REPAIR = 3.5
"""Of the time for a file, what measuring leaves to proofs and repairs once something is found to be wrong."""
SECONDS_TO_REPORT = 0.5
SHARE_OF_ANOTHER_DRAW = 0.5
"""Of the time that is left: what other numbers for one undecided pass may take."""


@dataclass
class Desk:
    """Checks one pass after the other of a file, in its project and within its time."""

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
        first = [(pass_, self._first(pass_)) for pass_ in passes]
        made = [(pass_, self._decided(pass_, result)) for pass_, result in first]
        late = [pass_ for pass_, result in made if result is None]
        results = [result for _, result in made if result is not None]
        return [*results, *([self.refused(late[0], out_of_time(late))] if late else [])]

    def check(self, pass_: Pass) -> PreparedCheck | None:
        """The verdict on one pass; None where it was not reached in time."""
        return self._decided(pass_, self._first(pass_))

    def _first(self, pass_: Pass) -> PreparedCheck | None:
        """The verdict on the first numbers drawn; None where it was not reached in time.

        What is cut short is no verdict: the layout not tried might have been the right one, the run not made
        the telling one.
        """
        try:
            made = None if self._until.has_passed else self._measured(pass_)
        except OutOfTimeError:
            return None
        self.has_wrong |= made is not None and bool(made.check.wrong)
        return made

    def _decided(self, pass_: Pass, first: PreparedCheck | None) -> PreparedCheck | None:
        """The verdict on other numbers of a pass about which the first ones decide nothing, if they do.

        How well a wrong gradient is aligned with the true one, which tells that the loss is its own, hangs on
        the draw.
        """
        if first is None:
            return None
        until = self._until.share(SHARE_OF_ANOTHER_DRAW)
        workshop = replace(self._workshop(pass_), deadline=until)
        for solved in first.undecided:
            try:
                m = drawn_again(workshop, solved, self.seed)
                again = self._answer(pass_, workshop, solved, m) if m is not None else None
            except OutOfTimeError:
                return first
            if again is not None and again.check.status is not Status.NOT_CHECKED:
                self.has_wrong |= bool(again.check.wrong)
                return again
        return first

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
        # From zero states, or in one layer, a wrong gradient may look right: only where nothing else runs.
        ended: Trouble | None = None
        for _, telling in groupby(sorted(made, key=_tells_less), key=_tells_less):
            solver = Solver(workshop, self.library, list(telling))
            chosen = most_charitable(workshop, solver, self.seed)
            if chosen.best:
                return self._kindest(pass_, workshop, chosen)
            met = chosen.trouble if solver.has_solved else solver.narrowed or _telling(solver.troubles)
            ended = ended or met
        return self.refused(pass_, explain_trouble(ended, pass_))

    def _kindest(self, pass_: Pass, workshop: Workshop, chosen: Chosen) -> PreparedCheck:
        """The verdict under the first of the best layouts that there is one under."""
        answers: list[PreparedCheck] = []
        for solved, measurement in chosen.best:
            answers.append(self._answer(pass_, workshop, solved, measurement))
            if answers[-1].check.status is not Status.NOT_CHECKED:
                return answers[-1]
        return replace(answers[0], undecided=tuple(solved for solved, _ in chosen.best))

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
                notes=(*self.project.notes, *notes),
            )
            return PreparedCheck(
                with_verdicts(check, m, m.judged), self.runner, m, self._for_repair(workshop)
            )
        if trouble is not None:
            return self.refused(pass_, explain_trouble(trouble, pass_))
        return self.refused(pass_, no_forward(pass_))

    def _workshop(self, pass_: Pass) -> Workshop:
        companions = tuple({c.path for c in (pass_.forward, pass_.backward) if c is not None})
        neutral = clipping(self.library)
        return Workshop(self.runner, self.project, companions, neutral, deadline=self._until)

    def _answer(self, pass_: Pass, workshop: Workshop, solved: Solved, m: Measurement) -> PreparedCheck:
        if m.shows_one_step and not m.judged.wrong:
            return self.refused(pass_, one_step_only(pass_))
        if m.is_unordered:
            given = [upstream.hole.removeprefix("_in_") for upstream in m.probe.draft.upstream]
            return self.refused(pass_, order_not_stated(pass_, given))
        m, cut_off = with_nothing_cut_off(self._for_repair(workshop), self.library, solved, m, self.seed)
        matched = match(m)
        adjoints = adjoints_of(m, matched) if matched is not None else None
        if adjoints is not None:
            contradicted = adjoints.contradicted_by(m.truth)
            if contradicted:
                return self.refused(pass_, oracles_disagree(contradicted))
            m = with_truth(m, adjoints.truth)
        elif not m.judged.wrong and not holds_by_itself(self._for_repair(workshop), m):
            return self.refused(pass_, runs_are_remembered(pass_))
        notes = (*self.project.notes, *solved.notes)
        if self.scenario is not None:
            notes += (NOTE,)
        if m.accumulates:
            notes += (ACCUMULATES,)
        notes += order_notes(m.loss, m.last_step_first)
        notes += (cut_off,) if cut_off is not None else ()
        notes += tuple(returned_instead(m))
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
            other_loss=m.passed_over.sentence(m.loss) if m.passed_over is not None else None,
        )
        check = with_verdicts(check, m, m.judged)
        written = factor_to_written_loss(workshop, self.library, pass_, m)
        if written is not None:
            factor = m.judged.scale * written
            check = replace(check, scale=factor, scale_name=scale_name(factor, m.probe.sizes))
        if m.second is not None:
            check = with_verdicts(replace(check, call=2), m, m.second)
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


def _tells_less(draft: Draft) -> tuple[bool, bool]:
    return not draft.layout.begins, draft.layout.layers < LAYERS_DEEP


def _telling(troubles: Sequence[Trouble]) -> Trouble | None:
    """The trouble that says most: of those that came furthest, the commonest.

    Least says what is only about the values that it was given.
    """
    if not troubles:
        return None
    endless = next((each for each in troubles if each.failure is Failure.TIMEOUT), None)
    if endless is not None:
        return endless
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
