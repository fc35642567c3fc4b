"""Whether a pass is made for a batch of sequences: what it adds up over them tells.

One sequence is one column, and much that is wrong of two is right of it: a mean where the others take sums,
``x.shape[1]`` that divides a single gradient. So one sequence alone is no kinder reading of a program that is
made for more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.draft import Draft
from rnnlint.gradients.exchanged import exchanged
from rnnlint.gradients.forms import ArrayForm, Form, IndicesForm, StepsForm
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.layouts import Item
from rnnlint.gradients.library import Library
from rnnlint.gradients.measure import Measurement, judge_pairs
from rnnlint.gradients.paired import paired
from rnnlint.gradients.pairing import Pair
from rnnlint.gradients.probe import Probe, returned_codes
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, Size
from rnnlint.gradients.trees import leaves
from rnnlint.records import replace
from rnnlint.sandbox.job import Ran, Value
from rnnlint.verdicts import Verdict

Array = np.ndarray[Any, np.dtype[np.float64]]

_AXES_OF_ONE = {Item.COLUMN: frozenset({"1", "-1"}), Item.ROW: frozenset({"0", "-2"})}
"""Where the arrays of a step have one sequence."""
_SEVERAL = 2
_NOTHING = 1e-9


def has_several(probe: Probe) -> bool:
    """Whether there is a batch of more than one sequence."""
    return probe.sizes.get(BATCH, 1) >= _SEVERAL


def is_wrong_of_several(workshop: Workshop, measurement: Measurement) -> bool:
    """Whether a pass that is made for a batch has a wrong gradient of a weight, whatever factor the weights
    have in common (they may be averaged where the inputs' gradients, of one sequence each, are not).

    It is made for a batch if some weight's gradient is that of several sequences, something is computed of
    each by itself, and a bias, which has no axis for them, has a gradient to which each of them adds: in a
    pass for one sequence a bias's gets an axis too many. Each adds to a wrong one too: what reads the first
    item of an axis may merely drop the axis.
    """
    m = measurement
    if not has_several(m.probe) or _weights_differ_by_sequence(m.probe):
        return False
    names = {place.name for place in m.probe.places if place.is_weight}
    weights = {name: pair for name, pair in m.pairs.items() if name in names}
    judged = judge_pairs(weights, m.truth, m.probe.sizes)
    wrong = {v.name for v in judged.verdicts if v.verdict is Verdict.WRONG}
    biases = {name for name, pair in weights.items() if _is_one_vector(pair)}
    if not wrong or not judged.agreeing or not biases:
        return False
    for others in _with_another(m.probe):
        runs = _runs_of(workshop, m.probe, others)
        read = _changing_with_each(m.probe, weights, runs)
        if read & wrong and read & biases and _are_kept_apart(m, runs):
            return True
    return False


def line_over_a_batch(library: Library, draft: Draft) -> int | None:
    """The line of the backward pass that adds up, and keeps the axis, where one sequence has a single item:
    it is written for several."""
    axes = _AXES_OF_ONE.get(draft.layout.item, frozenset())
    backward = draft.pass_.backward
    for callable_ in (backward, *library.called_by(backward)) if axes else ():
        for node in ast.walk(callable_.node):
            match node:
                case ast.Call(func=ast.Attribute(attr="sum" | "mean"), keywords=keywords):
                    said = {keyword.arg: ast.unparse(keyword.value) for keyword in keywords}
                    if said.get("keepdims") == "True" and said.get("axis") in axes:
                        return node.lineno
                case _:
                    pass
    return None


def _weights_differ_by_sequence(probe: Probe) -> bool:
    """Whether a weight has as many columns as there are sequences: a vector of one was taken for them."""
    return any(probe.sizes[BATCH] in place.array.shape for place in probe.places if place.is_weight)


def _is_one_vector(pair: Pair) -> bool:
    """Whether a gradient is a vector, of a bias, and came as one."""
    long = [size for size in pair.gradient.shape if size > 1]
    return len(long) == 1 and pair.candidate.array.size == pair.gradient.size


def _runs_of(workshop: Workshop, probe: Probe, others: list[Probe]) -> tuple[Ran, ...]:
    """The runs with each sequence's input exchanged; none where one of them does not run."""
    codes = returned_codes(probe.draft)
    runs = workshop.run([each.scenario(codes, frames=probe.draft.watched) for each in others]).runs
    whole = len(runs) == probe.sizes[BATCH] and all(run.trouble is None for run in runs)
    return runs if whole else ()


def _changing_with_each(probe: Probe, pairs: Mapping[str, Pair], runs: Sequence[Ran]) -> set[str]:
    """The gradients that change with every sequence's input."""
    left = set(pairs) if runs else set()
    for run in runs:
        again = paired(probe, run)
        left &= {name for name in left if name in again and _differ(pairs[name], again[name])}
    return left


def _are_kept_apart(m: Measurement, runs: Sequence[Ran]) -> bool:
    """Whether something that is computed has an axis along which each item changes with its own sequence's
    input alone: several tokens set in one column are no batch."""
    given = [leaf.array.ravel() for leaf in leaves(dict(m.probe.holes), "")]
    known = np.concatenate([np.array([0.0, 1.0]), *given])
    others = [_arrays_of(run) for run in runs]
    for key, array in _arrays_of(m.base).items():
        if np.all(np.isin(array, known)):
            continue  # the input itself, or one-hot rows of it
        for axis in (a for a, length in enumerate(array.shape) if length == len(runs)):
            if all(_changes_only(array, other.get(key), axis, n) for n, other in enumerate(others)):
                return True
    return False


def _arrays_of(ran: Ran) -> dict[str, Array]:
    """What a run gave and what its functions held at their ends, by the way to it."""
    found = {leaf.code: leaf.array for n, value in enumerate(ran.values) for leaf in leaves(value, f"{n}")}
    for frame in ran.frames:
        held = leaves(dict(frame.variables), f"{frame.path}:{frame.function}")
        found |= {leaf.code: leaf.array for leaf in held}
    return found


def _changes_only(before: Array, after: Array | None, axis: int, place: int) -> bool:
    """Whether of all items along an axis this one is another, and no other is."""
    if after is None or after.shape != before.shape:
        return False
    rest = tuple(a for a in range(before.ndim) if a != axis)
    changed = np.any(before != after, axis=rest)
    return bool(changed[place]) and int(np.sum(changed)) == 1


def _differ(before: Pair, after: Pair) -> bool:
    a, b = before.gradient, after.gradient
    with np.errstate(invalid="ignore"):  # inf − inf: a gradient that is not finite tells nothing
        return a.shape == b.shape and bool(np.any(np.abs(a - b) > _NOTHING))


def _with_another(probe: Probe) -> Iterator[list[Probe]]:
    """By each hole that may be the input: the probe with one sequence's exchanged for another's, for each."""
    for hole, form in probe.draft.holes.items():
        if role_of(hole.removeprefix("_in_")) in (Role.INPUT, Role.UNKNOWN):
            made = (_exchanged(form, probe.holes[hole], place) for place in range(probe.sizes[BATCH]))
            others = [value for value in made if value is not None]
            if others:
                yield [replace(probe, holes={**probe.holes, hole: other}) for other in others]


def _exchanged(form: Form, value: Value, place: int) -> Value | None:
    """A value with one of its sequences the same as another; None where it has none to tell apart."""
    batch = Size.axis(BATCH)
    match form:
        case StepsForm(item=item, keyed=False) if isinstance(value, list):
            steps = [_exchanged(item, step, place) for step in value]
            return None if any(step is None for step in steps) else steps
        case ArrayForm(axes=axes) | IndicesForm(axes=axes, listed=False) if batch in axes:
            return next(exchanged(value, axes.index(batch), (place,)), None)
        case _:
            return None


__all__ = ["has_several", "is_wrong_of_several", "line_over_a_batch"]
