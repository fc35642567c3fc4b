"""How people lay out steps, batches and features: the hypotheses under which a scenario's holes are
formed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from rnnlint.gradients.forms import ArrayForm, Fill, Form, IndicesForm, StepsForm
from rnnlint.gradients.roles import size_axis
from rnnlint.gradients.sizes import BATCH, INPUT, ONE, OUTPUT, TIME, Size
from rnnlint.gradients.usage import Usage
from rnnlint.records import dataclass, replace

LAYERS_DEEP = 2
"""How many layers a stack of them gets: with one, what flows between layers would not be seen."""


class Item(StrEnum):
    """How one step's vector is laid out."""

    COLUMN = "column vectors"
    COLUMNS = "columns, a batch"
    ROWS = "rows, a batch"
    ROW = "row vectors"
    VECTOR = "1-D vectors"


class Steps(StrEnum):
    """How the steps of a sequence are held."""

    SINGLE = "one step"
    LIST = "a list of steps"
    TIME_FIRST = "time first"
    TIME_SECOND = "time second"
    TIME_LAST = "time last"
    INDICES = "a list of indices"
    INDEX_ARRAY = "an array of indices"


@dataclass(frozen=True, slots=True)
class Layout:
    """One hypothesis for all holes of a scenario."""

    item: Item
    steps: Steps
    stated: bool = True  # shapes that docstrings and asserts state are believed
    last_target: bool = False  # the targets are those of the last step only
    layers: int = LAYERS_DEEP  # how many a stack of layers gets
    begins: bool = True  # initial states are given where they may be left out
    outputs: bool = True  # an upstream gradient is of the steps' states, without the initial one beside them
    made: bool = True  # parameters come from the function that makes them for the program

    def __str__(self) -> str:
        return f"{self.item}, {self.steps}"

    @property
    def columns(self) -> bool:
        return self.item in (Item.COLUMN, Item.COLUMNS)

    def vector(self, feature: Size, fill: Fill = Fill.NORMAL) -> ArrayForm:
        """One step's array with that many features."""
        return ArrayForm(self._axes(feature), fill)

    def bias(self, feature: Size) -> ArrayForm:
        match self.item:
            case Item.COLUMN | Item.COLUMNS:
                return ArrayForm((feature, ONE))
            case Item.ROW:
                return ArrayForm((ONE, feature))
            case _:
                return ArrayForm((feature,))

    def sequence(self, feature: Size, fill: Fill = Fill.NORMAL) -> Form:
        """All steps' arrays with that many features."""
        time, axes = Size.axis(TIME), self._axes(feature)
        match self.steps:
            case Steps.SINGLE:
                return ArrayForm(axes, fill)
            case Steps.LIST:
                return StepsForm(time, ArrayForm(axes, fill))
            case Steps.TIME_FIRST:
                return ArrayForm((time, *axes), fill)
            case Steps.TIME_SECOND:
                return ArrayForm((axes[0], time, *axes[1:]), fill)
            case Steps.TIME_LAST:
                return ArrayForm((*axes, time), fill)
            case Steps.INDICES:
                return IndicesForm((time,), feature)
            case Steps.INDEX_ARRAY:
                batch = Size.axis(BATCH)
                return IndicesForm((time, batch) if self.columns else (batch, time), feature, listed=False)

    @property
    def moments(self) -> tuple[Size, ...]:
        """The axes of what there is one of for each step of each sequence, or of the one that there is."""
        batch, time = Size.axis(BATCH), Size.axis(TIME)
        if self.item is Item.VECTOR:
            return (time,)
        return (batch, time) if self.steps in (Steps.TIME_SECOND, Steps.TIME_LAST) else (time, batch)

    @property
    def one_hot(self) -> Fill:
        """Targets: one-hot along the features."""
        if self.steps in (Steps.SINGLE, Steps.LIST, Steps.TIME_LAST) and self.columns:
            return Fill.ONE_HOT_FIRST
        return Fill.NORMAL if self.columns else Fill.ONE_HOT_LAST

    def _axes(self, feature: Size) -> tuple[Size, ...]:
        batch = Size.axis(BATCH)
        match self.item:
            case Item.COLUMN:
                return (feature, ONE)
            case Item.COLUMNS:
                return (feature, batch)
            case Item.ROWS:
                return (batch, feature)
            case Item.ROW:
                return (ONE, feature)
            case Item.VECTOR:
                return (feature,)


