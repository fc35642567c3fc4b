"""The reference cell in the solution's convention: where each number of the cell stands among the arguments.

Nothing is read off names. The reference is matched to the solution's forward pass once
(:mod:`rnnlint.gradients.reference`); as all arguments are random and different, each number of the
reference's parameters and states is then found among them by its value. The forward's results are found
among the reference's quantities in the same way. From then on the reference alone says what is true, on any
other arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from reference_impl import gru, lstm, rnn
from reference_impl.arrays import named
from reference_impl.losses import cross_entropy_adjoint, squared_error_adjoint
from rnnlint.gradients.reference import Match
from rnnlint.gradients.trees import leaves
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Value

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.int64]]

_NOWHERE = -1
_NOTHING = np.empty(0)
_CLOSE = 1e-10
"""Two ways of computing one number differ by less, two random numbers by more."""
_ROUNDING = 1e-13
"""So little do two numbers differ that are the same. A small number and its tanh differ by a little more."""
_STATES = ("inputs", "h_0", "C_0")
_FIRST = ("zero", "one", "h", "C", "v", "y_hat", "h_0", "C_0", "inputs")
"""The quantities in which a number is looked for first, as many stand in several."""


class ConventionError(Exception):
    """An array is no rearrangement of the reference's; the message is a clause that says which."""


@dataclass(frozen=True, slots=True)
class Convention:
    """A cell, its variant, and for each array of the reference the places of its numbers among the arguments.

    The arguments' numbers are all their arrays, flattened and put together (:func:`numbers`). ``sources``
    maps a parameter ("W_f"), "inputs", "h_0" or "C_0" to indices into them, in the reference's shape; -1
    stands for zero. ``starts`` maps an array's code ("_in_p[3]") to its first index.
    """

    kind: str
    variant: Mapping[str, str]
    sources: Mapping[str, Value]
    starts: Mapping[str, int]
    length: int

    def run(self, arguments: Array, inputs: Array | None = None) -> Any:
        """The reference's trace on these numbers; ``inputs`` (T, D, B) where they are not among them."""
        found = {name: self._taken(arguments, indices) for name, indices in self.sources.items()}
        if inputs is not None:
            found["inputs"] = inputs
        inputs, h_0, C_0 = (found.pop(name, _NOTHING) for name in _STATES)
        if self.kind == "lstm":
            squashed = self.variant["squashed"] == "yes"
            return lstm.forward(inputs, h_0, C_0, lstm.LSTMParameters(**found), squashed=squashed)
        if self.kind == "gru":
            reset, update = gru.Reset(self.variant["reset"]), gru.Update(self.variant["update"])
            return gru.forward(inputs, h_0, gru.GRUParameters(**found), reset=reset, update=update)
        nonlinearity = rnn.Nonlinearity(self.variant["nonlinearity"])
        return rnn.forward(inputs, h_0, rnn.RNNParameters(**found), nonlinearity=nonlinearity)

    def gradients(self, trace: Any, adjoints: Mapping[str, Array]) -> dict[str, Array]:
        """The reference's gradients by the names of ``sources``; ``adjoints`` of "h", "C", "v" (T, …, B)."""
        given = {"dh_above": adjoints["h"], "dv": adjoints["v"]}
        if self.kind == "lstm":
            found: Any = lstm.backward(trace, dC_above=adjoints["C"], **given)
        else:
            found = (gru if self.kind == "gru" else rnn).backward(trace, **given)
        states = {"inputs": found.dx, "h_0": found.dh_0}
        if self.kind == "lstm":
            states["C_0"] = found.dC_0
        return {**named(found.parameters), **states}

    def on_arguments(self, gradients: Mapping[str, Array]) -> Array:
        """Gradients of the reference's arrays as those of the arguments' numbers."""
        total = np.zeros(self.length)
        for name, indices in self.sources.items():
            known = indices != _NOWHERE
            np.add.at(total, indices[known], gradients[name][known])
        return total

    def on_reference(self, name: str, numbers_: Array) -> Array:
        """What stands at an array's places among the arguments' numbers, in the reference's shape."""
        return self._taken(numbers_, self.sources[name])

    @staticmethod
    def _taken(numbers_: Array, indices: Indices) -> Array:
        return np.where(indices == _NOWHERE, 0.0, numbers_[indices])


