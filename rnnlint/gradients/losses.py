"""The user's own loss: what the gradient is the gradient of, as functions of what the forward pass gives.

Which of them it is, the gradient itself tells: the loss under which the most parameters agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from rnnlint.gradients.trees import Leaf, inner, leaves, steps_of
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Opaque, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

_LOSS_WORDS = ("loss", "cost", "error", "entropy", "err", "objective", "nll", "mse")
_OUTPUT_WORDS = (
    "out",
    "y",
    "p",
    "pred",
    "prob",
    "logit",
    "v",
    "score",
    "hat",
    "ys",
    "ps",
    "o",
    "ot",
    "probas",
    "a",
    "h",
    "hs",
    "z",
)


EACH_STEP = "each step"
"""A key that leads to all items of a list at once: what each step's record keeps under the keys behind it."""
_LEAST_RECORDS = 2


class Kind(StrEnum):
    """The form of a loss."""

    SCALAR = "the loss that the code returns"
    COTANGENT = "the forward's output against the upstream gradient"
    PROBABILITIES = "cross-entropy of the forward's probabilities and the targets"
    LOGITS = "softmax cross-entropy of the forward's outputs and the targets"
    BINARY = "binary cross-entropy of the forward's outputs and the targets"
    REFERENCE = "softmax cross-entropy, summed over the steps, of a reference cell"
    SQUARED = "half the squared error of the forward's outputs and the targets"


@dataclass(frozen=True)
class Loss:
    """A hypothesis: ``kind`` of the values at ``code`` (an index into the returned values and a path of
    keys)."""

    kind: Kind
    code: str
    position: int
    keys: tuple[str | int, ...]
    cotangents: tuple[tuple[int, tuple[str | int, ...], Value], ...] = ()
    targets: Value = None
    reversed_outputs: tuple[str, ...] = ()  # of which the last step is set against what comes first

    @property
    def sentence(self) -> str:
        carried = f", and {Kind.COTANGENT}" if self.cotangents and self.kind is not Kind.COTANGENT else ""
        order = ", the outputs in reverse order" if self.reversed_outputs else ""
        return f"{self.kind}{carried}{order}"

    def of(self, values: Sequence[Value]) -> float:
        """The loss at these returned values."""
        carried = self._carried(values)
        if self.kind is Kind.COTANGENT:
            return carried
        value = at(values[self.position], self.keys)
        if self.kind is Kind.SCALAR:
            return float(np.sum(_number(value))) + carried
        pairs = aligned(value, self.targets)
        if pairs is None:
            return float("nan")
        return sum(float(_losses(self.kind, y[np.newaxis], t)[0]) for y, t in pairs) + carried

    def of_each(self, runs: Sequence[Sequence[Value]]) -> Array:
        """As :meth:`of`, of many runs with one target: all at once where they are alike."""
        if self.kind in (Kind.COTANGENT, Kind.SCALAR):
            return np.array([self.of(values) for values in runs])
        found = [aligned(at(values[self.position], self.keys), self.targets) for values in runs]
        shapes = {None if pairs is None else tuple(y.shape for y, _ in pairs) for pairs in found}
        if len(shapes) != 1 or None in shapes:
            return np.array([self.of(values) for values in runs])
        total = np.array([self._carried(values) for values in runs], dtype=np.float64)
        for step in zip(*(pairs for pairs in found if pairs is not None), strict=True):
            total += _losses(self.kind, np.stack([y for y, _ in step]), step[0][1])
        return total

    def _carried(self, values: Sequence[Value]) -> float:
        return sum(inner(at(values[p], keys), a) for p, keys, a in self.cotangents)


