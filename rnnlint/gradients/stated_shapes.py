"""Shapes and layouts as a stated scenario writes them, as forms to be drawn."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlint.explicit import Arrangement, StatedShape, StatedSize
from rnnlint.gradients.forms import ArrayForm, Fill, Form, IndicesForm
from rnnlint.gradients.layouts import Item, Layout, Steps
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import Size

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


def fits(layout: Layout, wanted: Sequence[Arrangement]) -> bool:
    """Whether a layout is as all the stated words say."""
    return all(
        layout.item in _ITEMS.get(word, Item) and layout.steps in _STEPS.get(word, Steps) for word in wanted
    )


def shaped(stated: StatedShape, name: str, layout: Layout) -> Form:
    """An array of a stated shape; targets are one-hot along their features."""
    axes = tuple(_size(size) for size in stated.axes)
    if stated.below is not None:
        return IndicesForm(axes, _size(stated.below), listed=False)
    fill = Fill.NORMAL
    if role_of(name) is Role.TARGET and len(axes) > 1:
        upright = not axes[-1].terms or (layout.columns and len(axes) == 2)
        fill = Fill.ONE_HOT_FIRST if upright else Fill.ONE_HOT_LAST
    return ArrayForm(axes, fill)


def _size(stated: StatedSize) -> Size:
    return Size(stated.terms, stated.constant)
