"""All true quantities of one run, to be looked up by value: adjoints of every use, sums over a step's uses,
sums over steps, and what the forward pass computed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rnnlint.diagnosis.tracing.adjoints import Use, fingerprint
from rnnlint.records import dataclass, replace

Array = np.ndarray[Any, np.dtype[np.float64]]

CLOSE = 2e-6
NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Quantity:
    """A true adjoint: of which expression of the forward pass, at which step; of a parameter by its name.

    ``whole`` where it holds all steps, or is their sum from the last one down to ``step``; ``part_of`` where
    it is one gate of a stacked adjoint.
    """

    of: str
    step: int
    value: Array
    parameter: str | None = None
    whole: bool = False
    number: int = -1
    part_of: str = ""


class Table:
    """Arrays by value: the same numbers in any arrangement, shape or layout are the same quantity."""

    def __init__(self, quantities: Iterable[Quantity], scales: Sequence[float] = (1.0,)) -> None:
        by_size: dict[int, list[tuple[Array, Quantity]]] = defaultdict(list)
        seen: set[tuple[bytes, str | None]] = set()
        for quantity in quantities:
            if np.max(np.abs(quantity.value), initial=0.0) <= NOTHING:
                continue
            mark = (np.round(np.sort(quantity.value, axis=None), 12).tobytes(), quantity.parameter)
            if mark in seen:
                continue
            seen.add(mark)
            for scale in dict.fromkeys(scales):
                row = np.sort(quantity.value * scale, axis=None)
                by_size[quantity.value.size].append((row, quantity))
        self._rows = {size: np.array([row for row, _ in held]) for size, held in by_size.items()}
        self._held = {size: [quantity for _, quantity in held] for size, held in by_size.items()}
        self._found: dict[bytes, list[Quantity]] = {}

    def find(self, value: Array) -> list[Quantity]:
        """The quantities that are this array."""
        mark = value.tobytes()
        if mark not in self._found:
            self._found[mark] = self._looked_up(value)
        return self._found[mark]

    def _looked_up(self, value: Array) -> list[Quantity]:
        rows = self._rows.get(value.size)
        if rows is None or not np.all(np.isfinite(value)):
            return []
        wanted = np.sort(value, axis=None)
        largest = np.max(np.abs(wanted))
        near = np.max(np.abs(rows - wanted), axis=1) <= CLOSE * largest + 1e-9
        return [self._held[value.size][n] for n in np.flatnonzero(near)]


@dataclass(frozen=True)
class Truths:
    """What is true of one forward pass under its loss."""

    uses: tuple[Use, ...]
    values: tuple[Array, ...]  # what the forward computed
    parameters: dict[bytes, str]  # names of the parameters, by their numbers
    gradients: dict[str, Array]
    scale: float
    steps: int = 0  # how many the sequence has
    hidden: int = 0  # the size of a state

    @cached_property
    def quantities(self) -> list[Quantity]:
        """Every true adjoint."""
        found = [self._of(use) for use in self.uses]
        together = self._together(found)
        over_steps = self._over_steps([*found, *together])
        blocks = [part for quantity in found for part in self._gates_of(quantity)]
        found += [part for quantity in found for part in self._steps_of(quantity)]
        found += blocks
        found += together + over_steps
        found += [Quantity(name, 0, g, name, True) for name, g in self.gradients.items()]
        return found

    @cached_property
    def contributions(self) -> frozenset[tuple[str, int]]:
        """Parameters of which single uses are known, with the sizes of these."""
        return frozenset(
            (quantity.parameter, quantity.value.size)
            for quantity in self.quantities
            if quantity.parameter is not None and quantity.number >= 0
        )

    @cached_property
    def names_of_parameters(self) -> frozenset[str]:
        """The parameters' own names, without what holds them."""
        return frozenset(re.findall(r"\w+", name)[-1] for name in self.parameters.values() if name)

    @cached_property
    def adjoints(self) -> Table:
        """Looked up up to the factor that all gradients share."""
        return Table(self.quantities, (1.0, self.scale))

    @cached_property
    def forward(self) -> Table:
        """What the forward pass computed, whole sequences among it."""
        whole = [Quantity("", 0, value) for value in self.values]
        return Table([*whole, *(part for quantity in whole for part in self._steps_of(quantity))])

    @cached_property
    def _same_at_every_step(self) -> frozenset[int]:
        """The expressions that have one value at all steps: parameters; only their adjoints add up."""
        values: dict[int, set[bytes]] = defaultdict(set)
        for use in self.uses:
            values[use.watched.number].add(use.value.tobytes())
        return frozenset(number for number, held in values.items() if len(held) == 1)

    @cached_property
    def _reached_often(self) -> frozenset[int]:
        """The expressions of a step: what they compute is no sequence."""
        return frozenset(use.watched.number for use in self.uses if use.step)

    def _of(self, use: Use) -> Quantity:
        parameter = self.parameters.get(fingerprint(use.value))
        return Quantity(use.watched.text, use.step, use.adjoint, parameter, number=use.watched.number)

    def _steps_of(self, whole: Quantity) -> Iterator[Quantity]:
        """The single steps of what holds a whole sequence; such a one may hold the initial state too."""
        if whole.value.ndim < 2 or self.steps < 2 or whole.number in self._reached_often:
            return
        for axis, size in enumerate(whole.value.shape):
            if size in (self.steps, self.steps + 1):
                for step, part in enumerate(np.moveaxis(whole.value, axis, 0)):
                    yield replace(whole, value=part, step=step)

    def _gates_of(self, stacked: Quantity) -> Iterator[Quantity]:
        """The single gates of what holds several."""
        if self.hidden < 2 or stacked.parameter is not None:
            return
        for axis, size in enumerate(stacked.value.shape):
            if size in (2 * self.hidden, 3 * self.hidden, 4 * self.hidden):
                parts = np.split(stacked.value, size // self.hidden, axis=axis)
                for number, part in enumerate(parts):
                    yield replace(
                        stacked,
                        of=f"{stacked.of}, part {number}",
                        value=part,
                        number=-1,
                        part_of=stacked.of,
                    )

    def _together(self, single: Sequence[Quantity]) -> list[Quantity]:
        """What one step's uses of one value send back together."""
        groups: dict[tuple[bytes, int], list[Quantity]] = defaultdict(list)
        for use, quantity in zip(self.uses, single, strict=True):
            groups[use.value.tobytes(), use.step].append(quantity)
        found: list[Quantity] = []
        for (_, step), members in groups.items():
            shapes = {member.value.shape for member in members}
            if len(members) > 1 and len(shapes) == 1:
                total = np.sum([member.value for member in members], axis=0)
                found.append(Quantity(members[0].of, step, total, members[0].parameter))
        return found

    def _over_steps(self, known: Sequence[Quantity]) -> list[Quantity]:
        """Sums of a use's adjoints from the last step down to each, from the first up; all steps in one."""
        by_use: dict[tuple[str, int], dict[int, Quantity]] = defaultdict(dict)
        for quantity in known:
            by_use[quantity.of, quantity.number].setdefault(quantity.step, quantity)
        found: list[Quantity] = []
        for (text, number), steps in by_use.items():
            ordered = [steps[step] for step in sorted(steps)]
            if len(ordered) < 2 or len({q.value.shape for q in ordered}) != 1:
                continue
            parameter = ordered[0].parameter
            found.append(Quantity(text, 0, np.stack([q.value for q in ordered]), parameter, True, number))
            for sequence in (ordered[::-1], ordered) if number in self._same_at_every_step else ():
                total = np.zeros_like(ordered[0].value)
                for quantity in sequence:
                    total = total + quantity.value
                    found.append(Quantity(text, quantity.step, total, parameter, True, number))
        return found
