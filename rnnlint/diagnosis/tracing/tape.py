"""What every watched expression of a pass computed, and how the loss depends on it: the program that records
both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnlint.diagnosis.tracing.watched import WATCHER
from rnnlint.findings import Edit
from rnnlint.gradients.own_loss import STEP, evaluated
from rnnlint.gradients.trials import Trials
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Value

Array = np.ndarray[Any, np.dtype[np.float64]]

MOST_EVENTS = 20_000
LARGEST_EVENT = 5_000
ALL = -1
"""In place of an element's index: all of them, in :func:`direction`."""
_TAPE = f"""class _Tape:
    def __init__(self):
        import numpy
        self.numpy = numpy
        self.events = []
        self.start(False)
    def start(self, recording, at=-1, index=0, by=0.0):
        self.count, self.recording, self.at, self.index, self.by = -1, recording, at, index, by
    def __call__(self, number, value):
        numpy = self.numpy
        if not (isinstance(value, numpy.ndarray) and value.dtype.kind == "f" or isinstance(value, float)):
            return value
        self.count += 1
        if self.recording:
            if len(self.events) < {MOST_EVENTS} and numpy.size(value) <= {LARGEST_EVENT}:
                self.events.append((number, self.count, numpy.array(value, dtype=float)))
        elif self.count == self.at:
            if isinstance(value, float):
                return value + self.by
            value = value.copy()
            if self.index == {ALL}:
                value += self.by * numpy.cos(1.0 + numpy.arange(value.size)).reshape(value.shape)
            else:
                value.flat[self.index] += self.by
        return value
_tape = _Tape()
for _names in [globals(), *map(vars, list(__import__("sys").modules.values()))]:
    if isinstance(_names.get("__builtins__"), dict):
        _names["__builtins__"]["{WATCHER}"] = _tape"""
"""Every file of the user's has built-in names of its own."""


@dataclass(frozen=True, slots=True)
class Event:
    """A watched expression's value, once; ``count`` is its place among all that the pass computed."""

    number: int
    count: int
    value: Array


def direction(value: Array) -> Array:
    """The way in which all elements of a value are moved at once."""
    size = 1 if value.ndim == 0 else value.size
    return np.cos(1.0 + np.arange(size)).reshape(value.shape) if value.ndim else np.array(1.0)


def recorded(trials: Trials, edits: Sequence[Edit]) -> list[Event] | None:
    """Everything that the watched statements compute in one run; None where that does not run."""
    return all_recorded(trials, [edits])[0]


def all_recorded(trials: Trials, variants: Sequence[Sequence[Edit]]) -> list[list[Event] | None]:
    """As :func:`recorded`, of many variants of the text."""
    loop = ["_tape.start(True)", "_replay()"]
    scenario = trials.measurement.probe.replays((), _TAPE, loop, "_tape.events", backward=True)
    return [
        None if ran is None or ran.trouble is not None else _events(ran.values[0])
        for ran in trials.runs(variants, scenario)
    ]


def _events(answer: Value) -> list[Event] | None:
    """The tape as it came back; None where it is none: whoever answered was not the tape."""
    found = []
    for each in answer if isinstance(answer, list) else [answer]:
        match each:
            case (int(number), int(count), float() | np.ndarray() as value) if number >= 0:
                found.append(Event(number, count, np.asarray(value, dtype=np.float64)))
            case _:
                return None
    return found


@dataclass(frozen=True)
class Slopes:
    """Measures how the loss changes as single values of the forward pass are moved."""

    trials: Trials
    edits: Sequence[Edit]

    def of(self, moves: Sequence[tuple[int, int]]) -> Array | None:
        """∂loss by central differences for each (event's count, element or :data:`ALL`).

        None where a replay does not run, or the loss cannot be taken from it.
        """
        measurement = self.trials.measurement
        codes, losses, backward = evaluated(measurement.probe, [measurement.loss])
        loop = [
            "_values = []",
            f"for _event, _index in {list(moves)!r}:",
            f"    for _by in ({STEP!r}, {-STEP!r}):",
            "        _tape.start(False, _event, _index, _by)",
            "        _values.append(_replay())",
        ]
        scenario = measurement.probe.replays(codes, _TAPE, loop, "_values", backward=backward)
        (ran,) = self.trials.runs([self.edits], scenario)
        if ran is None or ran.trouble is not None or len(ran.values[0]) != 2 * len(moves):
            return None
        found = losses[0].of_each([tuple(values) for values in ran.values[0]])
        with np.errstate(invalid="ignore"):
            return np.asarray((found[0::2] - found[1::2]) / (2 * STEP))


__all__ = ["ALL", "Event", "Slopes", "all_recorded", "direction", "recorded"]