def numbers(arguments: Mapping[str, Value]) -> tuple[Array, dict[str, int]]:
    """All float arrays of the arguments as one vector, and where each begins, by its code."""
    parts: list[Array] = []
    starts: dict[str, int] = {}
    length = 0
    for code, value in arguments.items():
        for leaf in leaves(value, code):
            starts[leaf.code] = length
            parts.append(leaf.array.reshape(-1))
            length += leaf.array.size
    return (np.concatenate(parts) if parts else np.empty(0)), starts


def convention_of(match: Match, arguments: Mapping[str, Value], inputs: Array) -> Convention:
    """The convention of a solution that has been matched on these arguments.

    ``inputs`` are the arguments' as the reference takes them; where they are indices or one-hot they are not
    looked for. Raises :class:`ConventionError`.
    """
    vector, starts = numbers(arguments)
    places = _Places(vector)
    trace = match.trace
    wanted = {**named(trace.parameters), "inputs": inputs, "h_0": _initial(trace, "h")}
    if match.kind == "lstm":
        wanted["C_0"] = _initial(trace, "C")
    wanted |= _output_layer(arguments, wanted, trace.h.shape[1])
    sources: dict[str, Indices] = {}
    for name, array in wanted.items():
        found = places.of(array)
        if found is not None:
            sources[name] = found
        elif name != "inputs":
            raise ConventionError(f"its {name} is no array of the arguments")
    return Convention(match.kind, _variant(match), sources, starts, vector.size)


class _Places:
    """Where a number stands among the arguments; zero stands nowhere."""

    def __init__(self, vector: Array) -> None:
        values, indices, counts = np.unique(vector, return_index=True, return_counts=True)
        once = (counts == 1) & (values != 0.0)
        self._indices = dict(zip(values[once].tolist(), indices[once].tolist(), strict=True))
        self._indices[0.0] = _NOWHERE

    def of(self, array: Array) -> Indices | None:
        """The indices of all numbers of an array, None where one is not there."""
        found = [self._indices.get(number) for number in array.reshape(-1).tolist()]
        if None in found:
            return None
        return np.array(found, dtype=np.int64).reshape(array.shape)


def _initial(trace: Any, state: str) -> Array:
    previous: Array = getattr(trace, f"{state}_previous")[0]
    return previous


def _output_layer(arguments: Mapping[str, Value], known: Mapping[str, Array], H: int) -> dict[str, Array]:
    """W_v and b_v: the matrix and the vector that the cell leaves over."""
    used = {number for array in known.values() for number in array.reshape(-1).tolist()}
    over = [
        leaf.array
        for code, value in arguments.items()
        for leaf in leaves(value, code)
        if not leaf.is_number and not used & set(leaf.array.reshape(-1).tolist())
    ]
    for matrix in over:
        if matrix.ndim == 2 and H in matrix.shape:
            W_v = matrix if matrix.shape[1] == H else matrix.T
            for vector in over:
                if vector.size == W_v.shape[0] and vector is not matrix:
                    return {"W_v": W_v, "b_v": vector.reshape(-1, 1)}
    return {}


def _variant(match: Match) -> dict[str, str]:
    trace = match.trace
    if match.kind == "lstm":
        return {"squashed": "yes" if trace.squashed else "no"}
    if match.kind == "gru":
        return {"reset": str(trace.reset), "update": str(trace.update)}
    return {"nonlinearity": str(trace.nonlinearity)}


