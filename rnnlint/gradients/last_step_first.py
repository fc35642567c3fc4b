"""The gradients of a sequence that come back last step first, and what is said of such an order.

A backward pass that collects its inputs' gradients on its way back, in a list, and does not turn the list
round, gives the last step's first. Its caller may well take them so: they are right, in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from rnnlint.gradients.losses import Loss
from rnnlint.gradients.pairing import Pair
from rnnlint.gradients.probe import Probe
from rnnlint.gradients.sizes import TIME
from rnnlint.gradients.step_order import in_reverse
from rnnlint.gradients.verdict import TOLERANCE, Judged, relative_error
from rnnlint.records import replace
from rnnlint.verdicts import Verdict

Array = np.ndarray[Any, np.dtype[np.float64]]


def coming_last_step_first(
    probe: Probe, pairs: Mapping[str, Pair], truth: Mapping[str, Array], judged: Judged
) -> frozenset[str]:
    """The inputs whose gradients are wrong as they stand, and the true ones in the reverse order."""
    steps = probe.sizes.get(TIME)
    if steps is None:
        return frozenset()
    inputs = {p.name for p in probe.places if p.in_hole and not p.is_weight and steps in p.array.shape}
    wrong = [v.name for v in judged.verdicts if v.verdict is Verdict.WRONG and v.name in inputs]
    turned_round = turned(pairs, frozenset(wrong), probe)
    return frozenset(
        name
        for name in wrong
        if relative_error(turned_round[name].gradient / judged.scale, truth[name]) <= TOLERANCE
    )


def turned(pairs: Mapping[str, Pair], names: frozenset[str], probe: Probe) -> dict[str, Pair]:
    """The pairs with the gradients of these in the reverse order."""
    made = dict(pairs)
    for name in names & pairs.keys():
        gradient = in_reverse(made[name].gradient, probe.sizes[TIME])
        if isinstance(gradient, np.ndarray):
            made[name] = replace(made[name], gradient=gradient)
    return made


def order_notes(loss: Loss, last_step_first: Iterable[str]) -> tuple[str, ...]:
    """What is said of sequences that stand in the reverse order."""
    outputs = (
        "The forward pass gives the last step's output first; upstream gradients and targets are taken in "
        "the order of time."
    )
    gradients = (
        f"The gradient of {name} comes back in the reverse order, the last step's first: right for a caller "
        "who expects that."
        for name in sorted(last_step_first)
    )
    return (*((outputs,) if loss.reversed_outputs else ()), *gradients)


__all__ = ["coming_last_step_first", "order_notes", "turned"]
