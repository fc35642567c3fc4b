"""What may fill a hole: arrays, sequences, indices, sizes and bundles of them, with sizes still unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any

import numpy as np

from rnnlint.gradients.sizes import Size
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Expression, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

SCALE = 0.5
"""The standard deviation of everything that is drawn: small enough for no gate to saturate, large enough for
every term of a gradient to count."""
KEPT = 0.6
"""How much of a mask is ones."""
FAR = 100_000
"""Added to an index whose bound is not known yet, so that the error names the axis it indexes."""


class Fill(StrEnum):
    """What an array holds."""

    NORMAL = "normal"
    ONE_HOT_FIRST = "one-hot along axis 0"
    ONE_HOT_SECOND = "one-hot along axis 1"
    ONE_HOT_LAST = "one-hot along the last axis"
    MASK = "ones, and some zeros"


@dataclass(frozen=True, slots=True)
class ArrayForm:
    """A float64 array."""

    axes: tuple[Size, ...]
    fill: Fill = Fill.NORMAL


@dataclass(frozen=True, slots=True)
class StepsForm:
    """A list of ``length`` items, or a dict of them keyed from 0."""

    length: Size
    item: Form
    keyed: bool = False


@dataclass(frozen=True, slots=True)
class IndicesForm:
    """Integers from 0 to below ``below``: one (no axes), a list of them, or an array."""

    axes: tuple[Size, ...]
    below: Size
    listed: bool = True


@dataclass(frozen=True, slots=True)
class NumberForm:
    """An int: a size."""

    size: Size


@dataclass(frozen=True, slots=True)
class ClassesForm:
    """Every class once, in order: a vocabulary, in which code looks its tokens up."""

    count: Size


@dataclass(frozen=True, slots=True)
class LengthsForm:
    """How many steps each sequence of a batch has: an integer array (count,) from the most downwards."""

    count: Size
    most: Size


@dataclass(frozen=True, slots=True)
class GivenForm:
    """A value as it is: a float, a flag, Python for the guest to evaluate, an upstream gradient."""

    value: Value


@dataclass(frozen=True, slots=True)
class BundleForm:
    """Named values together: a dict by key, or a tuple or list in order."""

    items: Mapping[str, Form]
    container: str = "dict"


Form = ArrayForm | StepsForm | IndicesForm | NumberForm | ClassesForm | LengthsForm | GivenForm | BundleForm


def sizes_of(form: Form) -> Iterator[Size]:
    """Every size that a form depends on."""
    match form:
        case ArrayForm(axes=axes):
            yield from axes
        case StepsForm(length=length, item=item):
            yield length
            yield from sizes_of(item)
        case IndicesForm(axes=axes, below=below):
            yield from axes
            yield below
        case NumberForm(size=size) | ClassesForm(count=size):
            yield size
        case LengthsForm(count=count, most=most):
            yield count
            yield most
        case BundleForm(items=items):
            for item in items.values():
                yield from sizes_of(item)
        case GivenForm():
            return


def hot_axes_of(form: Form) -> list[str]:
    """Along which axis each array of a form is one-hot."""
    match form:
        case ArrayForm(axes=axes, fill=Fill.ONE_HOT_FIRST | Fill.ONE_HOT_SECOND | Fill.ONE_HOT_LAST as fill):
            return [f"hot {_class_axis(fill, len(axes))}"]
        case StepsForm(item=item):
            return hot_axes_of(item)
        case BundleForm(items=items):
            return [hot for item in items.values() for hot in hot_axes_of(item)]
        case _:
            return []


def arrays_in(forms: Iterable[Form]) -> Iterator[Form]:
    """The forms themselves, and those that bundles are made of."""
    for form in forms:
        if isinstance(form, BundleForm):
            yield from arrays_in(form.items.values())
        else:
            yield form


def dyed(form: Form, sizes: Mapping[str, int], anchored: frozenset[str] = frozenset()) -> Value:
    """A cheap value of the right shape for a run that only solves shapes: the guest makes the arrays.

    ``anchored`` are the axes whose indices are known to fit.
    """
    far = FAR
    if isinstance(form, IndicesForm) and set(form.below.axes) <= anchored:
        far = 0
    return _build(form, sizes, _cheap_array, lambda below, count: [far + below - 1] + [0] * (count - 1))


def drawn(form: Form, sizes: Mapping[str, int], rng: np.random.Generator) -> Value:
    """A random value of the form."""

    def array(shape: tuple[int, ...], fill: Fill) -> Value:
        if fill is Fill.NORMAL or not shape:
            return rng.normal(0.0, SCALE, shape)
        if fill is Fill.MASK:
            return _mask(shape, rng)
        axis = _class_axis(fill, len(shape))
        hot = rng.integers(0, shape[axis], tuple(n for a, n in enumerate(shape) if a != axis))
        return np.moveaxis(np.eye(shape[axis])[hot], -1, axis).copy()

    def indices(below: int, count: int) -> list[int]:
        """Each class at least once, where there is room: code counts its classes, ``len(set(data))``."""
        every = [int(n) for n in rng.permutation(below)] if count >= below else []
        return [int(n) for n in rng.permutation([*every, *rng.integers(0, below, count - len(every))])]

    return _build(form, sizes, array, indices)


def _mask(shape: tuple[int, ...], rng: np.random.Generator) -> Value:
    """Nothing of the first item along any axis is masked, so that no step and no sequence is lost; the one in
    the middle is, so that masking is seen. Of a single sequence the last step counts, too: what goes back
    from it is seen in those before.
    """
    mask = (rng.random(shape) < KEPT).astype(float)
    mask[tuple(size // 2 for size in shape)] = 0.0
    for axis in range(len(shape)):
        np.moveaxis(mask, axis, 0)[0] = 1.0
    if len(shape) == 1:
        mask[-1] = 1.0
    return mask


def _meeting(table: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The same indices, two equal ones side by side along each axis, where there are two: at one step, two
    sequences then read the same row of an embedding."""
    if table.ndim != 2 or min(table.shape) < 2:
        return table
    flat, width = table.ravel().tolist(), table.shape[1]
    fixed: list[int] = []
    for first, second in ((0, width), (len(flat) - 2, len(flat) - 1)):
        free = [place for place in range(len(flat)) if place not in fixed]
        twice = next((v for v in flat if sum(flat[place] == v for place in free) > 1), None)
        if twice is None or first in fixed or second in fixed:
            continue
        for place in (first, second):
            other = next(p for p in range(len(flat)) if flat[p] == twice and p not in fixed)
            flat[place], flat[other] = flat[other], flat[place]
            fixed.append(place)
    return np.array(flat, dtype=table.dtype).reshape(table.shape)