_ITEMS = (Item.COLUMNS, Item.ROWS, Item.COLUMN, Item.ROW, Item.VECTOR)


def layouts(over_steps: bool, usage: Usage, last_target: bool | None) -> Iterator[Layout]:
    """The hypotheses for a forward whose input is used like that, likely ones first."""
    rank = len(usage.shape_names) or usage.subscripts if usage.subscripts > 1 else len(usage.shape_names)
    targets = (False, True) if last_target is None else (last_target,)
    found = list(_without_targets(over_steps, usage, rank)) or list(_without_targets(over_steps, usage, 0))
    for last in targets:
        yield from (replace(layout, last_target=last) for layout in found)


def _without_targets(over_steps: bool, usage: Usage, rank: int) -> Iterator[Layout]:
    for steps in _steps(over_steps, usage, rank):
        for item in _ITEMS:
            form = Layout(item, steps).sequence(Size.axis(INPUT))
            if rank and not (isinstance(form, ArrayForm | IndicesForm) and len(form.axes) == rank):
                continue
            if steps is Steps.TIME_SECOND and item not in (Item.ROWS,):
                continue
            if steps is Steps.INDICES and item in (Item.COLUMNS, Item.ROWS):
                continue
            if steps is Steps.INDEX_ARRAY and item not in (Item.COLUMNS, Item.ROWS):
                continue
            if steps is Steps.TIME_LAST and item not in (Item.COLUMNS, Item.COLUMN):
                continue
            yield Layout(item, steps)


def _steps(over_steps: bool, usage: Usage, rank: int) -> Sequence[Steps]:
    if usage.is_index:
        return (Steps.INDICES, Steps.INDEX_ARRAY) if over_steps else (Steps.INDICES,)
    if not over_steps:
        return (Steps.SINGLE,)
    if usage.attributes & {"shape", "ndim", "T"} and rank < 2 and usage.time_axis is None:
        return (Steps.TIME_FIRST, Steps.TIME_SECOND, Steps.TIME_LAST)
    if "shape" in usage.attributes and rank < 2 and usage.time_axis == 0:
        return (Steps.TIME_FIRST,)
    if usage.time_axis == 1:
        return (Steps.TIME_SECOND,)
    if usage.time_axis == 2:
        return (Steps.TIME_LAST,)
    if rank >= 2:
        first = (Steps.TIME_FIRST,)
        return first if usage.time_axis == 0 else (*first, Steps.TIME_SECOND, Steps.TIME_LAST)
    return (Steps.LIST, Steps.TIME_FIRST, Steps.INDICES, Steps.TIME_SECOND)


def stated_form(axes: Sequence[str], indices: bool, feature: str) -> Form | None:
    """The array that a docstring, an assert or an unpacked shape describes; axes by their names there."""
    sizes: list[Size] = []
    taken: set[str] = set()
    counts_steps = len(axes) >= 3 and axes[0] == "n" and TIME not in map(size_axis, axes)
    for position, text in enumerate(axes):
        size = Size.axis(TIME) if counts_steps and position == 0 else _stated_size(text, position, taken)
        if size is None:
            return None
        sizes.append(size)
        taken.update(size.axes)
    if indices:
        return IndicesForm(tuple(sizes), Size.axis(feature), listed=False)
    return ArrayForm(tuple(sizes))


def _stated_size(text: str, position: int, taken: set[str]) -> Size | None:
    total = Size()
    for part in text.replace(" ", "").split("+"):
        match = re.fullmatch(r"(?:(\d+)\*?)?([A-Za-z_]\w*)?(?:\*(\d+))?", part)
        if not part or match is None:
            return None
        number, name, after = match.groups()
        if name is None:
            total = total + Size(constant=int(number))
            continue
        total = total + Size.axis(_stated_axis(name, position, taken)).times(int(number or after or 1))
    return total


def _stated_axis(name: str, position: int, taken: set[str]) -> str:
    if name == "_":
        return f"stated.{position}"
    axis = size_axis(name)
    if axis is not None and axis not in taken:
        return axis
    return name


__all__ = ["OUTPUT", "Item", "Layout", "Steps", "layouts", "stated_form"]
