"""Records (the frozen dataclasses of :mod:`.job`) as plain trees, and back with every field checked."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .protocol import ProtocolError

_Record = TypeVar("_Record")


def to_tree(record: Any) -> dict[str, Any]:
    """A record as a dict of its fields; values (fields of type Any) are left as they are."""
    return {name: _plain(getattr(record, name), hint) for name, hint in _hints(type(record)).items()}


def from_tree(kind: type[_Record], tree: Any) -> _Record:
    """The record that ``tree`` describes; raises :class:`ProtocolError` for a wrong or missing field."""
    hints = _hints(kind)
    if not isinstance(tree, dict) or tree.keys() != hints.keys():
        raise ProtocolError(f"a {kind.__name__} does not have the expected fields")
    return kind(**{name: _checked(tree[name], hint) for name, hint in hints.items()})


def _read_hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


_hints: Callable[[Any], dict[str, Any]] = cache(_read_hints)


def _plain(value: Any, hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or value is None:
        return value
    if is_dataclass(hint):
        return to_tree(value)
    if isinstance(value, StrEnum):
        return str(value)
    if origin is tuple:
        item = arguments[0]
        return [_plain(part, item) for part in value] if item not in (str, int) else list(value)
    if origin is Mapping:
        return {key: _plain(part, arguments[1]) for key, part in value.items()}
    if origin in (Union, types.UnionType):
        return _plain(value, arguments[0])
    if isinstance(value, tuple):  # a NamedTuple
        return [_plain(part, part_hint) for part, part_hint in zip(value, _parts(hint), strict=True)]
    return value


def _checked(tree: Any, hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return tree
    if is_dataclass(hint):
        return from_tree(hint, tree)  # type: ignore[arg-type]
    if origin in (Union, types.UnionType):
        return None if tree is None else _checked(tree, arguments[0])
    if origin is tuple:
        return tuple(_checked(part, arguments[0]) for part in _of_type(tree, list))
    if origin is Mapping:
        return {
            _of_type(key, str): _checked(part, arguments[1]) for key, part in _of_type(tree, dict).items()
        }
    if issubclass(hint, StrEnum):
        return _member(hint, tree)
    if issubclass(hint, tuple):
        parts = _of_type(tree, list)
        if len(parts) != len(_parts(hint)):
            raise ProtocolError(f"a {hint.__name__} does not have the expected parts")
        return hint(*[_checked(part, part_hint) for part, part_hint in zip(parts, _parts(hint), strict=True)])
    return _of_type(float(tree) if hint is float and type(tree) is int else tree, hint)


def _parts(named_tuple: Any) -> list[Any]:
    return list(get_type_hints(named_tuple).values())


def _member(kind: type[StrEnum], tree: Any) -> StrEnum:
    try:
        return kind(_of_type(tree, str))
    except ValueError:
        raise ProtocolError(f"no {kind.__name__} has that name") from None


def _of_type(tree: Any, kind: type) -> Any:
    if type(tree) is not kind:
        raise ProtocolError(f"a field is not a {kind.__name__}")
    return tree
