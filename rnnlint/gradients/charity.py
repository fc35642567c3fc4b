"""Which of the layouts that run is meant: the one under which most gradients are right, of those that force
least on the sizes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnlint.gradients.answers import ProbeFailedError
from rnnlint.gradients.drawing import probe_of
from rnnlint.gradients.jobs import OutOfTimeError, Workshop
from rnnlint.gradients.measure import Measurement, measure
from rnnlint.gradients.solve import Solved, Solver
from rnnlint.gradients.stated import with_stated_parameters
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Trouble

MOST_LAYOUTS_MEASURED = 4


@dataclass
class Chosen:
    """The best layout so far with its measurement, and the trouble of one that could not be measured."""

    solved: Solved | None = None
    measurement: Measurement | None = None
    trouble: Trouble | None = None
    missed: bool = False  # a layout could not be measured for want of time

    @property
    def is_clean(self) -> bool:
        """Whether no other layout can be kinder: every gradient is there, some agree and none is wrong."""
        best = self.measurement
        return best is not None and bool(best.judged.agreeing) and not best.judged.wrong and not best.unpaired


def most_charitable(workshop: Workshop, solver: Solver, seed: int) -> Chosen:
    """The layout to judge by; without one where none runs or nothing in it pairs.

    Raises :class:`OutOfTimeError` where a kinder one may not have been reached.
    """
    chosen = Chosen()
    tried: set[str] = set()
    for candidates in (solver.first, solver.all):
        for solved in _in_question(candidates(), chosen):
            if solved.signature in tried or len(tried) >= MOST_LAYOUTS_MEASURED:
                continue
            tried.add(solved.signature)
            _consider(chosen, workshop, solved, seed)
            if chosen.is_clean:
                return chosen
    if solver.is_late or (chosen.solved is not None and (chosen.missed or solver.stalled)):
        raise OutOfTimeError
    return chosen


def _in_question(found: list[Solved], chosen: Chosen) -> Iterator[Solved]:
    """Layouts that force hardly more than the best one; none that force more than a trusted one."""
    for solved in found:
        if solved.merged > found[0].merged + 1:
            return
        best = chosen.measurement
        is_settled = best is not None and best.is_trusted
        if is_settled and chosen.solved is not None and solved.merged > chosen.solved.merged:
            return
        yield solved


def _consider(chosen: Chosen, workshop: Workshop, solved: Solved, seed: int) -> None:
    try:
        probe = with_stated_parameters(probe_of(workshop, solved, np.random.default_rng(seed)))
        found = measure(workshop, probe)
    except ProbeFailedError as failed:
        chosen.trouble = failed.trouble
        chosen.missed |= failed.is_of_time
        return
    if found is not None and (chosen.measurement is None or found.score > chosen.measurement.score):
        chosen.solved, chosen.measurement = solved, found