def candidates(values: Sequence[Value], codes: Sequence[str], targets: Sequence[Value]) -> Iterator[Loss]:
    """Every loss that the returned values allow: their scalars, then standard losses of outputs that fit a
    target."""
    scalars: list[tuple[int, Loss]] = []
    for position, value in enumerate(values):
        for leaf in leaves(_plain(value), codes[position]):
            if leaf.array.size == 1 or _is_loss_named(leaf):
                named = 0 if _is_loss_named(leaf) else 1 + len(leaf.keys)
                scalars.append((named, Loss(Kind.SCALAR, leaf.code, position, leaf.keys)))
    for target in targets:
        for position, value in enumerate(values):
            for keys, code, output in _outputs(_plain(value), (), codes[position]):
                pairs = aligned(output, target)
                if pairs is None:
                    continue
                probable = all(_are_probabilities(y) for y, _ in pairs)
                kinds = [Kind.PROBABILITIES] if probable else [Kind.LOGITS]
                if all(np.all((y > 0) & (y < 1)) for y, _ in pairs):
                    kinds.append(Kind.BINARY)
                kinds.append(Kind.SQUARED)
                for kind in kinds:
                    yield Loss(kind, code, position, keys, targets=target)
    for _, loss in sorted(scalars, key=lambda pair: pair[0]):
        yield loss


def at(value: Value, keys: Sequence[str | int]) -> Value:
    """What the keys lead to; None where the way ends. :data:`EACH_STEP` leads to every item at once."""
    for position, key in enumerate(keys):
        if key == EACH_STEP:
            rest = keys[position + 1 :]
            return [at(item, rest) for item in value] if isinstance(value, list | tuple) else None
        if isinstance(value, Opaque):
            value = value.attributes.get(str(key))
        elif isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list | tuple) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def _plain(value: Value) -> Value:
    return value


def _number(value: Value) -> Array:
    if isinstance(value, np.ndarray | float | int):
        return np.asarray(value, dtype=np.float64)
    if isinstance(value, list | tuple):
        return np.asarray([np.sum(_number(v)) for v in value], dtype=np.float64)
    return np.array(np.nan)


def _is_loss_named(leaf: Leaf) -> bool:
    return any(any(w in word.lower() for w in _LOSS_WORDS) for word in leaf.words[-1:])


