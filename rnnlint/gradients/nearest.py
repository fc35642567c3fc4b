"""The reference cell that a forward pass nearly is: the one of which it computes the most quantities.

A forward pass with one wrong equation has no state in common with any cell, and still the gates of the first
step: they tell the cell, and the order of its weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from rnnlint.gradients.cells import field_of
from rnnlint.gradients.measure import Measurement
from rnnlint.gradients.reference import MOST_TRIALS, Match, cells, hidden_sizes, inputs_of
from rnnlint.records import dataclass

Array = np.ndarray[Any, np.dtype[np.float64]]

TOLD_BY: Mapping[str, tuple[tuple[str, ...], int]] = {
    "lstm": (("f", "i", "g", "o"), 3),
    "gru": (("z", "r", "n"), 2),
    "rnn": (("a",), 1),
}
"""What each kind's first step must have in common with the program's, and how many of that."""
CLOSE = 1e-9


@dataclass(frozen=True)
class Nearest:
    """A reference cell on the program's own weights and inputs, with the names and values of its quantities,
    (T, features, B) each."""

    cell: Match
    quantities: Mapping[str, Array]
    inputs: Array

    @cached_property
    def _numbers(self) -> Array:
        """All numbers of its weights and biases."""
        held = (getattr(self.cell.trace.parameters, each.name) for each in fields(self.cell.trace.parameters))
        return np.concatenate([np.ravel(each) for each in held if each is not None])

    def has(self, weights: Array) -> bool:
        """Whether an array of the program's is of the cell's own weights: numbers drawn at random tell."""
        return bool(np.all(np.isin(weights, self._numbers)))


MOST_ALIKE = 6
"""Three gates that go through one nonlinearity may change places."""


def nearest(measurement: Measurement, kind: str | None, computed: Sequence[Array]) -> list[Nearest]:
    """The cells of which most is among what the forward pass ``computed``: several where nothing tells them
    apart, none where too little is.

    ``kind`` is what its names say it is.
    """
    probe = measurement.probe
    inputs = inputs_of(probe)
    if inputs is None or kind is None or kind not in TOLD_BY:
        return []
    told_by, least = TOLD_BY[kind]
    matrices = [p for p in probe.places if p.is_weight and p.array.ndim == 2 and 1 not in p.array.shape]
    weights = [place.name for place in matrices]
    best: tuple[int, int] = (0, 0)
    found: list[Nearest] = []
    for H in hidden_sizes(probe, inputs.shape[1]):
        values = _Values(computed)
        for cell in islice(cells(probe, inputs, H), MOST_TRIALS):
            if cell.kind != kind:
                continue
            quantities = dict(_quantities(cell))
            common = sum(values.hold(quantities[name][0]) for name in told_by)
            if common < least:
                continue
            initial = [quantities[name][0] for name in ("h_previous", "C_previous") if name in quantities]
            rank = _named_alike(cell, weights), common + sum(map(values.hold, initial))
            if rank > best:
                best, found = rank, []
            if rank == best and cell.order not in {each.cell.order for each in found}:
                found.append(Nearest(cell, quantities, inputs))
    return found[:MOST_ALIKE]


class _Values:
    """Arrays by their numbers, in whatever arrangement."""

    def __init__(self, computed: Sequence[Array]) -> None:
        rows: dict[int, dict[bytes, Array]] = {}
        for value in computed:
            row = np.sort(value, axis=None)
            rows.setdefault(row.size, {})[row.tobytes()] = row
        self._rows = {size: np.array(list(found.values())) for size, found in rows.items()}

    def hold(self, value: Array) -> bool:
        rows = self._rows.get(value.size)
        if rows is None or not np.any(value):  # zeros are everybody's
            return False
        wanted = np.sort(value, axis=None)
        return bool(np.any(np.max(np.abs(rows - wanted), axis=1) <= CLOSE))


def _quantities(cell: Match) -> Iterator[tuple[str, Array]]:
    """What a cell computes at every step, and the products that its states are made of."""
    trace = cell.trace
    match cell.kind:
        case "lstm":
            for name in ("z", "a_f", "a_i", "a_g", "a_o", "f", "i", "g", "o", "C", "tanh_C", "h"):
                yield name, getattr(trace, name)
            yield "f C_previous", trace.f * trace.C_previous
            yield "i g", trace.i * trace.g
            yield "h_previous", trace.h_previous
            yield "C_previous", trace.C_previous
        case "gru":
            for name in ("s", "a_z", "a_r", "a_n", "z", "r", "q", "n", "h", "h_previous"):
                yield name, getattr(trace, name)
            yield "r q", trace.r * trace.q
            yield "z h", trace.z * trace.h_previous
            yield "(1 - z) h", (1 - trace.z) * trace.h_previous
            yield "z n", trace.z * trace.n
            yield "(1 - z) n", (1 - trace.z) * trace.n
        case _:
            for name in ("z", "a", "h", "h_previous"):
                yield name, getattr(trace, name)


def _named_alike(cell: Match, weights: Sequence[str]) -> int:
    """How many gates' weights bear the name of the gate that they are taken for."""
    named = dict.fromkeys(field_of(cell.kind, name.rpartition(".")[2]) for name in weights)
    return sum(field == f"W_{gate}" for field, gate in zip(named, cell.order, strict=False))
