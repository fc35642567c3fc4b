"""The second oracle: the reference cell's own adjoints, where the user's forward pass is that cell.

Nothing is read off names or layouts. All numbers of a probe are drawn at random, so that a value that stands
in the user's array and in the reference's is the same number: it says which element is which, however it is
transposed, stacked or put in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from reference_impl import gru, lstm, rnn
from rnnlint.gradients.losses import Kind, Loss, aligned, at
from rnnlint.gradients.measure import Measurement
from rnnlint.gradients.places import Place
from rnnlint.gradients.reference import Match
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.trees import leaves
from rnnlint.gradients.verdict import relative_error
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Value

Array = np.ndarray[Any, np.dtype[np.float64]]

SAME = 1e-9
"""Two numbers closer than this are one: the next two of a probe are a thousand times as far apart."""
AGREEMENT = 1e-5
"""How closely central differences and the adjoints must agree, or one is not what it is taken for."""


@dataclass(frozen=True)
class Adjoints:
    """The true gradients by parameter, of those that are the reference's own."""

    truth: Mapping[str, Array]

    def contradicted_by(self, differences: Mapping[str, Array]) -> tuple[str, ...]:
        """The parameters whose central differences are others."""
        return tuple(
            name
            for name, true in self.truth.items()
            if name in differences
            and np.linalg.norm(true - differences[name]) > SAME
            and relative_error(true, differences[name]) > AGREEMENT
        )


def adjoints_of(measurement: Measurement, matched: Match) -> Adjoints | None:
    """The gradients by the reference's backward pass; None where the loss is not followed to its states."""
    if matched.difference is not None:
        return None
    entering = _entering(measurement, matched)
    if entering is None:
        return None
    above, truth = entering
    trace = matched.trace
    found: Any
    if matched.kind == "lstm":
        found = lstm.backward(trace, dh_above=above["h"], dC_above=above.get("C"))
    elif matched.kind == "gru":
        found = gru.backward(trace, dh_above=above["h"])
    else:
        found = rnn.backward(trace, dh_above=above["h"])
    known = _Numbers(_correspondences(matched, found))
    for place in measurement.probe.places:
        gradient = known.onto(place.array) if place.name in measurement.truth else None
        if gradient is not None:
            truth[place.name] = gradient
    return Adjoints(truth) if truth else None


class _Numbers:
    """Numbers by their value: what another array has in the place of each."""

    def __init__(self, pairs: Iterator[tuple[Array, Array]]) -> None:
        held = [(a.reshape(-1), b.reshape(-1)) for a, b in pairs]
        keys = np.concatenate([a for a, _ in held]) if held else np.empty(0)
        order = np.argsort(keys)
        self._keys = keys[order]
        self._values = np.concatenate([b for _, b in held])[order] if held else np.empty(0)

    def places_of(self, array: Array) -> np.ndarray[Any, np.dtype[np.int64]] | None:
        """Where each number of ``array`` stands; None where one is not there, or is there twice."""
        flat = array.reshape(-1)
        first = np.searchsorted(self._keys, flat - SAME)
        after = np.searchsorted(self._keys, flat + SAME)
        return first if len(self._keys) and np.all(after - first == 1) else None

    def onto(self, array: Array) -> Array | None:
        """What belongs to each number of ``array``, in its shape."""
        where = self.places_of(array)
        return None if where is None else self._values[where].reshape(array.shape)


def _correspondences(matched: Match, found: Any) -> Iterator[tuple[Array, Array]]:
    """Everything that the cell is given, with its gradient."""
    given, gradients = matched.trace.parameters, found.parameters
    for name in type(given).__slots__:
        held, gradient = getattr(given, name), getattr(gradients, name)
        if held is not None and gradient is not None and np.any(held):
            yield held, gradient
    H = matched.trace.h.shape[1]
    joint = matched.trace.s if matched.kind == "gru" else matched.trace.z
    yield joint[:, H:], found.dx
    yield matched.trace.h_previous[0], found.dh_0
    if matched.kind == "lstm":
        yield matched.trace.C_previous[0], found.dC_0


_Entering = tuple[dict[str, Array], dict[str, Array]]
"""The loss's adjoints at the cell's states, and the gradients of the output layer between the two."""


def _entering(measurement: Measurement, matched: Match) -> _Entering | None:
    loss, values = measurement.loss, measurement.rest
    if loss.kind is Kind.COTANGENT:
        return _of_cotangents(matched, loss, values)
    if loss.cotangents:
        return None
    if loss.kind is Kind.SCALAR:
        return _of_number(measurement, matched, float(np.sum(at(values[loss.position], loss.keys))))
    pairs = aligned(at(values[loss.position], loss.keys), loss.targets)
    return _through_output(measurement, matched, loss.kind, pairs) if pairs is not None else None


def _of_cotangents(matched: Match, loss: Loss, values: Sequence[Value]) -> _Entering | None:
    """The upstream gradients, where they meet states of the cell and nothing else."""
    above = {name: np.zeros_like(matched.trace.h) for name in _states(matched)}
    for position, keys, upstream in loss.cotangents:
        outputs = [leaf.array for leaf in leaves(at(values[position], keys), "")]
        given = [leaf.array for leaf in leaves(upstream, "")]
        if len(outputs) != len(given) or any(y.size != a.size for y, a in zip(outputs, given, strict=True)):
            return None
        for output, cotangent in zip(outputs, given, strict=True):
            if not _added(above, matched, output, cotangent):
                return None
    return above, {}


