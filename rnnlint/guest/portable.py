"""The user's objects as values that a frame carries, copied at that moment."""

from __future__ import annotations

import itertools
import re
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from .job import Opaque, Value

DEEPEST_OBJECT = 4
MOST_PARTS = 200_000
LONGEST_TEXT = 20_000
LONGEST_ITERATION = 10_000
_WANTED_PROPERTY = re.compile(r"grad|weight|param|^d[A-Z_]|^[bWUV](_|$)", re.IGNORECASE)
_LARGEST_WHOLE = 2**63


class TooMuchError(Exception):
    """The values are too many or too large to carry."""


class Copier:
    """Copies values until ``budget`` bytes are spent; raises :class:`TooMuchError` then."""

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._parts = MOST_PARTS
        self._open: set[int] = set()

    def copy(self, value: Any) -> Value:
        """``value`` as a tree of plain values, sharing nothing with it."""
        return self._copy(value, DEEPEST_OBJECT)

    def variables(self, variables: Mapping[str, Any]) -> dict[str, Value]:
        """A frame's locals; modules, functions and classes are left out."""
        return {
            name: self.copy(value)
            for name, value in variables.items()
            if not isinstance(value, (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type))
            and name.isidentifier()
        }

    def _copy(self, value: Any, depth: int) -> Value:
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        self._spend(0)
        if kind is int:
            return value if -_LARGEST_WHOLE <= value < _LARGEST_WHOLE else float("inf")
        if kind is str:
            return value[:LONGEST_TEXT]
        if isinstance(value, np.ndarray):
            return self._array(np.asarray(value), depth)
        if isinstance(value, np.generic):
            return self._scalar(value, depth)
        if id(value) in self._open:
            return Opaque(kind.__name__)  # it holds itself
        self._open.add(id(value))
        try:
            return self._container(value, depth)
        finally:
            self._open.discard(id(value))

    def _container(self, value: Any, depth: int) -> Value:
        if isinstance(value, list):
            return [self._copy(item, depth) for item in list.__iter__(value)]
        if isinstance(value, tuple) and isinstance(getattr(value, "_fields", None), tuple):
            parts = zip(type(value)._fields, tuple.__iter__(value), strict=False)  # type: ignore[attr-defined]
            return Opaque(type(value).__qualname__, {name: self._copy(item, depth) for name, item in parts})
        if isinstance(value, tuple):
            return tuple(self._copy(item, depth) for item in tuple.__iter__(value))
        if isinstance(value, dict):
            return self._dict(value, depth)
        if isinstance(value, (range, types.GeneratorType, map, filter, zip, reversed)):
            return [self._copy(item, depth) for item in itertools.islice(value, LONGEST_ITERATION)]
        return self._object(value, depth)

    def _dict(self, value: dict[Any, Any], depth: int) -> Value:
        copied: dict[str | int, Value] = {}
        for key, item in dict.items(value):
            name = (
                int(key)
                if isinstance(key, (int, np.integer))
                else key
                if type(key) is str
                else repr(key)[:200]
            )
            copied[name] = self._copy(item, depth)
        return copied

    def _array(self, array: np.ndarray[Any, Any], depth: int) -> Value:
        kind = array.dtype.kind
        if kind in "fiub" and array.dtype.itemsize <= 16:
            self._spend(array.size * 8)
            return np.array(array, dtype=np.float64 if kind == "f" else np.int64, order="C")
        if kind == "c":
            parts = {"real": self._array(array.real, depth), "imag": self._array(array.imag, depth)}
            return Opaque("complex", parts)
        if kind in "OUS":
            self._spend(array.size * 8)
            return self._copy(array.tolist(), depth)
        return Opaque(str(array.dtype))

    def _scalar(self, value: np.generic, depth: int) -> Value:
        if isinstance(value, np.floating):
            return float(value)
        if isinstance(value, np.bool_):
            return bool(value)
        if isinstance(value, np.integer):
            return int(value)
        if isinstance(value, np.complexfloating):
            return Opaque("complex", {"real": float(value.real), "imag": float(value.imag)})
        return str(value)[:LONGEST_TEXT]

    def _object(self, value: Any, depth: int) -> Value:
        kind = type(value)
        if depth == 0 or isinstance(value, (type, types.ModuleType, types.FunctionType, types.MethodType)):
            return Opaque(kind.__qualname__)
        attributes: dict[str, Value] = {}
        for name, held in _attributes(value):
            if not isinstance(held, (types.ModuleType, types.FunctionType, types.MethodType, type)):
                attributes[name] = self._copy(held, depth - 1)
        return Opaque(kind.__qualname__, attributes)

    def _spend(self, size: int) -> None:
        self._left -= size
        self._parts -= 1
        if self._left < 0 or self._parts < 0:
            raise TooMuchError


def _attributes(value: Any) -> list[tuple[str, Any]]:
    """An instance's own attributes, its slots, and the properties that are named like weights or
    gradients.
    """
    held = getattr(value, "__dict__", None)
    found: dict[str, Any] = dict(held) if isinstance(held, dict) else {}
    for kind in type(value).__mro__:
        for name, member in vars(kind).items():
            wanted = isinstance(member, types.MemberDescriptorType) or (
                isinstance(member, property) and _WANTED_PROPERTY.search(name)
            )
            if wanted and name not in found:
                try:
                    found[name] = getattr(value, name)
                except BaseException:  # noqa: BLE001 - the user's property may raise anything
                    continue
    return [(name, item) for name, item in found.items() if isinstance(name, str)]
