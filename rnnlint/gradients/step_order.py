"""In which order the steps of a sequence stand: not every program keeps the first step first.

A list into which each state is inserted at its front, or that is returned turned round, holds the last step
first. Its upstream gradients, or the targets, may then stand item by item with it, or in the order of time.
Which of the two is meant, the gradient itself tells; in which order the outputs are, a change of one input
does: only the last step's output changes with nothing but the last input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from itertools import product
from typing import Any

import numpy as np

from rnnlint.gradients.draft import BACKWARD
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.losses import Kind, Loss
from rnnlint.gradients.probe import Probe
from rnnlint.gradients.sizes import TIME
from rnnlint.gradients.steps_seen import with_another_step
from rnnlint.gradients.trees import leaves
from rnnlint.records import replace
from rnnlint.sandbox.job import Value

Array = np.ndarray[Any, np.dtype[np.float64]]

_LEAST_STEPS = 2
_MOST_BEYOND = 2
"""What may stand in a sequence of states beside those of the steps: an initial one, a row left over."""


class Order(Enum):
    """How the outputs of the steps lie, beside the inputs of the steps."""

    OF_THE_INPUTS = auto()
    REVERSED = auto()
    UNKNOWN = auto()


def reversed_losses(probe: Probe, losses: Sequence[Loss]) -> list[Loss]:
    """The losses with the upstream gradients of some outputs, or the targets, in the reverse order."""
    if probe.sizes.get(TIME, 1) < _LEAST_STEPS or any(u.is_stated for u in probe.draft.upstream):
        return []
    return [turned for loss in losses if loss.kind is not Kind.SCALAR for turned in _turned(probe, loss)]


def order_of_outputs(workshop: Workshop, probe: Probe, codes: Sequence[str]) -> Order:
    """The order of these outputs, where it is the same of all, told by what changes with the input of which
    step."""
    backward = not probe.draft.forward or any(BACKWARD in code for code in codes)
    for _, others in with_another_step(probe):
        if len(others) != probe.sizes.get(TIME):
            continue
        programs = [each.scenario(codes, backward=backward) for each in (probe, *others)]
        runs = workshop.run(programs).runs
        if len(runs) != len(programs) or any(run.trouble is not None for run in runs):
            continue
        base, *changed = (run.values for run in runs)
        orders = {_order(base[i], [values[i] for values in changed]) for i in range(len(codes))}
        if orders != {Order.UNKNOWN}:
            return orders.pop() if len(orders) == 1 else Order.UNKNOWN
    return Order.UNKNOWN


def in_reverse(value: Value, steps: int) -> Value | None:
    """A sequence of so many steps, or of these with an initial state beside them, in reverse order; None
    where it is none."""
    if isinstance(value, Mapping):
        keys = _numbers(value)
        if not _are_steps(keys, steps):
            return None
        return {**value, **{key: value[other] for key, other in zip(keys, reversed(keys), strict=True)}}
    if isinstance(value, np.ndarray):
        axis = _time_axis(value, steps)
        return None if axis is None else np.flip(value, axis).copy()
    if isinstance(value, list | tuple) and _are_steps(value, steps):
        return type(value)(reversed(value))
    return None


def _turned(probe: Probe, loss: Loss) -> Iterator[Loss]:
    """A loss with each choice of what it sets against an output turned round."""
    steps = probe.sizes[TIME]
    outputs = [upstream.output for upstream in probe.draft.upstream][: len(loss.cotangents)]
    given = [in_reverse(cotangent, steps) for _, _, cotangent in loss.cotangents]
    targets = in_reverse(loss.targets, steps)
    for chosen in product((False, True), repeat=len(given) + 1):
        of_targets, of_upstream = chosen[0], chosen[1:]
        if not any(chosen) or (of_targets and targets is None):
            continue
        if any(is_turned and given[i] is None for i, is_turned in enumerate(of_upstream)):
            continue
        cotangents = tuple(
            (position, keys, given[i] if of_upstream[i] else cotangent)
            for i, (position, keys, cotangent) in enumerate(loss.cotangents)
        )
        turned = tuple(output for output, is_turned in zip(outputs, of_upstream, strict=True) if is_turned)
        yield replace(
            loss,
            cotangents=cotangents,
            targets=targets if of_targets else loss.targets,
            reversed_outputs=(*turned, *((loss.code,) if of_targets else ())),
        )


def _order(base: Value, changed: Sequence[Value]) -> Order:
    """How an output lies, given what it is with each step's input changed.

    One step's output depends on that step's own input alone: where it stands tells.
    """
    steps = len(changed)
    items = _items(base, steps)
    others = [_items(value, steps) for value in changed]
    if items is None or any(other is None or len(other) != len(items) for other in others):
        return Order.UNKNOWN
    for place, item in enumerate(items):
        causes = [t for t, other in enumerate(others) if other is not None and _differ(item, other[place])]
        if len(causes) == 1:
            sides = (2 * place + 1 - len(items)) * (2 * causes[0] + 1 - steps)
            return Order.UNKNOWN if not sides else Order.OF_THE_INPUTS if sides > 0 else Order.REVERSED
    return Order.UNKNOWN


def _items(value: Value, steps: int) -> list[Value] | None:
    """A sequence's items, one a step, with the initial state where it stands beside them; None where it is
    no sequence."""
    if isinstance(value, Mapping):
        keys = _numbers(value)
        return [value[key] for key in keys] if _are_steps(keys, steps) else None
    if isinstance(value, np.ndarray):
        axis = _time_axis(value, steps)
        return None if axis is None else list(np.moveaxis(value, axis, 0))
    return list(value) if isinstance(value, list | tuple) and _are_steps(value, steps) else None


def _numbers(value: Mapping[Any, Value]) -> list[int]:
    """The steps of a dict by step; what it has at −1 is the initial state."""
    return sorted(key for key in value if isinstance(key, int) and key >= 0)


def _time_axis(array: Array, steps: int) -> int | None:
    """The axis of so many steps, else a first one of hardly more."""
    there = next((axis for axis, length in enumerate(array.shape) if length == steps), None)
    return 0 if there is None and array.ndim and _are_steps(array, steps) else there


def _are_steps(value: Sequence[Any] | Array, steps: int) -> bool:
    return 0 <= len(value) - steps <= _MOST_BEYOND


def _differ(left: Value, right: Value) -> bool:
    a = [leaf.array for leaf in leaves(left, "")]
    b = [leaf.array for leaf in leaves(right, "")]
    return len(a) != len(b) or any(not np.array_equal(x, y) for x, y in zip(a, b, strict=True))


__all__ = ["Order", "in_reverse", "order_of_outputs", "reversed_losses"]
