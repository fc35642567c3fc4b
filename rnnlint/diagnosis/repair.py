"""Repair by search: the small edit that makes every gradient right, found by trying.

A search needs to know when it is on the way. Over a single step nothing flows back, so a wrong δ makes its own weights'
gradients wrong and no others: an edit that makes one of them exactly right is a step forward, whatever else is
still wrong. Only then come the steps together, with what flows between them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from rnnlint.diagnosis.edits import Candidate, Kind, edits_of_loops, edits_of_statement
from rnnlint.diagnosis.influence import Errors, Trials, influences
from rnnlint.diagnosis.suspects import BackwardText, Suspect
from rnnlint.diagnosis.vocabulary import Vocabulary

RIGHT = 1e-6
BATCH = 32
MOST_PAIRED = 24
"""Of how many edits every two are tried together, where none alone helps."""

_BETWEEN_STEPS = frozenset(
    {Kind.INDEX, Kind.OVERWRITE, Kind.ADDED_TWICE, Kind.CARRY, Kind.PART, Kind.STEPS, Kind.MISSING_TERM, Kind.SPURIOUS_TERM}
)
"""Kinds of edits that a single step does not feel."""


@dataclass(frozen=True, slots=True)
class Repair:
    """Edits that were accepted one after the other, each in the text that the ones before it left alone.

    ``complete`` where every gradient is right with them. ``suspected`` is where to look otherwise: the statements
    that reach exactly the gradients that are still wrong, first line first.
    """

    candidates: tuple[Candidate, ...] = ()
    complete: bool = False
    suspected: tuple[Suspect, ...] = ()


@dataclass
class Budget:
    """Seconds that a search may still take."""

    seconds: float
    _started: float = field(default_factory=time.monotonic)

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return time.monotonic() - self._started > self.seconds


def wrong_in(errors: Errors) -> frozenset[str]:
    """The parameters whose gradients are wrong."""
    return frozenset(name for name, error in errors.items() if not error <= RIGHT)


def search(
    texts: Sequence[BackwardText], trials: Trials, one_step: Trials | None, budget: Budget
) -> Repair:
    """Find the edits that make every gradient of ``trials`` right, as many bugs as there are."""
    return _Search(texts, trials, one_step, budget).run()


@dataclass
class _Step:
    """An edit that was tried, and what it left wrong."""

    candidate: tuple[Candidate, ...]
    wrong: frozenset[str]
    wrong_over_time: frozenset[str] | None = None


class _Search:
    def __init__(
        self, texts: Sequence[BackwardText], trials: Trials, one_step: Trials | None, budget: Budget
    ) -> None:
        self.texts = texts
        self.words = {id(text): Vocabulary(text) for text in texts}
        self.suspects = [(text, suspect) for text in texts for suspect in text.suspects]
        self.trials, self.one_step, self.budget = trials, one_step, budget
        self.accepted: tuple[Candidate, ...] = ()
        self._candidates: dict[int, tuple[Candidate, ...]] = {}
        self.reach_of_one = self._reach(one_step) if one_step is not None else None
        self._reach_over_time: list[frozenset[str] | None] | None = None

    def run(self) -> Repair:
        wrong_of_one = wrong_in(self.one_step.errors) if self.one_step is not None else frozenset()
        if self.one_step is not None:
            while wrong_of_one and not self.budget.spent:
                step = self._repaired_within_a_step(wrong_of_one)
                if step is None:
                    return self._given_up(wrong_of_one, self.reach_of_one)
                self.accepted = step.candidate
                wrong_of_one = step.wrong
        wrong = wrong_in(self._errors(self.trials, self.accepted))
        while wrong and not self.budget.spent:
            better = self._repaired_between_steps(wrong)
            if better is None:
                return self._given_up(wrong, self.reach_over_time)
            self.accepted, wrong = better.candidate, better.wrong
        return Repair(self.accepted, complete=not wrong)

    @property
    def reach_over_time(self) -> list[frozenset[str] | None]:
        if self._reach_over_time is None:
            self._reach_over_time = self._reach(self.trials)
        return self._reach_over_time

    def _reach(self, trials: Trials) -> list[frozenset[str] | None]:
        return influences([suspect for _, suspect in self.suspects], trials)

    def _errors(self, trials: Trials, candidates: Sequence[Candidate]) -> Errors:
        if not candidates:
            return trials.errors
        (errors,) = trials.run([_edits(candidates)])
        assert errors is not None
        return errors

    def _repaired_within_a_step(self, wrong: frozenset[str]) -> _Step | None:
        """The edit after which most is right over one step; where all is, the one that leaves least wrong over time."""
        assert self.one_step is not None and self.reach_of_one is not None
        likely = self._by_reach(self.reach_of_one, wrong)
        complete: list[_Step] = []
        best: _Step | None = None
        tried = 0
        for step in self._tried(self.one_step, likely):
            tried += 1
            if not step.wrong:
                complete.append(step)
            elif step.wrong < wrong and (best is None or len(step.wrong) < len(best.wrong)):
                best = step
            if tried % BATCH == 0:
                chosen = self._chosen_over_time(complete)
                if chosen is not None and not chosen.wrong_over_time:
                    return chosen
                if best is not None and tried >= 3 * BATCH and not complete:
                    return best
        chosen = self._chosen_over_time(complete)
        return chosen or best or self._paired(self.one_step, likely, wrong)

    def _chosen_over_time(self, complete: list[_Step]) -> _Step | None:
        """Of the edits after which one step is right, the first that leaves the fewest wrong over several."""
        unknown = [step for step in complete if step.wrong_over_time is None]
        for step, errors in zip(unknown, self.trials.run([_edits(s.candidate) for s in unknown]), strict=True):
            step.wrong_over_time = wrong_in(errors) if errors is not None else frozenset(self.trials.errors)
        return min(complete, key=lambda step: len(step.wrong_over_time or ()), default=None)

    def _repaired_between_steps(self, wrong: frozenset[str]) -> _Step | None:
        best: _Step | None = None
        likely = self._between_steps(wrong) if self.one_step is not None else self._by_reach(self.reach_over_time, wrong)
        for step in self._tried(self.trials, likely):
            if not step.wrong:
                return step
            if step.wrong < wrong and (best is None or len(step.wrong) < len(best.wrong)):
                best = step
        return best or self._paired(self.trials, likely, wrong)

    def _paired(self, trials: Trials, likely: Sequence[Candidate], wrong: frozenset[str]) -> _Step | None:
        """Two edits at once, of the likeliest of each line."""
        chosen: list[Candidate] = []
        for candidate in likely:
            if sum(other.line == candidate.line for other in chosen) < MOST_PAIRED // 3:
                chosen.append(candidate)
        pairs = [p for p in combinations(chosen[: 2 * MOST_PAIRED], 2) if not _clash(*p)]
        pairs.sort(key=lambda pair: pair[0].rank + pair[1].rank)
        best: _Step | None = None
        for step in self._run(trials, [(*self.accepted, *pair) for pair in pairs[: 8 * BATCH]]):
            if not step.wrong:
                return step
            if step.wrong < wrong and (best is None or len(step.wrong) < len(best.wrong)):
                best = step
        return best

    def _tried(self, trials: Trials, likely: Sequence[Candidate]) -> Iterator[_Step]:
        fitting = [c for c in likely if not any(_clash(c, known) for known in self.accepted)]
        yield from self._run(trials, [(*self.accepted, candidate) for candidate in fitting])

    def _run(self, trials: Trials, variants: Sequence[tuple[Candidate, ...]]) -> Iterator[_Step]:
        for start in range(0, len(variants), BATCH):
            if self.budget.spent:
                return
            batch = variants[start : start + BATCH]
            for variant, errors in zip(batch, trials.run([_edits(v) for v in batch]), strict=True):
                if errors is not None:
                    yield _Step(variant, wrong_in(errors))

    def _by_reach(self, reach: list[frozenset[str] | None], wrong: frozenset[str]) -> list[Candidate]:
        """Edits of the statements that reach nothing but what is wrong; those that reach all of it first."""
        ranked: list[tuple[float, Candidate]] = []
        for (text, suspect), reached in zip(self.suspects, reach, strict=True):
            if reached is None:
                handicap = 1.0
            elif reached == wrong:
                handicap = 0.0
            elif reached and reached < wrong:
                handicap = 0.6
            elif reached > wrong:
                handicap = 1.5
            else:
                continue
            ranked += [(handicap + c.rank, c) for c in self._of(text, suspect)]
        for text in self.texts:
            ranked += [(1.5 + c.rank, c) for c in edits_of_loops(text, self.words[id(text)])]
        ranked.sort(key=lambda item: item[0])
        return [candidate for _, candidate in ranked]

    def _between_steps(self, wrong: frozenset[str]) -> list[Candidate]:
        """What a single step does not feel: indices, the way results are kept, carries, and statements that make them."""
        assert self.reach_of_one is not None
        ranked: list[tuple[float, Candidate]] = []
        for (text, suspect), one, several in zip(self.suspects, self.reach_of_one, self.reach_over_time, strict=True):
            silent = one is not None and not one
            if several is not None and not several and not silent:
                continue
            handicap = 0.0 if several == wrong else 0.3
            for candidate in self._of(text, suspect):
                if silent or one is None or candidate.kind in _BETWEEN_STEPS:
                    ranked.append((handicap + candidate.rank + (0.0 if silent else 0.4), candidate))
        for text in self.texts:
            ranked += [(c.rank, c) for c in edits_of_loops(text, self.words[id(text)])]
        ranked.sort(key=lambda item: item[0])
        return [candidate for _, candidate in ranked]

    def _of(self, text: BackwardText, suspect: Suspect) -> tuple[Candidate, ...]:
        if id(suspect) not in self._candidates:
            self._candidates[id(suspect)] = edits_of_statement(suspect, self.words[id(text)])
        return self._candidates[id(suspect)]

    def _given_up(self, wrong: frozenset[str], reach: list[frozenset[str] | None] | None) -> Repair:
        found = [
            suspect
            for (_, suspect), reached in zip(self.suspects, reach or [], strict=True)
            if reached is not None and reached == wrong
        ]
        return Repair(self.accepted, suspected=tuple(found))


def _edits(candidates: Sequence[Candidate]) -> list:  # type: ignore[type-arg]
    return [edit for candidate in candidates for edit in candidate.edits]


def _clash(one: Candidate, other: Candidate) -> bool:
    """Whether two candidates change overlapping stretches of text."""
    return any(
        a.path == b.path
        and (a.span.line, a.span.column) < (b.span.end_line, b.span.end_column)
        and (b.span.line, b.span.column) < (a.span.end_line, a.span.end_column)
        for a in one.edits
        for b in other.edits
    ) or any(a == b for a in one.edits for b in other.edits)