def _class_axis(fill: Fill, rank: int) -> int:
    return {Fill.ONE_HOT_FIRST: 0, Fill.ONE_HOT_SECOND: 1}.get(fill, rank - 1)


def _cheap_array(shape: tuple[int, ...], fill: Fill) -> Value:
    if fill in (Fill.NORMAL, Fill.MASK) or not shape:
        return Expression(f"__import__('numpy').full({shape!r}, 0.125)")
    # The last class is the hot one: where code indexes with an argmax, the error names the axis it indexes.
    axis = _class_axis(fill, len(shape))
    cold, hot = ((*shape[:axis], size, *shape[axis + 1 :]) for size in (shape[axis] - 1, 1))
    made = ", ".join(
        f"__import__('numpy').full({part!r}, {value})" for part, value in ((cold, 0.0), (hot, 1.0))
    )
    return Expression(f"__import__('numpy').concatenate([{made}], {axis})")


def _build(
    form: Form,
    sizes: Mapping[str, int],
    array: Callable[[tuple[int, ...], Fill], Value],
    indices: Callable[[int, int], list[int]],
) -> Value:
    match form:
        case ArrayForm(axes=axes, fill=fill):
            return array(tuple(size.value(sizes) for size in axes), fill)
        case StepsForm(length=length, item=item, keyed=keyed):
            items = [_build(item, sizes, array, indices) for _ in range(length.value(sizes))]
            return dict(enumerate(items)) if keyed else items
        case IndicesForm(axes=axes, below=below, listed=listed):
            shape = tuple(size.value(sizes) for size in axes)
            numbers = indices(below.value(sizes), max(1, int(np.prod(shape))))
            if not shape:
                return numbers[0]
            table = _meeting(np.array(numbers, dtype=np.int64).reshape(shape))
            return table.tolist() if listed else table
        case NumberForm(size=size):
            return size.value(sizes)
        case ClassesForm(count=count):
            return list(range(count.value(sizes)))
        case LengthsForm(count=count, most=most):
            longest = most.value(sizes)
            return longest - np.arange(count.value(sizes)) % longest
        case GivenForm(value=value):
            return value
        case BundleForm(items=items, container=container):
            values = {key: _build(item, sizes, array, indices) for key, item in items.items()}
            if container == "dict":
                return values
            return tuple(values.values()) if container == "tuple" else list(values.values())
