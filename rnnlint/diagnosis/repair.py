"""Repair by search: the small edit that makes every gradient right, found by trying.

A search needs to know when it is on the way. Over a single step nothing flows back, so a wrong δ makes its
own weights' gradients wrong and no others: an edit that makes one of them exactly right is a step forward,
whatever else is still wrong. Only then come the steps together, with what flows between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import combinations

from rnnlint.diagnosis.budget import Budget, wrong_in
from rnnlint.diagnosis.edits import Candidate, Kind, edits_of_loops, edits_of_statement
from rnnlint.diagnosis.influence import Errors, Trials, influences
from rnnlint.diagnosis.suspects import BackwardText, Suspect
from rnnlint.diagnosis.vocabulary import Vocabulary
from rnnlint.findings import Edit
from rnnlint.records import dataclass

BATCH = 16
PATIENCE = 4
"""Batches after which a step forward is taken though a better one may come."""
MORE_PATIENCE = 12
"""Batches after which an edit is taken that makes its stage right and nothing over all steps."""
MOST_PAIRED = 24
"""Of how many edits every two are tried together, where none alone helps."""

_BETWEEN_STEPS = frozenset({Kind.INDEX, Kind.OVERWRITE, Kind.ADDED_TWICE, Kind.PART, Kind.STEPS})
"""Kinds of edits that a single step does not feel."""
_CARRIED = frozenset({Kind.MISSING_TERM, Kind.SPURIOUS_TERM, Kind.SIGN, Kind.PARTNER, Kind.SPURIOUS_FACTOR})
"""Kinds of edits that a single step does not feel where they concern what is carried."""


@dataclass(frozen=True, slots=True)
class Repair:
    """Edits that were accepted one after the other, each in the text that the ones before it left alone.

    ``complete`` where every gradient is right with them. ``suspected`` is where to look otherwise: the
    statements that reach exactly the gradients that are still wrong, first line first.
    """

    candidates: tuple[Candidate, ...] = ()
    complete: bool = False
    suspected: tuple[Suspect, ...] = ()


def search(
    texts: Sequence[BackwardText], trials: Trials, over: Callable[[int], Trials | None], budget: Budget
) -> Repair:
    """Find the edits that make every gradient of ``trials`` right, as many bugs as there are.

    ``over`` gives the same scenario over so many steps.
    """
    return _Search(texts, trials, over, budget).run()


@dataclass
class _Stage:
    """A scenario over some steps, the parameters that are judged there, and what each statement reaches."""

    trials: Trials
    names: frozenset[str]
    suspects: Sequence[Suspect]

    @cached_property
    def reach(self) -> list[frozenset[str] | None]:
        """For each statement what it reaches; None where that could not be seen."""
        return influences(self.suspects, self.trials)

    def wrong(self, errors: Errors) -> frozenset[str]:
        return wrong_in(errors) & self.names

    @cached_property
    def common(self) -> frozenset[str]:
        """What most statements reach: the inputs' gradients, where all gates come together."""
        telling = [reached for reached in self.reach if reached]
        return frozenset(
            name for name in self.names if sum(name in reached for reached in telling) > 0.6 * len(telling)
        )


@dataclass
class _Step:
    """Edits that were tried, and what they left wrong."""

    candidates: tuple[Candidate, ...]
    wrong: frozenset[str]
    wrong_over_time: frozenset[str] | None = None


