"""Records (the frozen dataclasses of :mod:`.job`) as plain trees, and back with every field checked.

What becomes of a field is worked out once for its type: frames are written and read all the time.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .protocol import ProtocolError

_Record = TypeVar("_Record")
_Turn = Callable[[Any], Any]


def to_tree(record: Any) -> dict[str, Any]:
    """A record as a dict of its fields; values (fields of type Any) are left as they are."""
    return {name: write(getattr(record, name)) for name, write in _writers(type(record)).items()}


def from_tree(kind: type[_Record], tree: Any) -> _Record:
    """The record that ``tree`` describes; raises :class:`ProtocolError` for a wrong or missing field."""
    readers = _readers(kind)
    if not isinstance(tree, dict) or tree.keys() != readers.keys():
        raise ProtocolError(f"a {kind.__name__} does not have the expected fields")
    return kind(**{name: read(tree[name]) for name, read in readers.items()})


def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _writers_of_fields(kind: Any) -> dict[str, _Turn]:
    return {name: _writer(hint) for name, hint in _hints(kind).items()}


def _readers_of_fields(kind: Any) -> dict[str, _Turn]:
    return {name: _reader(hint) for name, hint in _hints(kind).items()}


_writers: Callable[[Any], dict[str, _Turn]] = cache(_writers_of_fields)
_readers: Callable[[Any], dict[str, _Turn]] = cache(_readers_of_fields)


# --- writing --------------------------------------------------------------------------------------------


def _writer(hint: Any) -> _Turn:
    """What makes a tree of a field of that type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return _as_it_is
    if is_dataclass(hint):
        return to_tree
    if origin is tuple:
        return list if arguments[0] in (str, int) else partial(_write_all, _writer(arguments[0]))
    if origin is Mapping:
        return partial(_write_values, _writer(arguments[1]))
    if origin in (Union, types.UnionType):
        return partial(_if_there, _writer(arguments[0]))
    if issubclass(hint, StrEnum):
        return str
    return partial(_write_parts, _writers_of_parts(hint)) if issubclass(hint, tuple) else _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _if_there(turn: _Turn, value: Any) -> Any:
    return None if value is None else turn(value)


def _write_all(write: _Turn, values: tuple[Any, ...]) -> list[Any]:
    return [write(value) for value in values]


def _write_values(write: _Turn, values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: write(value) for key, value in values.items()}


def _writers_of_parts(named_tuple: Any) -> list[_Turn]:
    return [_writer(hint) for hint in get_type_hints(named_tuple).values()]


def _write_parts(writers: list[_Turn], values: tuple[Any, ...]) -> list[Any]:
    return [write(value) for write, value in zip(writers, values, strict=True)]


# --- reading --------------------------------------------------------------------------------------------


def _reader(hint: Any) -> _Turn:
    """What makes a field of that type of a tree; it raises :class:`ProtocolError`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return _as_it_is
    if is_dataclass(hint):
        return partial(from_tree, hint)  # type: ignore[arg-type]
    if origin is tuple:
        return partial(_read_all, _reader(arguments[0]))
    if origin is Mapping:
        return partial(_read_values, _reader(arguments[1]))
    if origin in (Union, types.UnionType):
        return partial(_if_there, _reader(arguments[0]))
    if issubclass(hint, StrEnum):
        return partial(_member, hint)
    if issubclass(hint, tuple):
        readers = [_reader(part) for part in get_type_hints(hint).values()]
        return partial(_read_parts, hint, readers)
    return _number if hint is float else partial(_of_type, hint)


def _read_all(read: _Turn, tree: Any) -> tuple[Any, ...]:
    return tuple([read(part) for part in _of_type(list, tree)])


def _read_values(read: _Turn, tree: Any) -> dict[str, Any]:
    return {_of_type(str, key): read(part) for key, part in _of_type(dict, tree).items()}


def _read_parts(named_tuple: Any, readers: list[_Turn], tree: Any) -> Any:
    parts = _of_type(list, tree)
    if len(parts) != len(readers):
        raise ProtocolError(f"a {named_tuple.__name__} does not have the expected parts")
    return named_tuple(*[read(part) for read, part in zip(readers, parts, strict=True)])


def _member(kind: type[StrEnum], tree: Any) -> StrEnum:
    try:
        return kind(_of_type(str, tree))
    except ValueError:
        raise ProtocolError(f"no {kind.__name__} has that name") from None


def _number(tree: Any) -> float:
    number: float = _of_type(float, float(tree) if type(tree) is int else tree)
    return number


def _of_type(kind: type, tree: Any) -> Any:
    if type(tree) is not kind:
        raise ProtocolError(f"a field is not a {kind.__name__}")
    return tree
