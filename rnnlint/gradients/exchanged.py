"""An argument with one of its parts in the place of another: what it does not change is not read there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from rnnlint.sandbox.job import Value


def exchanged(value: Value, axis: int, places: Iterable[int] | None = None) -> Iterator[Value]:
    """A list or an array, for each of the ``places`` along an axis (None: all) with another part there that
    is not equal. A list has one axis; nothing comes of other values.
    """
    if isinstance(value, list) and axis == 0:
        for at in range(len(value)) if places is None else places:
            other = next((item for item in value if not _are_equal(item, value[at])), None)
            if other is not None:
                replaced = list(value)
                replaced[at] = other
                yield replaced
    elif isinstance(value, np.ndarray):
        parts = np.moveaxis(value, axis, 0)
        for at in range(len(parts)) if places is None else places:
            other = next((part for part in parts if not np.array_equal(part, parts[at])), None)
            if other is not None:
                changed = parts.copy()
                changed[at] = other
                yield np.moveaxis(changed, 0, axis).copy()


def _are_equal(left: Value, right: Value) -> bool:
    return bool(np.array_equal(np.asarray(left), np.asarray(right)))