@dataclass(frozen=True, slots=True)
class Quantities:
    """All numbers of a trace as one vector; ``spans`` says where each quantity begins and its shape."""

    vector: Array
    spans: Mapping[str, tuple[int, tuple[int, ...]]]

    @staticmethod
    def of(arrays: Mapping[str, Array]) -> Quantities:
        """Constants first, then the quantities by name."""
        parts: list[Array] = []
        spans: dict[str, tuple[int, tuple[int, ...]]] = {}
        length = 0
        for name, array in arrays.items():
            spans[name] = (length, array.shape)
            parts.append(array.reshape(-1))
            length += array.size
        return Quantities(np.concatenate(parts), spans)

    @staticmethod
    def of_trace(trace: Any, inputs: Array) -> Quantities:
        """Every quantity of the reference's trace, its arguments, and 0 and 1."""
        arrays = {
            field.name: getattr(trace, field.name)
            for field in fields(trace)
            if isinstance(getattr(trace, field.name), np.ndarray)
        }
        arrays |= {"zero": np.zeros(1), "one": np.ones(1), "inputs": inputs, "h_0": _initial(trace, "h")}
        if "C_previous" in arrays:
            arrays["C_0"] = _initial(trace, "C")
        order = [name for name in _FIRST if name in arrays]
        return Quantities.of({name: arrays[name] for name in (*order, *sorted(set(arrays) - set(order)))})

    def find(self, array: Array) -> Indices | None:
        """Where each number of ``array`` stands, the first place of several; None where one does not."""
        values, first = np.unique(self.vector, return_index=True)
        flat = array.reshape(-1)
        right = np.clip(np.searchsorted(values, flat), 0, len(values) - 1)
        left = np.clip(right - 1, 0, len(values) - 1)
        nearest = np.where(np.abs(values[left] - flat) < np.abs(values[right] - flat), left, right)
        if not np.all(np.abs(values[nearest] - flat) <= _CLOSE):
            return None
        return self._earliest(values, first, nearest).reshape(array.shape)

    @staticmethod
    def _earliest(values: Array, first: Indices, nearest: Indices) -> Indices:
        """Of numbers that differ by rounding alone, the one that stands first."""
        groups = np.concatenate([[0], np.cumsum(np.diff(values) > _ROUNDING)])
        earliest = np.full(groups[-1] + 1, np.iinfo(np.int64).max)
        np.minimum.at(earliest, groups, first)
        found: Indices = earliest[groups[nearest]]
        return found

    def span(self, name: str) -> slice:
        """Where a quantity stands."""
        start, shape = self.spans[name]
        return slice(start, start + int(np.prod(shape)))


def filled(template: Value, arrays: Iterator[Array]) -> Value:
    """A tree like ``template`` with other arrays for its own, in their order."""
    if isinstance(template, np.ndarray):
        return next(arrays)
    if isinstance(template, float):
        return float(next(arrays))
    if isinstance(template, Mapping):
        return {key: filled(item, arrays) for key, item in template.items()}
    if isinstance(template, list | tuple):
        return [filled(item, arrays) for item in template]
    return template


def adjoints_of(
    trace: Any,
    quantities: Quantities,
    upstream: Sequence[tuple[Indices, Array]],
    targets: Array | None,
    loss: str,
) -> dict[str, Array]:
    """The adjoints with which the loss enters the reference: of "h", "C" and "v".

    ``upstream`` are the places of an output's numbers among the quantities, and what flows into them.
    Raises :class:`ConventionError` where an output is none of the three.
    """
    into = np.zeros_like(quantities.vector)
    allowed = np.zeros(into.size, dtype=bool)
    names = [name for name in ("h", "C", "v") if name in quantities.spans]
    for name in names:
        allowed[quantities.span(name)] = True
    for indices, flow in upstream:
        flat = np.asarray(indices).reshape(-1)
        if not np.all(allowed[flat]):
            raise ConventionError("the upstream gradient is that of neither a state nor a logit")
        np.add.at(into, flat, flow.reshape(-1))
    found = {name: into[quantities.span(name)].reshape(quantities.spans[name][1]) for name in names}
    if targets is not None:
        if targets.shape != trace.v.shape:
            raise ConventionError("the targets are not one a step and output")
        adjoint = cross_entropy_adjoint if loss == "cross-entropy" else squared_error_adjoint
        found["v"] = found["v"] + adjoint(trace.v, targets)
    return found
