"""Repair at the first wrong line: the localiser names it, small edits there are tried, the numbers decide.

One bug after the other: where an edit does not make every gradient right, it is taken if less is wrong with
it than before, in the gradients and among the results of the single statements.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Sequence

from rnnlint.diagnosis.budget import Budget, wrong_in
from rnnlint.diagnosis.edits import Candidate, Kind, edits_of_loops, edits_of_statement
from rnnlint.diagnosis.edits.candidate import replacing
from rnnlint.diagnosis.influence import CHANGED, Errors
from rnnlint.diagnosis.suspects import BackwardText, backward_texts
from rnnlint.diagnosis.tracing.blame import Blame, blame
from rnnlint.diagnosis.tracing.expressions import expressions_for
from rnnlint.diagnosis.tracing.judged import Made, State
from rnnlint.diagnosis.tracing.lacking import lacking
from rnnlint.diagnosis.tracing.recording import weights_at_hand
from rnnlint.diagnosis.tracing.retried import those_that_mend
from rnnlint.diagnosis.tracing.screened import Screen
from rnnlint.diagnosis.tracing.trace import Trace
from rnnlint.diagnosis.tracing.watched import Part
from rnnlint.diagnosis.vocabulary import Vocabulary
from rnnlint.findings import Edit
from rnnlint.gradients.trials import Trials
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace

BATCH = 16
GUARDED = 4
"""Lines below a condition that may decide over a blamed statement."""
MOST_TRIED = 224
"""Edits that are tried for one bug."""
LIKELY = 0.3
LIKELIER = 0.8
"""What a silent statement would have to be, by value, before what its names suggest."""
MOST_SUBJECTS = 3
"""Of how many blamed statements it is asked what they lack: those that are no less likely than so much."""
MOST_JUDGED = 6
"""Of these, the edits after which every statement is judged anew."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the localiser says of one text: whom it blames, and the edit that takes it further, if any.

    ``complete`` where every gradient is right with it.
    """

    blamed: Blame
    edit: Candidate | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class _Outcome:
    candidate: Candidate
    wrong: frozenset[str]
    changed: bool
    order: int
    prospect: float | None = None  # on paper


@dataclass(frozen=True, slots=True, order=True)
class _Score:
    """How wrong a text is: in how many gradients, in how many results down to the step that was the first
    wrong one and in how many of all, and at which step of the way back first.
    """

    parameters: int
    early: int
    results: int
    step: float

    def is_better_than(self, other: _Score) -> bool:
        """Whether it is so in more than how far a bug that is still there spreads."""
        return (self.parameters, self.early) < (other.parameters, other.early)

    @staticmethod
    def of(wrong: frozenset[str], made: Sequence[Made], first: Made) -> _Score:
        results = [each for each in made if each.is_wrong]
        silent = [each for each in made if each.state is State.ZERO]  # an edit that wipes out is no better
        early = sum(each.step <= first.step for each in [*results, *silent])
        return _Score(len(wrong), early, len(results) + len(silent), results[0].step if results else math.inf)


@dataclass(frozen=True)
class Localiser:
    """Looks for the next bug of one text of the project."""

    project: Project
    trace: Trace
    trials: Trials
    budget: Budget
    offered: tuple[Candidate, ...] = ()  # what findings that are known have for fixes

    def step(self) -> Step | None:
        """The next step; None where the text does not run so that it can be watched."""
        texts = backward_texts(self.project, self.trace.check)
        made = self.trace.made_by(self.trials, texts)
        if made is None:
            return None
        blamed = blame(made, texts)
        if not blamed.suspects:
            return Step(blamed)
        outcomes: list[_Outcome] = []
        mending: list[_Outcome] = []
        first = blamed.first if blamed.first is not None else made[0]
        score = _Score.of(wrong_in(self.trials.errors), made, first)
        known = [*self._offered(blamed), *self._written_anew(blamed, made, texts)]
        ranked = self._screened(_ranked(blamed, texts, known), blamed, made, texts)
        for batch in self._tried(ranked):
            for outcome in batch:
                if not outcome.wrong:
                    return Step(blamed, outcome.candidate, complete=True)
            helpful = [o for o in batch if o.changed and len(o.wrong) <= score.parameters]
            outcomes += helpful
            mend = self._that_mend(blamed.first, helpful)
            mending += mend
            offered = [outcome for outcome in mend if outcome.candidate.kind is Kind.OFFERED]
            good = self._best(offered, score, first) or self._best(mend, score, first, further=True)
            if good is not None:
                return Step(blamed, good)
        best = self._best(mending, score, first) or self._best(outcomes, score, first, further=True)
        return Step(blamed, best)

    def _screened(
        self,
        ranked: Sequence[tuple[float, Candidate]],
        blamed: Blame,
        made: Sequence[Made],
        texts: Sequence[BackwardText],
    ) -> list[tuple[Candidate, float | None]]:
        """The likeliest edits first, with their prospects: those that mend the first wrong result on paper
        before all others.
        """
        if blamed.first is None:
            return [(candidate, None) for _, candidate in ranked]
        own = blamed.first.watched.statement.function
        text = next((text for text in texts if text.function is own), None)
        at_hand = weights_at_hand(self.trace.truths, text) if text is not None else {}
        screen = Screen.of(blamed.first, made, self.trace.truths, at_hand)
        weighed = [(rank, c, screen.prospect(c.edits)) for rank, c in ranked]
        weighed.sort(key=lambda item: item[0] + _weight_on_paper(item[2]))
        return [(candidate, prospect) for _, candidate, prospect in weighed]

    def _offered(self, blamed: Blame) -> list[Candidate]:
        """The known fixes on the blamed lines."""
        lines = {(suspect.path, suspect.line) for _, suspect in blamed.suspects}
        return [c for c in self.offered if any((e.path, e.span.line) in lines for e in c.edits)]

    def _written_anew(
        self, blamed: Blame, made: Sequence[Made], texts: Sequence[BackwardText]
    ) -> list[Candidate]:
        """The likeliest statements with what they lack, and the first wrong one as the products of true
        quantities that it may have to be.
        """
        found: list[Candidate] = []
        for subject in self._subjects(blamed, made):
            statement = subject.watched.statement
            text = next((text for text in texts if text.function is statement.function), None)
            if text is not None:
                handicaps = [h for h, suspect in blamed.suspects if suspect.node is statement.node]
                likelier = -LIKELIER if subject.state is State.ZERO else min([*handicaps, 0.0])
                candidates = lacking(subject, made, self.trace.truths, Vocabulary(text))
                found += [replace(each, rank=each.rank + likelier) for each in candidates]
        first = blamed.first
        if first is not None and first.watched.node is not None and not _only_hands_on(first):
            program, node = first.watched.statement.program, first.watched.node
            found += [
                replacing(program, node, each.text, Kind.EXPRESSION, 0.75 + 0.1 * each.unread)
                for each in expressions_for(first, made, self.trace.truths)
            ]
        return found

    @staticmethod
    def _subjects(blamed: Blame, made: Sequence[Made]) -> list[Made]:
        """What the likeliest statements made when the first wrong result came about, that one first; what
        is silent though something should come in."""
        silent = [m for m in blamed.silent if m.watched.part is not Part.AFTER][:MOST_SUBJECTS]
        if blamed.first is None:
            return silent
        likely = [suspect.node for handicap, suspect in blamed.suspects if handicap <= LIKELY]
        others = [
            each
            for node in dict.fromkeys(likely)
            if node is not blamed.first.watched.statement.node
            for each in made
            if each.step == blamed.first.step and each.watched.statement.node is node
        ]
        flowing = [each for each in others if each.state is not State.FORWARD]
        subjects = [m for m in (blamed.first, *flowing) if m.watched.part is not Part.AFTER][:MOST_SUBJECTS]
        return [*subjects, *(m for m in silent if m not in subjects)]

    def _that_mend(self, first: Made | None, outcomes: Sequence[_Outcome]) -> list[_Outcome]:
        """Those after which the first wrong result is a true one."""
        if first is None or not outcomes:
            return []
        variants = [outcome.candidate.edits for outcome in outcomes]
        mended = those_that_mend(first, variants, self.trace, self.trials)
        return [outcome for outcome, mends in zip(outcomes, mended, strict=True) if mends]

    def _tried(self, candidates: Sequence[tuple[Candidate, float | None]]) -> Iterator[list[_Outcome]]:
        """What the edits come to, some at a time."""
        before = self.trials.errors
        for start in range(0, min(len(candidates), MOST_TRIED), BATCH):
            batch = candidates[start : start + self.budget.take(BATCH)]
            if not batch:
                return
            ran = self.trials.run([list(candidate.edits) for candidate, _ in batch])
            yield [
                _Outcome(candidate, wrong_in(errors), _differ(errors, before), number, prospect)
                for number, ((candidate, prospect), errors) in enumerate(zip(batch, ran, strict=True), start)
                if errors is not None
            ]

    def _best(
        self, outcomes: Sequence[_Outcome], now: _Score, first: Made, *, further: bool = False
    ) -> Candidate | None:
        """The edit after which the fewest gradients and results are wrong; none unless fewer than now.

        With ``further`` only one that leaves fewer gradients wrong, or fewer results so early on the way
        back.
        """
        best, chosen = now, None
        for outcome in sorted(outcomes, key=_fewest_wrong)[:MOST_JUDGED]:
            after = None if self.budget.spent else self._score(outcome, first)
            new = outcome.candidate.kind is Kind.EXPRESSION
            if after is None:
                continue
            if (further or new) and not self._is_progress(outcome, after, now):
                continue
            if after < best and (chosen is None or after.is_better_than(best)):
                best, chosen = after, outcome.candidate
        return chosen

    @staticmethod
    def _is_progress(outcome: _Outcome, after: _Score, now: _Score) -> bool:
        """Whether a bug has gone, and not only moved."""
        if after.parameters < now.parameters:
            return True
        spreads = outcome.prospect is None or outcome.prospect > 1.0
        return spreads and (
            after.step > now.step or (outcome.prospect is not None and after.early < now.early)
        )

    def _score(self, outcome: _Outcome, first: Made) -> _Score | None:
        texts = backward_texts(self.project, self.trace.check)
        made = self.trace.made_by(self.trials, texts, outcome.candidate.edits)
        return _Score.of(outcome.wrong, made, first) if made is not None else None


def _only_hands_on(made: Made) -> bool:
    """Whether it computes nothing: what it gives back, or changed, was made elsewhere."""
    bare = isinstance(made.watched.node, ast.Name | ast.Attribute)
    return made.watched.part is Part.AFTER or (
        bare and not isinstance(made.watched.statement.node, ast.Assign | ast.AugAssign)
    )


def _weight_on_paper(prospect: float | None) -> float:
    """What an edit's prospect adds to its rank."""
    return 0.0 if prospect is None else 2.0 - 3.0 * prospect


