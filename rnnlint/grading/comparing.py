"""Whether a value that came out of a submission is the true one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.verdict import Measured, common_scale, norm, relative_error, scale_name
from rnnlint.grading.results import PartVerdict
from rnnlint.sandbox.job import Value

Array = np.ndarray[Any, np.dtype[np.float64]]

_NOTHING = 1e-12
"""Norms below this are zero."""
MISSING = object()
"""Stands for a value that was not returned at all."""


def verdict(got: Value, true: Value, tolerance: float, scale: float = 1.0) -> PartVerdict:
    """What is true of one value, whose common factor is ``scale``."""
    return compared(got, true, tolerance, scale)[0]


def compared(got: Value, true: Value, tolerance: float, scale: float = 1.0) -> tuple[PartVerdict, float]:
    """What is true of one value, whose common factor is ``scale``, and its relative error where it is right.

    Lists and dicts of steps are compared as arrays, and axes of one may be added or left out.
    """
    if got is None:
        return PartVerdict.UNIMPLEMENTED, 0.0
    expected = as_array(true)
    assert expected is not None
    given = as_array(got)
    fitted = in_shape(given, expected.shape) if given is not None else None
    if fitted is None:
        return PartVerdict.WRONG_SHAPE, 0.0
    if not np.all(np.isfinite(fitted)):
        return PartVerdict.NOT_FINITE, 0.0
    if norm(expected) <= _NOTHING:
        is_nothing = norm(fitted) <= _NOTHING
        return (PartVerdict.RIGHT if is_nothing else PartVerdict.WRONG), 0.0
    error = relative_error(fitted / scale, expected)
    return (PartVerdict.RIGHT, error) if error <= tolerance else (PartVerdict.WRONG, 0.0)


def shared_factor(pairs: Sequence[tuple[Value, Value]], sizes: Mapping[str, int], tolerance: float) -> float:
    """The factor that most of the gradients have in common: that of a mean for a sum.

    It is positive and made of ``sizes`` and 2: T, 1/B, V/2, T·B. Any other is 1, and so is all where some
    gradient is right as it is.
    """
    measured: list[Measured] = []
    for got, true in pairs:
        expected, given = as_array(true), as_array(got)
        fitted = in_shape(given, expected.shape) if given is not None and expected is not None else None
        if expected is not None and fitted is not None:
            measured.append(Measured("", "", fitted, expected))
    factor = common_scale(measured, sizes, tolerance)
    if (
        factor <= 0
        or scale_name(factor, sizes) is None
        or any(_is_right(each, tolerance) for each in measured)
    ):
        return 1.0
    return factor


def _is_right(measured: Measured, tolerance: float) -> bool:
    """Whether a gradient agrees, and is there to agree."""
    is_there = norm(measured.true) > _NOTHING
    return is_there and relative_error(measured.got, measured.true) <= tolerance


def as_array(value: Value) -> Array | None:
    """A value as one array: an array, a number, or equally shaped steps in a list or in a dict by step."""
    if isinstance(value, np.ndarray):
        return np.asarray(value, dtype=np.float64)
    if isinstance(value, float | int) and not isinstance(value, bool):
        return np.asarray(value, dtype=np.float64)
    if isinstance(value, Mapping):
        if not value or not all(isinstance(key, int) for key in value):
            return None
        value = [value[key] for key in sorted(value)]
    if not isinstance(value, list | tuple) or not value:
        return None
    parts = [as_array(item) for item in value]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts) or len({part.shape for part in found}) > 1:
        return None
    return np.stack(found)


def in_shape(array: Array, shape: tuple[int, ...]) -> Array | None:
    """The array in a shape that differs by axes of one at most."""
    if array.shape == shape:
        return array
    if tuple(n for n in array.shape if n != 1) == tuple(n for n in shape if n != 1):
        return array.reshape(shape)
    return None


def by_name(value: Value, names: Sequence[str]) -> dict[str, Value] | None:
    """What a function returned, by the names of its results; None where it returned something else.

    A tuple or list goes by position; a dict by these names, or by the names without their d.
    """
    if value is None:
        return dict.fromkeys(names)
    if isinstance(value, Mapping):
        found = {name: value.get(name, value.get(name.removeprefix("d"), MISSING)) for name in names}
        return None if MISSING in found.values() else found
    if len(names) == 1:
        return {names[0]: value}
    if isinstance(value, list | tuple) and len(value) == len(names):
        return dict(zip(names, value, strict=True))
    return None
