"""Solving a scenario's unknowns by running it: the error names what is wrong, it is set, and the scenario
runs again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rnnlint.gradients.attempt import Attempt
from rnnlint.gradients.draft import Draft
from rnnlint.gradients.forms import hot_axes_of, sizes_of
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.library import Library
from rnnlint.gradients.repairs import repaired, sliced_by
from rnnlint.gradients.sizes import DATA_AXES, Size, Solution
from rnnlint.gradients.target_fit import refitted
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Failure, Outcome, Ran, Trouble

MOST_RUNS = 40
MOST_KEYS = 40
"""Rounds besides, in which a key of a dict is found missing: the text does not say which there are."""
PATIENCE = 2
"""Rounds that other hypotheses get once one has been solved."""
MOST_ALIVE = 8
MOST_STALLS = 3
SECONDS_A_ROUND = 2.0
SHARE_OF_TIME = 0.6
"""Of the time that is left: solving that takes longer is given up, for the other passes' sake."""


@dataclass(frozen=True)
class Solved:
    """A draft that runs, with what is known of its sizes."""

    draft: Draft
    solution: Solution
    axes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """Equal for two drafts that give every hole the same shape, and the same to hold."""
        resolved = {
            name: [str(self.solution.resolve(size)) for size in sizes_of(form)] + hot_axes_of(form)
            for name, form in self.draft.holes.items()
        }
        return repr((resolved, self.draft.forward, self.draft.backward, self.draft.upstream))

    @property
    def merged(self) -> int:
        """How many axes of data had to become equal, of data and weights constant.

        A hypothesis that forces less is a better one.
        """
        used = [a for a in DATA_AXES if a in self.axes]
        sizes = [self.solution.resolve(Size.axis(a)) for a in used]
        matrices = {a.rpartition(".")[0] for a in self.axes if a.endswith(".1")}
        weights = [self.solution.resolve(Size.axis(f"{name}.0")) for name in matrices]
        constant = sum(not size.terms for size in (*sizes, *weights))
        return len(sizes) - len(set(sizes)) + 2 * constant


_ONLY_ONE_UNIT = Trouble(
    Failure.RAISED,
    "ValueError",
    "it runs only where a weight matrix is one number, which hides mistakes",
)


class Solver:
    """Runs the drafts of one pass round by round, the likely ones first."""

    def __init__(self, workshop: Workshop, library: Library, drafts: Sequence[Draft]) -> None:
        self._workshop = workshop
        self.library = library
        self._attempts = [Attempt(order, draft) for order, draft in enumerate(drafts)]
        self._patience = PATIENCE
        self._rounds, self._keys = MOST_RUNS, MOST_KEYS
        self.is_late = False  # not every draft has been tried to its end
        self.stalled = 0  # how often a draft did not end
        self._deadline = workshop.deadline.share(SHARE_OF_TIME)

    def first(self) -> list[Solved]:
        """As soon as a draft runs that forces nothing on its sizes, that one; else as :meth:`all`."""
        self._run(lambda: any(not solved.merged for solved in self._solved()))
        return self._solved()

    def all(self) -> list[Solved]:
        """The drafts that can be made to run, best first."""
        self._run(lambda: False)
        return self._solved()

    @property
    def has_solved(self) -> bool:
        """Whether a draft has been made to run."""
        return any(a.done for a in self._attempts)

    @property
    def troubles(self) -> list[Trouble]:
        """What ended the other drafts."""
        return [a.dead for a in self._attempts if a.dead is not None]

    @property
    def narrowed(self) -> Trouble | None:
        """What a draft ran into that otherwise runs, if only one unit goes round it."""
        return next((a.dead for a in self._attempts if a.dead is not None and a.dead is a.narrowed), None)

    def _solved(self) -> list[Solved]:
        done = [Solved(a.draft, a.solution, a.axes, a.notes) for a in self._attempts if a.done]
        return sorted(done, key=lambda solved: solved.merged)

    def _run(self, is_enough: Callable[[], bool]) -> None:
        while self._rounds and not is_enough():
            alive = [a for a in self._attempts if not a.done and a.dead is None][:MOST_ALIVE]
            self.is_late = bool(alive) and self._deadline.has_passed
            if not alive or self._patience == 0 or self.is_late:
                return
            if any(a.done for a in self._attempts):
                self._patience -= 1
            made = [a.scenario() for a in alive]
            outcome = self._workshop.run([scenario for scenario, _ in made], SECONDS_A_ROUND)
            runs = [*outcome.runs, *self._unfinished(outcome, len(alive) - len(outcome.runs))]
            for attempt, (_, sizes), ran in zip(alive, made, runs, strict=False):
                _advance(self.library, attempt, ran, sizes)
            troubles = [ran.trouble for ran in runs if ran.trouble is not None]
            if self._keys and any(trouble.exception == "KeyError" for trouble in troubles):
                self._keys -= 1
            else:
                self._rounds -= 1

    def _unfinished(self, outcome: Outcome, missing: int) -> list[Ran]:
        """What is said of the scenarios that did not come to an end: of the one at which the job ended its
        trouble, of those behind it nothing; after several that do not end, that all are like them."""
        if outcome.trouble is None:
            return []
        if outcome.trouble.failure is Failure.TIMEOUT:
            self.stalled += 1
        return [Ran(trouble=outcome.trouble)] * (missing if self.stalled >= MOST_STALLS else min(missing, 1))


def _advance(library: Library, attempt: Attempt, ran: Ran, sizes: dict[str, int]) -> None:
    trouble = ran.trouble
    if trouble is None:
        if attempt.stage == 0:
            attempt.stage = 1
            if ran.values:
                holes = refitted(attempt.draft, attempt.solution, sizes, ran.values[0])
                if holes is not None:
                    attempt.draft = replace(attempt.draft, holes=holes)
        elif attempt.has_a_single_number and attempt.with_single_targets():
            return
        elif attempt.has_a_single_number:
            attempt.dead = attempt.narrowed or _ONLY_ONE_UNIT
        else:
            attempt.done = True
        return
    state = sorted(attempt.solution.solved)
    too_large = sliced_by(attempt, trouble, sizes)
    if too_large is not None:
        attempt.small = attempt.small | {too_large}
        return
    dyes = (attempt.divisible, sorted(attempt.small))
    key = f"{dyes}|{trouble.message}|{trouble.line}|{trouble.source}|{state}"
    if key in attempt.seen or not repaired(library, attempt, trouble, sizes):
        if attempt.is_tied and trouble.exception in ("ValueError", "IndexError", "AssertionError"):
            attempt.untie()
            return
        if attempt.divisible or trouble.exception not in ("ValueError", "IndexError"):
            attempt.dead = trouble
        attempt.divisible = True  # sizes that the code divides come out even in a second try
    if attempt.narrowed is None and attempt.has_a_single_number:
        attempt.narrowed = trouble
    attempt.seen.add(key)
