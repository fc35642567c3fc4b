"""Shapes and layouts as a stated scenario writes them, as forms to be drawn."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlint.explicit import Arrangement, StatedShape, StatedSize
from rnnlint.gradients.forms import ArrayForm, Fill, Form, IndicesForm
from rnnlint.gradients.layouts import Item, Layout, Steps
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, TIME, Size

_ITEMS = {
    Arrangement.COLUMNS: (Item.COLUMN, Item.COLUMNS),
    Arrangement.ROWS: (Item.ROW, Item.ROWS),
    Arrangement.VECTORS: (Item.VECTOR,),
}
_STEPS = {
    Arrangement.LIST: (Steps.LIST,),
    Arrangement.TIME_FIRST: (Steps.TIME_FIRST,),
    Arrangement.BATCH_FIRST: (Steps.TIME_SECOND,),
    Arrangement.TIME_LAST: (Steps.TIME_LAST,),
    Arrangement.INDICES: (Steps.INDICES, Steps.INDEX_ARRAY),
}


_NO_CLASSES = frozenset({TIME, BATCH, "N"})


def fits(layout: Layout, wanted: Sequence[Arrangement]) -> bool:
    """Whether a layout is as all the stated words say."""
    return all(
        layout.item in _ITEMS.get(word, Item) and layout.steps in _STEPS.get(word, Steps) for word in wanted
    )


def shaped(stated: StatedShape, name: str) -> Form:
    """An array of a stated shape; targets are one-hot along their features."""
    axes = tuple(_size(size) for size in stated.axes)
    if stated.below is not None:
        return IndicesForm(axes, _size(stated.below), listed=False)
    return ArrayForm(axes, _fill_of_targets(axes) if role_of(name) is Role.TARGET else Fill.NORMAL)


def _fill_of_targets(axes: Sequence[Size]) -> Fill:
    """One-hot along the last axis that is neither the steps nor a batch nor a constant."""
    classes = [i for i, size in enumerate(axes) if size.terms and not set(size.axes) & _NO_CLASSES]
    if not classes or classes[-1] == len(axes) - 1:
        return Fill.ONE_HOT_LAST if classes else Fill.NORMAL
    return (Fill.ONE_HOT_FIRST, Fill.ONE_HOT_SECOND)[min(classes[-1], 1)]


def _size(stated: StatedSize) -> Size:
    return Size(stated.terms, stated.constant)