def _ranked(
    blamed: Blame, texts: Sequence[BackwardText], known: Sequence[Candidate]
) -> list[tuple[float, Candidate]]:
    """Edits of the blamed statements, and of the loops where a carry is never set, among the ``known`` ones;
    each once, with how unlikely it is.
    """
    vocabularies = {id(text): Vocabulary(text) for text in texts}
    ranked = [(candidate.rank, candidate) for candidate in known]
    for handicap, suspect in blamed.suspects:
        for text in texts:
            if any(suspect is own for own in text.suspects):
                ranked += [
                    (handicap + c.rank, c) for c in edits_of_statement(suspect, vocabularies[id(text)])
                ]
    for text in texts:
        for candidate in edits_of_loops(text, vocabularies[id(text)]):
            guarded = any(0 < s.line - candidate.line <= GUARDED for _, s in blamed.suspects)
            handicap = -0.5 if blamed.unset or (guarded and candidate.kind is Kind.STEPS) else 0.9
            ranked.append((handicap + candidate.rank, candidate))
    likeliest: dict[tuple[Edit, ...], tuple[float, Candidate]] = {}
    for rank, candidate in sorted(ranked, key=lambda item: item[0]):
        likeliest.setdefault(candidate.edits, (rank, candidate))
    return list(likeliest.values())


def _differ(errors: Errors, before: Errors) -> bool:
    return any(abs(error - before[name]) > CHANGED for name, error in errors.items())


def _fewest_wrong(outcome: _Outcome) -> tuple[int, int]:
    return len(outcome.wrong), outcome.order
