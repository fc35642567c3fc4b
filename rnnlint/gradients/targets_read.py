"""Which of the numbers that a program gives read the targets that its gradient changes with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from rnnlint.gradients.exchanged import exchanged
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.losses import Kind, Loss
from rnnlint.gradients.paired import paired
from rnnlint.gradients.pairing import Pair
from rnnlint.gradients.probe import Probe, returned_codes
from rnnlint.gradients.roles import Role, role_of
from rnnlint.records import replace
from rnnlint.sandbox.job import Ran, Value

_NOTHING = 1e-9
"""A change of a gradient or a loss below this is none."""


def unread_by(
    workshop: Workshop, probe: Probe, losses: list[Loss], pairs: Mapping[str, Pair]
) -> frozenset[str]:
    """The numbers, by their Python, that stay as they are where a gradient changes with a target.

    Only the code's own losses: the standard ones read all targets.
    """
    codes = [loss.code for loss in losses if loss.kind is Kind.SCALAR]
    others = list(_with_one_other_target(probe))
    if not codes or not others:
        return frozenset()
    returned = returned_codes(probe.draft)
    programs = [each.scenario((*returned, *codes), frames=probe.draft.watched) for each in (probe, *others)]
    runs = [run for run in workshop.run(programs).runs if run.trouble is None]
    if not runs or len(runs) != len(programs):
        return frozenset()
    base, *changed = runs
    unread: set[str] = set()
    for run in changed:
        if _changes_a_gradient(probe, pairs, run):
            values = zip(codes, base.values[len(returned) :], run.values[len(returned) :], strict=True)
            unread |= {code for code, before, after in values if _is_the_same(before, after)}
    return frozenset(unread)


def _changes_a_gradient(probe: Probe, pairs: Mapping[str, Pair], run: Ran) -> bool:
    again = paired(probe, replace(run, values=run.values[: len(returned_codes(probe.draft))]))
    return any(
        name in again
        and again[name].gradient.shape == pair.gradient.shape
        and bool(np.any(np.abs(again[name].gradient - pair.gradient) > _NOTHING))
        for name, pair in pairs.items()
    )


def _is_the_same(before: Value, after: Value) -> bool:
    return bool(np.allclose(np.asarray(before, float), np.asarray(after, float), rtol=0.0, atol=_NOTHING))


def _with_one_other_target(probe: Probe) -> Iterator[Probe]:
    """The probe with another target at the first or last place along an axis: of a step, or of a sequence."""
    for hole, value in probe.holes.items():
        if role_of(hole.removeprefix("_in_")) is Role.TARGET:
            for axis in range(value.ndim if isinstance(value, np.ndarray) else 1):
                for other in exchanged(value, axis, (0, -1)):
                    yield replace(probe, holes={**probe.holes, hole: other})
