"""The true adjoint of everything that a forward pass computes, each use of a value by itself.

Where an operation is a sum, a product or one of the usual functions, the adjoints of its operands follow; the
adjoint of a variable is the sum over its uses. Central differences check every one of these, in one direction
each, and take the place of those that do not follow. No cell, layout or name is known here: it is the user's
own forward pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from rnnlint.diagnosis.tracing.chain_rule import operand_adjoints, through_rearrangement
from rnnlint.diagnosis.tracing.tape import ALL, Event, Slopes, direction
from rnnlint.diagnosis.tracing.watched import Part, Watched
from rnnlint.records import dataclass

Array = np.ndarray[Any, np.dtype[np.float64]]

LARGEST_NUDGED = 90
MOST_NUDGED = 900
"""Numbers that are moved up and down: each costs two runs of the forward pass."""
MOST_CHECKED = 700
MEASURED_A_ROUND = (2, 4, 4, 8, 16, 32)
"""How many events are measured before the others are asked again whether they follow."""
MOST_SUMMED = 7
MOST_WHOLES = 12
CLOSE = 1e-6
NO_SLOPE = 1e-11
_SUBSETS = np.array(list(product((0.0, 1.0), repeat=MOST_SUMMED)))[:, ::-1][1:]


@dataclass(frozen=True, slots=True)
class Use:
    """An event of the forward pass with its adjoint. ``step`` counts how often the expression was reached."""

    watched: Watched
    step: int
    value: Array
    adjoint: Array


def fingerprint(array: Array) -> bytes:
    """The same for arrays of the same numbers in any arrangement."""
    return np.sort(array, axis=None).tobytes()


def uses_of(
    events: Sequence[Event], table: Sequence[Watched], weights: frozenset[bytes], slopes: Slopes
) -> list[Use]:
    """Every event with its adjoint, in the order of the pass; empty where nothing can be measured."""
    return list(_Adjoints(events, table, weights).found(slopes))


class _Adjoints:
    def __init__(self, events: Sequence[Event], table: Sequence[Watched], weights: frozenset[bytes]) -> None:
        self._events = events
        self._table = table
        self._by_count = {event.count: event for event in events}
        self._operands = _operands(events, table)
        self._same: dict[bytes, list[int]] = defaultdict(list)
        for event in events:
            self._same[event.value.tobytes()].append(event.count)
        self._wholes = [event for event in events if table[event.number].part is Part.RESULT][-MOST_WHOLES:]
        self._known: dict[int, Array] = {}
        self._checked = [
            event
            for event in events
            if table[event.number].part is not Part.OPERAND
            and 0 < event.value.size <= LARGEST_NUDGED
            and fingerprint(event.value) not in weights
        ][-MOST_CHECKED:]
        self._slope: dict[int, float] = {}

    def found(self, slopes: Slopes) -> Iterator[Use]:
        checked = slopes.of([(event.count, ALL) for event in self._checked])
        if checked is None:
            return
        counts = [event.count for event in self._checked]
        self._slope = {c: float(s) for c, s in zip(counts, checked, strict=True) if np.isfinite(s)}
        left = MOST_NUDGED
        for most in MEASURED_A_ROUND:
            missing = self._follow()
            wanted = [event for event in missing if event.value.size <= left][:most]
            if not wanted:
                break
            left -= sum(event.value.size for event in wanted)
            self._measure(slopes, wanted)
        steps: dict[int, int] = {}
        for event in self._events:
            step = steps[event.number] = steps.get(event.number, -1) + 1
            if event.count in self._known:
                yield Use(self._table[event.number], step, event.value, self._known[event.count])

    def _measure(self, slopes: Slopes, wanted: Sequence[Event]) -> None:
        measured = slopes.of([(event.count, n) for event in wanted for n in range(event.value.size)])
        position = 0
        for event in wanted:
            part = (
                measured[position : position + event.value.size]
                if measured is not None
                else np.full(event.value.size, np.nan)
            )
            position += event.value.size
            if np.all(np.isfinite(part)):
                self._known[event.count] = part.reshape(event.value.shape)
            else:
                del self._slope[event.count]

    def _follow(self) -> list[Event]:
        """Let the adjoints that are known send theirs back; the events that then have to be measured, last
        ones first: the rest may follow from them.
        """
        missing: list[Event] = []
        for event in reversed(self._events):
            count = event.count
            if count not in self._known and count in self._slope:
                found = self._from_later(event)
                if found is not None:
                    self._known[count] = found
                else:
                    missing.append(event)
            self._send_back(event)
        return missing

    def _from_later(self, event: Event) -> Array | None:
        """The adjoint of a value as the sum over later events that are this value or hold it: those among
        which the loss agrees.
        """
        slope = self._slope[event.count]
        if abs(slope) <= NO_SLOPE:
            return np.zeros(event.value.shape)
        later = list(self._adjoints_of_later(event))[:MOST_SUMMED]
        if not later:
            return None
        way = direction(event.value)
        slopes = np.array([float(np.sum(adjoint * way)) for adjoint in later])
        chosen = _SUBSETS[: 2 ** len(later) - 1, : len(later)]
        off = np.abs(chosen @ slopes - slope)
        best = int(np.argmin(off))
        if off[best] > CLOSE * abs(slope) + 1e-9:
            return None
        return np.asarray(np.sum([a for a, on in zip(later, chosen[best], strict=True) if on], axis=0))

    def _adjoints_of_later(self, event: Event) -> Iterator[Array]:
        """Of every later event of the same numbers its adjoint, of one that holds them the part of it."""
        for count in self._same[event.value.tobytes()]:
            known = self._known.get(count)
            if count > event.count and known is not None and known.shape == event.value.shape and known.any():
                yield known
        for whole in self._wholes:
            known = self._known.get(whole.count)
            if whole.count > event.count and known is not None and whole.value.size > event.value.size:
                part = through_rearrangement(known, whole.value, event.value)
                if part is not None and part.any():
                    yield part

    def _agrees(self, event: Event, adjoint: Array) -> bool:
        slope = self._slope[event.count]
        return abs(float(np.sum(adjoint * direction(event.value))) - slope) <= CLOSE * abs(slope) + 1e-9

    def _send_back(self, event: Event) -> None:
        adjoint, node = self._known.get(event.count), self._table[event.number].node
        inner = self._operands.get(event.count, ())
        if adjoint is None or node is None or not inner:
            return
        values = [self._by_count[count].value if count is not None else None for count in inner]
        for count, sent in zip(inner, operand_adjoints(node, adjoint, event.value, values), strict=False):
            if count is None or sent is None or count in self._known:
                continue
            operand = self._by_count[count]
            if sent.shape == operand.value.shape and (
                count not in self._slope or self._agrees(operand, sent)
            ):
                self._known[count] = sent


def _operands(events: Sequence[Event], table: Sequence[Watched]) -> dict[int, tuple[int | None, ...]]:
    """For each event the events of its operands: the last ones before it."""
    latest: dict[int, int] = {}
    found: dict[int, tuple[int | None, ...]] = {}
    for event in events:
        wanted = table[event.number].operands
        if wanted:
            found[event.count] = tuple(latest.get(number) for number in wanted)
        latest[event.number] = event.count
    return found
