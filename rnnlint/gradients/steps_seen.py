"""How many steps of a sequence a probe shows: over one alone nothing flows back, and much that is wrong is
right.

``zip(inputs, targets)`` ends with the shorter of the two: where a hypothesis has one target for all steps,
the program runs over one step, whatever the inputs are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rnnlint.gradients.exchanged import exchanged
from rnnlint.gradients.forms import ArrayForm, Form, IndicesForm, StepsForm
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.paired import paired
from rnnlint.gradients.pairing import Pair
from rnnlint.gradients.probe import Probe, returned_codes
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import TIME, Size
from rnnlint.records import replace
from rnnlint.sandbox.job import Ran

Array = np.ndarray[Any, np.dtype[np.float64]]

_NOTHING = 1e-9


def shows_one_step(workshop: Workshop, probe: Probe, pairs: Mapping[str, Pair]) -> bool:
    """Whether the gradients change with the input of one step at most, of several that there are."""
    others = [each for _, changed in with_another_step(probe) for each in changed]
    if len(others) < 2:
        return False
    codes = returned_codes(probe.draft)
    runs = workshop.run([each.scenario(codes, frames=probe.draft.watched) for each in others]).runs
    if len(runs) < len(others) or any(run.trouble is not None for run in runs):
        return False
    return sum(_differ(probe, pairs, run) for run in runs) <= 1


def _differ(probe: Probe, pairs: Mapping[str, Pair], run: Ran) -> bool:
    again = paired(probe, run)
    return any(
        name not in again
        or again[name].gradient.shape != pair.gradient.shape
        or bool(np.any(np.abs(again[name].gradient - pair.gradient) > _NOTHING))
        for name, pair in pairs.items()
    )


def with_another_step(probe: Probe) -> Iterator[tuple[str, list[Probe]]]:
    """By each hole that may be the input: the probe with one step of it exchanged for another, for each
    step."""
    for hole, form in probe.draft.holes.items():
        axis = _time_axis(form)
        if axis is None or role_of(hole.removeprefix("_in_")) not in (Role.INPUT, Role.UNKNOWN):
            continue
        others = exchanged(probe.holes[hole], axis)
        yield hole, [replace(probe, holes={**probe.holes, hole: other}) for other in others]


def _time_axis(form: Form) -> int | None:
    """Along which axis the steps lie."""
    time = Size.axis(TIME)
    match form:
        case StepsForm(length=length, keyed=False) if length == time:
            return 0
        case ArrayForm(axes=axes) | IndicesForm(axes=axes) if time in axes:
            return axes.index(time)
        case _:
            return None