class _Search:
    def __init__(
        self,
        texts: Sequence[BackwardText],
        trials: Trials,
        over: Callable[[int], Trials | None],
        budget: Budget,
    ) -> None:
        self.texts = texts
        self.words = {id(text): Vocabulary(text) for text in texts}
        self.suspects = [(text, suspect) for text in texts for suspect in text.suspects]
        self._statements = [suspect for _, suspect in self.suspects]
        self.trials, self.over, self.budget = trials, lru_cache(over), budget
        self.accepted: tuple[Candidate, ...] = ()
        self.wrong_over_time = wrong_in(trials.errors)
        self._candidates: dict[int, tuple[Candidate, ...]] = {}
        self._reached: dict[int, frozenset[str]] = {}

    def run(self) -> Repair:
        everything = _parameters(self.trials.errors)
        one = self._stage(self.over(1))
        stages = [one] if one is not None else []
        if one is None or one.names < frozenset(self.trials.errors):
            two = self._stage(self.over(2), one.names if one is not None else frozenset())
            stages += [two] if two is not None else []
        for stage in stages:
            wrong = stage.wrong(self._errors(stage.trials))
            while wrong and not self.budget.spent:
                step = self._within(stage, wrong)
                if step is None:
                    return self._given_up(wrong, stage.reach)
                wrong = self._accept(step)
                if step.wrong_over_time is not None and not step.wrong_over_time:
                    return Repair(self.accepted, complete=True)
        return self._over_time(one if one is not None and _parameters(one.names) == everything else None)

    def _over_time(self, one: _Stage | None) -> Repair:
        """The bugs between the steps: over two of them first, where dh_next and dC_next show apart."""
        wrong = wrong_in(self._errors(self.trials))
        stage = self._stage(self.over(2)) if wrong and one is not None else None
        for longer in [stage] if stage is not None else []:
            wrong = longer.wrong(self._errors(longer.trials))
            while wrong and not self.budget.spent:
                better = self._between_steps(longer, one, wrong)
                if better is None:
                    break
                wrong = self._accept(better)
                if better.wrong_over_time is not None and not better.wrong_over_time:
                    return Repair(self.accepted, complete=True)
        wrong = wrong_in(self._errors(self.trials))
        while wrong and not self.budget.spent:
            better = self._between_steps(self.whole, one, wrong)
            if better is None:
                return self._given_up(wrong, self.whole.reach)
            wrong = self._accept(better)
        return Repair(self.accepted, complete=not wrong)

    def _accept(self, step: _Step) -> frozenset[str]:
        """Keep the edits; what they leave wrong in their stage."""
        self.accepted = step.candidates
        if step.wrong_over_time is not None:
            self.wrong_over_time = step.wrong_over_time
        return step.wrong

    @cached_property
    def whole(self) -> _Stage:
        """All steps, all parameters."""
        return _Stage(self.trials, frozenset(self.trials.errors), self._statements)

    def _stage(self, trials: Trials | None, known: frozenset[str] = frozenset()) -> _Stage | None:
        """A stage for the parameters that are not known yet."""
        names = frozenset(trials.errors) - known if trials is not None else frozenset()
        return _Stage(trials, names, self._statements) if trials is not None and names else None

    def _errors(self, trials: Trials) -> Errors:
        if not self.accepted:
            return trials.errors
        (errors,) = trials.run([_edits(self.accepted)])
        return errors if errors is not None else trials.errors

    def _within(self, stage: _Stage, wrong: frozenset[str]) -> _Step | None:
        """The edit after which most is right there; where all is, the one that leaves least wrong over all
        steps.
        """
        return self._best_of(stage, self._by_reach(stage, wrong), wrong)

    def _best_of(self, stage: _Stage, likely: Sequence[Candidate], wrong: frozenset[str]) -> _Step | None:
        """Try the edits in order, until one is good enough for the number that has been tried."""
        complete: list[_Step] = []
        best: _Step | None = None
        for tried, step in enumerate(self._tried(stage, likely), 1):
            if not step.wrong:
                complete.append(step)
            elif step.wrong < wrong and (best is None or len(step.wrong) < len(best.wrong)):
                best = step
            if tried % BATCH == 0:
                chosen = self._chosen_over_time(stage, complete)
                if chosen is not None and (self._is_progress(chosen) or tried >= MORE_PATIENCE * BATCH):
                    return chosen
                settled = best is not None and (
                    self._is_clean(stage, best, wrong) or tried >= PATIENCE * BATCH
                )
                if settled and not complete:
                    return best
        return self._chosen_over_time(stage, complete) or best or self._paired(stage, likely, wrong)

    def _is_progress(self, step: _Step) -> bool:
        """Whether less is wrong over all steps than before it."""
        left = step.wrong_over_time or frozenset()
        return not left or len(left) < len(self.wrong_over_time)

    def _is_clean(self, stage: _Stage, step: _Step, wrong: frozenset[str]) -> bool:
        """Whether everything that the edited statement reaches has become right, save what most statements
        reach.
        """
        reached = self._reached.get(id(step.candidates[-1]), frozenset())
        own = reached - stage.common
        return bool(own) and not step.wrong & own and reached <= wrong

    def _chosen_over_time(self, stage: _Stage, complete: list[_Step]) -> _Step | None:
        """Of the edits after which a stage is right, the first that leaves least wrong over all steps."""
        if stage.trials is self.trials:
            return complete[0] if complete else None
        unknown = [step for step in complete if step.wrong_over_time is None]
        outcomes = self.trials.run([_edits(step.candidates) for step in unknown]) if unknown else []
        for step, errors in zip(unknown, outcomes, strict=True):
            step.wrong_over_time = wrong_in(errors) if errors is not None else frozenset(self.trials.errors)
        return min(complete, key=lambda step: len(step.wrong_over_time or ()), default=None)

    def _between_steps(self, stage: _Stage, one: _Stage | None, wrong: frozenset[str]) -> _Step | None:
        likely = self._by_reach(stage, wrong) if one is None else self._felt_over_time(stage, one, wrong)
        return self._best_of(stage, likely, wrong)

    def _paired(self, stage: _Stage, likely: Sequence[Candidate], wrong: frozenset[str]) -> _Step | None:
        """Two edits at once, of the likeliest of each line."""
        chosen: list[Candidate] = []
        for candidate in self._fitting(likely):
            if sum(other.line == candidate.line for other in chosen) < MOST_PAIRED // 3:
                chosen.append(candidate)
        pairs = [p for p in combinations(chosen[: 2 * MOST_PAIRED], 2) if not _clash(*p)]
        pairs.sort(key=lambda pair: pair[0].rank + pair[1].rank)
        best: _Step | None = None
        for step in self._run(stage, [(*self.accepted, *pair) for pair in pairs[: 8 * BATCH]]):
            if not step.wrong:
                return step
            if step.wrong < wrong and (best is None or len(step.wrong) < len(best.wrong)):
                best = step
        return best

    def _tried(self, stage: _Stage, likely: Sequence[Candidate]) -> Iterator[_Step]:
        yield from self._run(stage, [(*self.accepted, candidate) for candidate in self._fitting(likely)])

    def _fitting(self, likely: Sequence[Candidate]) -> list[Candidate]:
        return [c for c in likely if not any(_clash(c, known) for known in self.accepted)]

    def _run(self, stage: _Stage, variants: Sequence[tuple[Candidate, ...]]) -> Iterator[_Step]:
        for start in range(0, len(variants), BATCH):
            batch = variants[start : start + self.budget.take(BATCH)]
            if not batch:
                return
            for variant, errors in zip(batch, stage.trials.run([_edits(v) for v in batch]), strict=True):
                if errors is not None:
                    yield _Step(variant, stage.wrong(errors))

    def _by_reach(self, stage: _Stage, wrong: frozenset[str]) -> list[Candidate]:
        """Edits of the statements that reach nothing but what is wrong; those that reach all of it first."""
        ranked: list[tuple[float, Candidate]] = []
        for (text, suspect), reached in zip(self.suspects, stage.reach, strict=True):
            here = None if reached is None else reached & stage.names
            for candidate in self._of(text, suspect):
                handicap = _handicap(here, wrong, candidate.kind)
                if handicap is not None:
                    ranked.append((handicap + candidate.rank, candidate))
                    self._reached[id(candidate)] = here or frozenset()
        for text in self.texts:
            ranked += [(1.5 + c.rank, c) for c in edits_of_loops(text, self.words[id(text)])]
        ranked.sort(key=lambda item: item[0])
        return [candidate for _, candidate in ranked]

    def _felt_over_time(self, stage: _Stage, one: _Stage, wrong: frozenset[str]) -> list[Candidate]:
        """What a single step does not feel: indices, how results are kept, carries and their sources."""
        ranked: list[tuple[float, Candidate]] = []
        for (text, suspect), single, several in zip(self.suspects, one.reach, stage.reach, strict=True):
            silent = single is not None and not single
            carried = self.words[id(text)].carried
            handicap = 0.0 if several == wrong else 0.3
            for candidate in self._of(text, suspect):
                if silent or single is None or _concerns(candidate, carried):
                    ranked.append((handicap + candidate.rank, candidate))
                elif candidate.kind in _BETWEEN_STEPS:
                    ranked.append((handicap + candidate.rank + 0.4, candidate))
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


def _parameters(names: Iterable[str]) -> frozenset[str]:
    """The parameters to which these blocks belong."""
    return frozenset(name.partition("/")[0] for name in names)


def _handicap(reached: frozenset[str] | None, wrong: frozenset[str], kind: Kind) -> float | None:
    """How much less likely an edit is where its statement reaches these; None where it cannot be."""
    if reached is None:
        return 1.0
    if not reached:
        return 1.0 if kind in _BETWEEN_STEPS else None
    if reached == wrong:
        return 0.0
    if reached < wrong:
        return 0.6
    return 1.5 if reached > wrong else None


def _concerns(candidate: Candidate, carried: frozenset[str]) -> bool:
    """Whether the edit puts in, takes out or turns something that is carried."""
    if candidate.kind not in _CARRIED:
        return False
    before, after = (frozenset(re.findall(r"\w+", text)) for text in (candidate.before, candidate.after))
    return bool((before | after if candidate.kind is Kind.SIGN else before ^ after) & carried)


def _edits(candidates: Sequence[Candidate]) -> list[Edit]:
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
