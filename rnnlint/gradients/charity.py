"""Which of the layouts that run is meant: the one under which most gradients are right, of those that force
least on the sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from rnnlint.gradients.answers import ProbeFailedError
from rnnlint.gradients.drawing import LEAST, probe_of
from rnnlint.gradients.jobs import OutOfTimeError, Workshop
from rnnlint.gradients.measure import Measurement, measure
from rnnlint.gradients.sequences_seen import has_several, is_wrong_of_several, line_over_a_batch
from rnnlint.gradients.sizes import BATCH, HIDDEN, INPUT, OUTPUT, TIME
from rnnlint.gradients.solve import Solved, Solver
from rnnlint.gradients.stated import with_stated_parameters
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Trouble, Value

MOST_LAYOUTS_MEASURED = 4
MOST_IN_WHICH_NOTHING_AGREES = 8
"""So many layouts under which no gradient is right may be measured, of those that force least: the next may
be the one that is meant."""
MORE = {TIME: 4, BATCH: 5, HIDDEN: 6, INPUT: 7, OUTPUT: 8}
"""The sizes of another draw."""


@dataclass
class Chosen:
    """The best layout so far with its measurement, and the trouble of one that could not be measured."""

    solved: Solved | None = None
    measurement: Measurement | None = None
    trouble: Trouble | None = None
    missed: bool = False  # a layout could not be measured for want of time
    ties: tuple[tuple[Solved, Measurement], ...] = ()  # the other layouts that are as good
    is_for_several: bool = False  # the pass is made for a batch: one sequence alone proves nothing of it

    @property
    def is_clean(self) -> bool:
        """Whether no other layout can be kinder: every gradient is there, some agree and none is wrong."""
        best = self.measurement
        if best is None or best.shows_one_step or best.is_unordered:
            return False
        return bool(best.judged.agreeing) and not best.judged.wrong and not best.unpaired

    @property
    def most_measured(self) -> int:
        """How many layouts may be measured: more of them while no gradient agrees under any."""
        agrees = self.measurement is not None and self.measurement.judged.agreeing
        return MOST_LAYOUTS_MEASURED if agrees else MOST_IN_WHICH_NOTHING_AGREES

    @property
    def best(self) -> tuple[tuple[Solved, Measurement], ...]:
        """The layouts than which none is better, the likeliest first; none where nothing was measured."""
        if self.solved is None or self.measurement is None:
            return ()
        return ((self.solved, self.measurement), *self.ties)


def drawn_again(workshop: Workshop, solved: Solved, seed: int) -> Measurement | None:
    """The same layout on other numbers, and more of them; None where nothing pairs, or it does not run.

    Where no gradient agrees, only their directions tell, and they tell the more the longer they are.
    """
    try:
        return _at(workshop, solved, [seed, 1], MORE)
    except ProbeFailedError:
        return None


def most_charitable(workshop: Workshop, solver: Solver, seed: int) -> Chosen:
    """The layout to judge by; without one where none runs or nothing in it pairs.

    Raises :class:`OutOfTimeError` where a kinder one may not have been reached.
    """
    chosen = Chosen()
    tried: set[str] = set()
    for candidates in (solver.first, solver.all):
        found = candidates()
        for solved in _in_question(found, chosen):
            most = chosen.most_measured if solved.merged == found[0].merged else MOST_LAYOUTS_MEASURED
            if solved.signature in tried or len(tried) >= most:
                continue
            tried.add(solved.signature)
            _consider(chosen, workshop, solved, seed)
            if chosen.is_clean and (candidates == solver.all or _over_a_batch(solver, chosen) is None):
                return _with_what_it_covers(solver, chosen)
    if solver.is_late or (chosen.solved is not None and (chosen.missed or solver.stalled)):
        raise OutOfTimeError
    return _with_what_it_covers(solver, chosen)


def _over_a_batch(solver: Solver, chosen: Chosen) -> int | None:
    """The line that is written for a batch, where one sequence is the best that was found to run."""
    if chosen.solved is None or chosen.measurement is None or has_several(chosen.measurement.probe):
        return None
    return line_over_a_batch(solver.library, chosen.solved.draft)


def _with_what_it_covers(solver: Solver, chosen: Chosen) -> Chosen:
    line = _over_a_batch(solver, chosen)
    if line is not None and chosen.solved is not None:
        note = (
            f"Measured for one sequence at a time ({chosen.solved.draft.layout.item}): nothing is said of a "
            f"batch, over which line {line} adds up."
        )
        chosen.solved = replace(chosen.solved, notes=(*chosen.solved.notes, note))
    return chosen


def _in_question(found: list[Solved], chosen: Chosen) -> Iterator[Solved]:
    """Layouts that force hardly more than the best one; none that force more than a trusted one."""
    for solved in found:
        if solved.merged > found[0].merged + 1:
            return
        best = chosen.measurement
        is_settled = best is not None and best.is_trusted and not best.shows_one_step
        if is_settled and chosen.solved is not None and solved.merged > chosen.solved.merged:
            return
        yield solved


def _consider(chosen: Chosen, workshop: Workshop, solved: Solved, seed: int) -> None:
    try:
        found = _measured(workshop, solved, seed)
    except ProbeFailedError as failed:
        chosen.trouble = failed.trouble
        chosen.missed |= failed.is_of_time
        return
    if found is None:
        return
    if found.says_nothing_of_some:
        found = _telling_more(workshop, solved, found, seed)
    if found.judged.wrong:
        solved, found = _of_the_steps(workshop, solved, found, seed)
        if is_wrong_of_several(workshop, found):
            chosen.is_for_several = True
            if chosen.measurement is not None and not has_several(chosen.measurement.probe):
                chosen.measurement = None
    if chosen.is_for_several and not has_several(found.probe):
        return
    if chosen.measurement is None or found.score > chosen.measurement.score:
        chosen.solved, chosen.measurement, chosen.ties = solved, found, ()
    elif found.score == chosen.measurement.score:
        chosen.ties += ((solved, found),)


def _telling_more(workshop: Workshop, solved: Solved, found: Measurement, seed: int) -> Measurement:
    """The measurement on other numbers where more gradients are not zero by nature: units that are rectified
    may be dead in all steps of one draw, and nothing then goes back through time."""
    again = drawn_again(workshop, solved, seed)
    return again if again is not None and not again.says_nothing_of_some else found


def _of_the_steps(
    workshop: Workshop, solved: Solved, found: Measurement, seed: int
) -> tuple[Solved, Measurement]:
    """The measurement with cotangents of the steps' states alone, where more gradients are right with them.

    A forward that returns T + 1 states, an initial one among them, has a backward that takes as many
    cotangents, or the T that a caller has: which, only the numbers tell.
    """
    steps = found.probe.sizes.get(TIME)
    longer = {u.hole: _surplus(found.probe.upstream[u.hole], steps) for u in solved.draft.upstream}
    if steps is None or not any(longer.values()):
        return solved, found
    for cut in ("1:", ":-1") if max(longer.values()) == 1 else ("1:-1",):
        upstream = tuple(
            replace(u, output=_cut(u.output, cut, found.probe.upstream[u.hole])) if longer[u.hole] else u
            for u in solved.draft.upstream
        )
        other = replace(solved, draft=replace(solved.draft, upstream=upstream))
        try:
            measured = _measured(workshop, other, seed)
        except ProbeFailedError:
            continue
        if measured is not None and measured.score > found.score:
            return other, measured
    return solved, found


def _surplus(cotangent: Value, steps: int | None) -> int:
    """How many more cotangents there are than steps: 0 where it is not one or two."""
    if steps is None or not isinstance(cotangent, list | tuple | dict | np.ndarray):
        return 0
    count = len(cotangent) if not isinstance(cotangent, np.ndarray) or cotangent.ndim else 0
    return count - steps if 0 < count - steps <= 2 else 0


def _cut(output: str, cut: str, cotangent: Value) -> str:
    """Python for a part of a sequence, of a dict by its numbers."""
    if isinstance(cotangent, dict):
        return f"dict(enumerate([{output}[_key] for _key in sorted({output})][{cut}]))"
    return f"{output}[{cut}]"


def _measured(workshop: Workshop, solved: Solved, seed: int) -> Measurement | None:
    """A measurement at the usual sizes, or with more sequences than steps where a step is looked up among
    sequences.

    Raises :class:`ProbeFailedError`.
    """
    try:
        return _at(workshop, solved, seed, LEAST)
    except ProbeFailedError as failed:
        if BATCH not in solved.axes or failed.trouble is None or failed.trouble.exception != "IndexError":
            raise
        return _at(workshop, solved, seed, {**LEAST, BATCH: LEAST[TIME] + 1})


def _at(
    workshop: Workshop, solved: Solved, seed: int | list[int], least: Mapping[str, int]
) -> Measurement | None:
    probe = probe_of(workshop, solved, np.random.default_rng(seed), least)
    return measure(workshop, with_stated_parameters(probe))