def _outputs(
    value: Value, keys: tuple[str | int, ...], code: str
) -> Iterator[tuple[tuple[str | int, ...], str, Value]]:
    """Arrays and sequences of arrays inside a value, outermost first."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            yield keys, code, value
        return
    if isinstance(value, float):
        yield keys, code, value
        return
    if steps_of(value) is not None:
        yield keys, code, value
    if isinstance(value, Opaque):
        for name, held in value.attributes.items():
            yield from _outputs(held, (*keys, name), f"{code}.{name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _outputs(item, (*keys, key), f"{code}[{key!r}]")
    elif _are_records(value):
        for inside, text, _ in _outputs(value[0], (), "_step"):
            kept = [at(item, inside) for item in value]
            if steps_of(kept) is not None:
                yield (*keys, EACH_STEP, *inside), f"[{text} for _step in {code}]", kept
    elif isinstance(value, tuple) or (isinstance(value, list) and steps_of(value) is None):
        for index, item in enumerate(value):
            yield from _outputs(item, (*keys, index), f"{code}[{index}]")


def _are_records(value: Value) -> bool:
    """A list of what was kept of each step: dicts, tuples or objects of one kind."""
    if not isinstance(value, list | tuple) or len(value) < _LEAST_RECORDS:
        return False
    first = value[0]
    if isinstance(first, Mapping):
        return all(isinstance(item, Mapping) and item.keys() == first.keys() for item in value)
    if isinstance(first, Opaque):
        return all(isinstance(item, Opaque) and item.type_name == first.type_name for item in value)
    return (
        isinstance(value, list)
        and isinstance(first, tuple)
        and all(isinstance(item, tuple) and len(item) == len(first) for item in value)
    )


def aligned(output: Value, target: Value) -> list[tuple[Array, Array]] | None:
    """Outputs and targets step by step, targets as arrays of the outputs' shapes; None where they do not
    fit."""
    steps = steps_of(output)
    if steps is not None:
        for divided in _divisions_into_steps(target):
            there = steps[1:] if len(steps) == len(divided) + 1 else steps  # the initial state stands first
            pairs = [_fitted(y, t) for y, t in zip(there, divided, strict=False)]
            if len(there) == len(divided) and None not in pairs:
                return [p for p in pairs if p is not None]
        return None
    if isinstance(output, float | int):
        output = np.asarray(float(output))
    if not isinstance(output, np.ndarray):
        return None
    fitted = _fitted(output, target)
    if fitted is not None:
        return [fitted]
    wanted = _target_steps(target)
    if wanted is not None and output.ndim >= 1:
        for axis in {0, output.ndim - 1, min(1, output.ndim - 1)}:
            if output.shape[axis] == len(wanted):
                parts = [np.take(output, i, axis=axis) for i in range(len(wanted))]
                pairs = [_fitted(y, t) for y, t in zip(parts, wanted, strict=True)]
                if all(p is not None for p in pairs):
                    return [p for p in pairs if p is not None]
    return None


def _divisions_into_steps(target: Value) -> Iterator[list[Value]]:
    """The target step by step; an array along its first axis, then along the others, (N, T, V)."""
    wanted = _target_steps(target)
    if wanted is not None:
        yield wanted
    if isinstance(target, np.ndarray):
        yield from (list(np.moveaxis(target, axis, 0)) for axis in range(1, target.ndim))


def _target_steps(target: Value) -> list[Value] | None:
    if isinstance(target, list | tuple):
        return list(target)
    if isinstance(target, Mapping):
        return [target[k] for k in sorted(target, key=str)]
    if isinstance(target, np.ndarray) and target.ndim >= 1:
        return list(target)
    return None


def _fitted(output: Array, target: Value) -> tuple[Array, Array] | None:
    """A target as an array like the output: the same shape, or class indices along the axis that they leave
    over."""
    if (
        isinstance(target, int)
        and not isinstance(target, bool)
        and output.size > target >= 0
        and output.ndim >= 1
    ):
        if output.size == max(output.shape):
            hot = np.zeros(output.size)
            hot[target] = 1.0
            return output, hot.reshape(output.shape)
        return None
    if isinstance(target, float):
        return (output, np.full(output.shape, target)) if output.size == 1 else None
    if isinstance(target, list):
        try:
            target = np.asarray(target)
        except ValueError:
            return None
    if not isinstance(target, np.ndarray) or target.dtype.kind not in "fi":
        return None
    if target.dtype.kind == "i" and target.shape != output.shape:
        for axis in range(output.ndim - 1, -1, -1):
            rest = tuple(n for a, n in enumerate(output.shape) if a != axis)
            fits = target.size == int(np.prod(rest)) and target.max(initial=0) < output.shape[axis]
            if fits:
                hot = np.eye(output.shape[axis])[target.reshape(rest)]
                return output, np.moveaxis(hot, -1, axis)
        return None
    if target.shape == output.shape:
        return output, target.astype(np.float64)
    if np.squeeze(target).shape == np.squeeze(output).shape:
        return output, target.reshape(output.shape).astype(np.float64)
    return None


def _are_probabilities(y: Array) -> bool:
    if y.ndim == 0 or np.any(y < 0):
        return False
    return any(y.shape[axis] > 1 and np.allclose(y.sum(axis=axis), 1.0, atol=1e-6) for axis in range(y.ndim))


def _class_axis(t: Array) -> int:
    """The axis along which the targets sum to one."""
    for axis in range(t.ndim - 1, -1, -1):
        if t.shape[axis] > 1 and np.all(np.abs(t.sum(axis=axis) - 1.0) <= 1e-5):
            return axis
    return t.ndim - 1


def _losses(kind: Kind, y: Array, t: Array) -> Array:
    """The loss of each of many outputs with one target: (n, ...) and (...) to (n,)."""
    inside = tuple(range(1, y.ndim))
    with np.errstate(all="ignore"):
        if kind is Kind.PROBABILITIES:
            return np.asarray(-np.sum(t * np.log(np.where(t > 0, y, 1.0)), axis=inside))
        if kind is Kind.BINARY:
            return np.asarray(-np.sum(t * np.log(y) + (1 - t) * np.log(1 - y), axis=inside))
        if kind is Kind.SQUARED:
            return np.asarray(0.5 * np.sum((y - t) ** 2, axis=inside))
        if not inside:
            return np.zeros(len(y))
        axis = _class_axis(t) + 1
        shifted = y - y.max(axis=axis, keepdims=True)
        logarithms = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        return np.asarray(-np.sum(t * logarithms, axis=inside))
