"""What the page draws: heat maps of a gradient's error, its error by time step, what each bug costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rnnlint.records import dataclass
from rnnlint.verdicts import ParameterVerdict

TIME = "T"

_RIGHT = 1e-6
"""Errors below this part of the largest true element are nothing to look at."""


@dataclass(frozen=True, slots=True)
class Square:
    """An element: where it stands, whether its gradient is too ``high`` or too ``low``, and how strongly."""

    row: int
    column: int
    kind: str
    strength: float
    title: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The errors of one gradient: rows by columns, with lines between the gates of a stacked matrix."""

    name: str
    rows: int
    columns: int
    squares: tuple[Square, ...]
    row_axis: str
    column_axis: str
    row_rules: tuple[int, ...]
    column_rules: tuple[int, ...]
    said: str


def heat_map(parameter: ParameterVerdict) -> HeatMap | None:
    """The picture of a wrong gradient; leading axes of more than two are laid one under the other."""
    elements = parameter.elements
    if elements is None or not elements.got:
        return None
    shape = parameter.shape or (1,)
    axes = elements.axes or ("",)
    columns = shape[-1]
    rows = len(elements.got) // columns
    largest = max(map(abs, elements.expected)) or 1.0
    squares: list[Square] = []
    for number, (got, expected) in enumerate(zip(elements.got, elements.expected, strict=True)):
        error = (got - expected) / largest
        if abs(error) > _RIGHT:
            place = f"{parameter.name}[{', '.join(map(str, _index(number, shape)))}]"
            title = f"{place}: {got:.4g} instead of {expected:.4g}"
            strength = round(min(1.0, math.sqrt(abs(error))), 3)
            kind = "high" if error > 0 else "low"
            squares.append(Square(*divmod(number, columns), kind, strength, title))
    return HeatMap(
        parameter.name,
        rows,
        columns,
        tuple(squares),
        "·".join(filter(None, axes[:-1])),
        axes[-1],
        _rules(rows, axes[0] if len(axes) == 2 else ""),
        _rules(columns, axes[-1]),
        f"{parameter.name}: {len(squares)} of {rows * columns} elements wrong",
    )


def _index(number: int, shape: Sequence[int]) -> tuple[int, ...]:
    index: list[int] = []
    for length in reversed(shape):
        number, place = divmod(number, length)
        index.append(place)
    return tuple(reversed(index))


def _rules(length: int, axis: str) -> tuple[int, ...]:
    """Between the blocks of an axis called ``4H``: where each gate's rows begin."""
    blocks = int(axis[0]) if len(axis) == 2 and axis[0].isdigit() else 1
    return tuple(range(length // blocks, length, length // blocks)) if blocks > 1 else ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A length between 0 and 1 with what stands beside it; ``one`` is where an error of 1 ends."""

    label: str
    length: float
    figure: str
    anchor: str
    one: float


def by_step(parameter: ParameterVerdict) -> tuple[Bar, ...]:
    """‖g_t − ĝ_t‖ / max(‖g_t‖, ‖ĝ_t‖) for each step t of a gradient that has a time axis; else nothing."""
    elements = parameter.elements
    if elements is None or elements.axes.count(TIME) != 1:
        return ()
    axis = elements.axes.index(TIME)
    steps = parameter.shape[axis]
    inner = math.prod(parameter.shape[axis + 1 :])
    squares = [[0.0, 0.0, 0.0] for _ in range(steps)]
    for number, (got, expected) in enumerate(zip(elements.got, elements.expected, strict=True)):
        sums = squares[number // inner % steps]
        sums[0] += (got - expected) ** 2
        sums[1] += got**2
        sums[2] += expected**2
    errors = [math.sqrt(off / max(g, e)) if max(g, e) > 0 else 0.0 for off, g, e in squares]
    return bars([(f"t = {step}", error, "") for step, error in enumerate(errors)])


def bars(values: Sequence[tuple[str, float, str]]) -> tuple[Bar, ...]:
    """A bar for each ``(label, error, anchor)``, on one scale that reaches 1 at least."""
    longest = max([1.0, *(value for _, value, _ in values)])
    return tuple(
        Bar(label, round(value / longest, 4), figure(value), anchor, round(1 / longest, 4))
        for label, value, anchor in values
    )


def figure(value: float) -> str:
    """An error in few characters: ``0.94``, ``0.0031``, ``2e-13``."""
    return f"{value:.2f}" if value >= 0.095 else f"{value:.1g}"
