"""Values that came back from the guest, as arrays with a way to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from rnnlint.records import dataclass
from rnnlint.sandbox.job import Opaque, Value

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One float array or number inside a value: ``keys`` lead to it, ``code`` is Python for it."""

    code: str
    keys: tuple[str | int, ...]
    array: Array
    is_number: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The names on the way to it."""
        return tuple(k for k in self.keys if isinstance(k, str))


def leaves(value: Value, code: str, keys: tuple[str | int, ...] = ()) -> Iterator[Leaf]:
    """Every float array and number of a tree, in order."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":
            yield Leaf(code, keys, value)
    elif isinstance(value, float):
        yield Leaf(code, keys, np.array(value), is_number=True)
    elif isinstance(value, Opaque):
        for name, held in value.attributes.items():
            yield from leaves(held, f"{code}.{name}", (*keys, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{code}[{key!r}]", (*keys, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, f"{code}[{index}]", (*keys, index))


def like(value: Value, make: Callable[[tuple[int, ...]], Array]) -> Value:
    """A value of the same structure with other arrays: a cotangent of an output."""
    if isinstance(value, np.ndarray):
        return make(value.shape)
    if isinstance(value, float):
        return float(make(()))
    if isinstance(value, Mapping):
        return {key: like(item, make) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(like(item, make) for item in value)
    return value


def inner(left: Value, right: Value) -> float:
    """⟨left, right⟩ over all arrays of two trees; what one of them lacks does not count."""
    if isinstance(left, np.ndarray | float | int) and isinstance(right, np.ndarray | float | int):
        a, b = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
        return float(np.sum(a.reshape(-1) * b.reshape(-1))) if a.size == b.size else 0.0
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return sum(inner(left[k], right[k]) for k in left if k in right)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return sum(inner(a, b) for a, b in zip(left, right, strict=False))
    return 0.0


def steps_of(value: Value) -> list[Array] | None:
    """A sequence of equally shaped arrays: a list or a dict by step (an entry at −1 is the initial state,
    left out)."""
    if isinstance(value, Mapping):
        keys = sorted(k for k in value if isinstance(k, int) and k >= 0)
        items = [value[k] for k in keys]
    elif isinstance(value, list | tuple):
        items = list(value)
    else:
        return None
    if not items or not all(isinstance(i, np.ndarray) for i in items):
        return None
    if len({i.shape for i in items}) > 1:
        return None
    return [np.asarray(i) for i in items]
