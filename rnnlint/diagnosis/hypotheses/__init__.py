"""Known bugs as hypotheses: does one of them, or do two, explain all gradients exactly?

For a forward pass that is one of the reference cells. What the loss sends to each state follows from the true
gradients, which are linear in it; then every hypothesis predicts what all gradients would be. Only an exact
match of all of them names a bug, and no source is read for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rnnlint.diagnosis.hypotheses import gru, lstm, rnn
from rnnlint.diagnosis.hypotheses.equations import Bug, Choice, Equations, hypotheses
from rnnlint.gradients.measure import Measurement
from rnnlint.gradients.reference import Match
from rnnlint.records import dataclass

Array = np.ndarray[Any, np.dtype[np.float64]]

EXACT = 1e-6
AT_ONCE = 2

_CELLS: Mapping[str, tuple[Equations, Callable[[Any, Array, Choice], dict[str, Array]]]] = {
    "lstm": (lstm.EQUATIONS, lstm.gradients),
    "gru": (gru.EQUATIONS, gru.gradients),
    "rnn": (rnn.EQUATIONS, rnn.gradients),
}


@dataclass(frozen=True, slots=True)
class _Part:
    """Where a parameter's numbers stand among those of the reference's parameters."""

    name: str
    places: np.ndarray[Any, np.dtype[np.int64]]


def explained_by(measurement: Measurement, match: Match) -> tuple[Bug, ...]:
    """The bug, or the two, with which the reference's gradients are exactly the measured ones; else none."""
    equations, gradients = _CELLS[match.kind]
    flat = _parameters(match)
    parts = [
        _Part(place.name, found)
        for place in measurement.probe.places
        if place.name in measurement.pairs and place.name in measurement.truth
        if (found := _places(place.array, flat)) is not None
    ]
    wrong = {v.name for v in measurement.judged.verdicts if (v.relative_error or 0.0) > EXACT}
    if not parts or not wrong <= {part.name for part in parts}:
        return ()

    def predicted(dh_above: Array, choice: Choice) -> Array:
        found = gradients(match.trace, dh_above, choice)
        whole = np.concatenate([_flat(found, name, values) for name, values in flat], axis=1)
        return np.concatenate([whole[:, part.places] for part in parts], axis=1)

    true = np.concatenate([measurement.truth[part.name].reshape(-1) for part in parts])
    got = np.concatenate([measurement.pairs[part.name].gradient.reshape(-1) for part in parts])
    dh_above = _sent_by_the_loss(match, true, lambda dh: predicted(dh, hypotheses(equations, 0)[0])[0])
    if dh_above is None or not measurement.judged.scale:
        return ()
    choice, bugs = hypotheses(equations, AT_ONCE)
    off = predicted(dh_above, choice) - got / measurement.judged.scale
    distances = np.linalg.norm(off, axis=1) / np.linalg.norm(got / measurement.judged.scale)
    exact = np.flatnonzero(distances <= EXACT)
    return bugs[int(exact[0])] if len(exact) else ()


def _sent_by_the_loss(match: Match, true: Array, of: Callable[[Array], Array]) -> Array | None:
    """What the loss sends to each state by itself, (T, H, B), as the true gradients demand it.

    None where they do not determine it.
    """
    shape = match.trace.h.shape
    size = int(np.prod(shape))
    columns = np.stack([of(unit.reshape(shape)) for unit in np.eye(size)], axis=1)
    solution, _, rank, _ = np.linalg.lstsq(columns, true, rcond=1e-10)
    if rank < size or np.linalg.norm(columns @ solution - true) > EXACT * np.linalg.norm(true):
        return None
    return np.asarray(solution.reshape(shape))


def _parameters(match: Match) -> list[tuple[str, Array]]:
    """The reference's parameters that a cell has, without an output layer."""
    kept: list[tuple[str, Array]] = []
    for name in type(match.trace.parameters).__dataclass_fields__:
        value = getattr(match.trace.parameters, name)
        if value is not None and not name.endswith("_v") and not name.startswith("P_"):
            kept.append((name, value))
    return kept


def _flat(found: Mapping[str, Array], name: str, values: Array) -> Array:
    gradient = found[name]
    return gradient.reshape(len(gradient), values.size)


def _places(array: Array, flat: list[tuple[str, Array]]) -> np.ndarray[Any, np.dtype[np.int64]] | None:
    """For each number of ``array`` where it stands among the reference's; None where one is not there."""
    held = np.concatenate([values.reshape(-1) for _, values in flat])
    order = np.argsort(held)
    found = np.minimum(np.searchsorted(held[order], array.reshape(-1)), held.size - 1)
    return order[found] if np.array_equal(held[order][found], array.reshape(-1)) else None