def _added(above: Mapping[str, Array], matched: Match, output: Array, cotangent: Array) -> bool:
    """Whether an output is made of one of the cell's states, to which its cotangent was then added."""
    for name, state in _states(matched).items():
        where = _Numbers(iter([(state, np.arange(float(state.size)))])).onto(output)
        if where is not None:
            np.add.at(above[name].reshape(-1), where.reshape(-1).astype(np.int64), cotangent.reshape(-1))
            return True
    return False


def _states(matched: Match) -> dict[str, Array]:
    return {"h": matched.trace.h} | ({"C": matched.trace.C} if matched.kind == "lstm" else {})


def _of_number(measurement: Measurement, matched: Match, number: float) -> _Entering | None:
    """A number that the code gives as its loss, where it is a standard loss of an output layer's, or that
    averaged."""
    holes = measurement.probe.holes.items()
    targets = [value for name, value in holes if role_of(name.removeprefix("_in_")) is Role.TARGET]
    for kind in (Kind.PROBABILITIES, Kind.SQUARED, Kind.BINARY):
        for layer in _output_layers(measurement, matched.trace.h):
            steps = _squashed(kind, layer.outputs)
            for arranged in (list(steps), [step.T for step in steps], [steps[-1]], [steps[-1].T]):
                for target in targets:
                    given = arranged if len(arranged) > 1 else arranged[0]
                    pairs = aligned(given, target)
                    if pairs is None:
                        continue
                    times = _times(number, Loss(kind, "", 0, (), targets=target).of([given]), matched)
                    found = _through_output(measurement, matched, kind, pairs)
                    if times is not None and found is not None:
                        above, truth = found
                        return (
                            {name: times * adjoint for name, adjoint in above.items()},
                            {name: times * gradient for name, gradient in truth.items()},
                        )
    return None


def _times(number: float, loss: float, matched: Match) -> float | None:
    """What a loss was multiplied by to give a number: a mean's factor, twice the half of a square."""
    T, _, B = matched.trace.h.shape
    for times in (1.0, 2.0, 1 / T, 1 / B, 1 / (T * B), 2 / T, 2 / B, 2 / (T * B)):
        if np.isfinite(loss) and abs(number - times * loss) <= SAME * abs(number):
            return times
    return None


def _through_output(
    measurement: Measurement, matched: Match, kind: Kind, pairs: Sequence[tuple[Array, Array]]
) -> _Entering | None:
    """Back through an output layer W h + b and the loss's own nonlinearity, where there is such a layer."""
    h = matched.trace.h
    for layer in _output_layers(measurement, h):
        adjoint = _residuals(kind, _squashed(kind, layer.outputs), pairs)
        if adjoint is None:
            continue
        truth = {layer.weight.name: _like(np.einsum("tvb,thb->vh", adjoint, h), layer.weight.array)}
        if layer.bias is not None:
            truth[layer.bias.name] = adjoint.sum(axis=(0, 2)).reshape(layer.bias.array.shape)
        return {"h": np.einsum("vh,tvb->thb", layer.matrix, adjoint)}, truth
    return None


@dataclass(frozen=True)
class _Layer:
    """An output layer that the parameters allow, with its outputs (T, V, B)."""

    weight: Place
    bias: Place | None
    matrix: Array
    outputs: Array


def _output_layers(measurement: Measurement, h: Array) -> Iterator[_Layer]:
    places = [place for place in measurement.probe.places if place.is_weight]
    for weight in places:
        if weight.array.ndim != 2 or h.shape[1] not in weight.array.shape:
            continue
        matrix = weight.array if weight.array.shape[1] == h.shape[1] else weight.array.T
        v = np.einsum("vh,thb->tvb", matrix, h)
        for bias in places:
            if bias.array.size == len(matrix) and bias is not weight:
                yield _Layer(weight, bias, matrix, v + bias.array.reshape(1, -1, 1))
        yield _Layer(weight, None, matrix, v)


def _squashed(kind: Kind, v: Array) -> Array:
    """What the forward's outputs are for a loss of that kind."""
    if kind is Kind.PROBABILITIES:
        return _softmax(v)
    if kind is Kind.BINARY:
        return np.asarray(1 / (1 + np.exp(-v)))
    return v


def _residuals(kind: Kind, outputs: Array, pairs: Sequence[tuple[Array, Array]]) -> Array | None:
    """∂L/∂v, output minus target, at the places of the reference's outputs; None where they are others."""
    targets, seen = np.zeros(outputs.size), np.zeros(outputs.size, dtype=bool)
    known = _Numbers(iter([(outputs, np.arange(float(outputs.size)))]))
    for output, target in pairs:
        where = known.onto(output)
        if where is None:
            return None
        indices = where.reshape(-1).astype(np.int64)
        targets[indices], seen[indices] = target.reshape(-1), True
    reached = _softmax(outputs) if kind is Kind.LOGITS else outputs
    return np.where(seen.reshape(outputs.shape), reached - targets.reshape(outputs.shape), 0.0)


def _softmax(v: Array) -> Array:
    shifted = np.exp(v - v.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _like(matrix: Array, array: Array) -> Array:
    return matrix if matrix.shape == array.shape else matrix.T


__all__ = ["Adjoints", "adjoints_of"]
