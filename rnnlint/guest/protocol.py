"""Frames: how values cross between host and guest.

A frame is a prefix (magic, header length, payload length), a small JSON header that describes a tree of
values, and the arrays' numbers, raw and little-endian. Nothing in it can name a type to build or code to run,
so that decoding any bytes at all yields plain values or :class:`ProtocolError`. The header is ``[tree,
arrays]``; in the tree a scalar is itself, and everything else is a list that begins with its tag; ``arrays``
gives each array's type and shape.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from .job import Expression, Opaque, Value

MAGIC = b"rnnF"
PREFIX = struct.Struct("<4sIQ")
DEEPEST = 48
"""Levels of nesting of a tree of values."""
MOST_NODES = 4_000_000
MOST_ARRAYS = 1_000_000
HIGHEST_RANK = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """What one side may send in a frame: bytes of header and of payload, and brackets and commas in the
    header, of which parsing makes values a hundred times their size."""

    header: int
    payload: int
    marks: int

    def see(self, header: bytes | bytearray) -> None:
        """Raises :class:`ProtocolError` for a header of more parts than are allowed."""
        if sum(header.count(mark) for mark in (b"[", b"{", b",")) > self.marks:
            raise ProtocolError("the header has too many parts")


OF_HOST = Limits(64 * 2**20, 512 * 2**20, 64 * 2**20)
"""The host's frames hold the texts of files."""
OF_GUEST = Limits(8 * 2**20, 256 * 2**20, 1_000_000)
"""A guest's hold results, and whoever sends them may be no guest."""

_LARGEST_WHOLE = 2**63
_DTYPES = {"f": np.dtype("<f8"), "i": np.dtype("<i8")}
_Array = np.ndarray[Any, np.dtype[Any]]


class ProtocolError(Exception):
    """Bytes that are no frame, or a value that no frame carries."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The lengths announced by a frame's first bytes."""

    header: int
    payload: int

    @classmethod
    def read(cls, raw: bytes | bytearray | memoryview, limits: Limits = OF_HOST) -> Prefix:
        """The announced lengths; raises :class:`ProtocolError` where they exceed the limits."""
        magic, header, payload = PREFIX.unpack(raw[: PREFIX.size])
        if magic != MAGIC:
            raise ProtocolError("the bytes are no frame")
        if header > limits.header or payload > limits.payload:
            raise ProtocolError("the frame announces more than is allowed")
        return cls(header, payload)

    @property
    def rest(self) -> int:
        """Bytes that follow the prefix."""
        return self.header + self.payload


def encode(value: Value, limits: Limits = OF_HOST) -> bytes:
    """One whole frame. Raises :class:`ProtocolError` for what no frame carries."""
    writer = _Writer()
    tree = writer.node(value, 0)
    header = json.dumps([tree, writer.described], separators=(",", ":")).encode("ascii")
    payload = b"".join(writer.chunks)
    if len(header) > limits.header or len(payload) > limits.payload:
        raise ProtocolError("the value is too large to send")
    limits.see(header)
    return PREFIX.pack(MAGIC, len(header), len(payload)) + header + payload


def decode(raw: bytes | bytearray) -> Value:
    """The value of exactly one frame. Raises :class:`ProtocolError` for any other bytes."""
    if len(raw) < PREFIX.size:
        raise ProtocolError("the bytes are no frame")
    prefix = Prefix.read(raw)
    if len(raw) != PREFIX.size + prefix.rest:
        raise ProtocolError("the frame's length is not the announced one")
    body = memoryview(raw)[PREFIX.size :]
    return decode_body(bytes(body[: prefix.header]), body[prefix.header :])


def decode_body(
    header: bytes | bytearray, payload: bytes | bytearray | memoryview, limits: Limits = OF_HOST
) -> Value:
    """The value of a frame whose prefix has been read."""
    limits.see(header)
    try:
        parsed = json.loads(header.decode("ascii"), object_pairs_hook=_refuse_object)
    except (ValueError, RecursionError, MemoryError):
        raise ProtocolError("the header is not the JSON of a frame") from None
    if not isinstance(parsed, list) or len(parsed) != 2:
        raise ProtocolError("the header is not [tree, arrays]")
    reader = _Reader(_arrays(parsed[1], memoryview(payload)))
    value = reader.node(parsed[0], 0)
    if reader.used != len(reader.arrays):
        raise ProtocolError("the frame holds arrays that its tree does not use")
    return value


class _Writer:
    def __init__(self) -> None:
        self.described: list[tuple[str, tuple[int, ...]]] = []
        self.chunks: list[bytes] = []
        self._nodes = 0

    def node(self, value: Value, depth: int) -> Any:
        self._nodes += 1
        if depth > DEEPEST or self._nodes > MOST_NODES:
            raise ProtocolError("the value is nested too deeply or has too many parts")
        kind = type(value)
        if value is None or kind in (bool, int, float):
            return value
        if kind is str:
            return value.encode("utf-8", "replace").decode("utf-8")
        if kind is np.ndarray:
            return self._array(value)
        if kind is list or kind is tuple:
            return ["l" if kind is list else "t", *[self.node(item, depth + 1) for item in value]]
        if kind is Expression:
            return ["e", self.node(value.code, depth + 1)]
        if kind is Opaque:
            return ["o", self.node(value.type_name, depth + 1), self._pairs(value.attributes, depth + 1)]
        if isinstance(value, Mapping):
            return self._pairs(value, depth)
        raise ProtocolError(f"a {kind.__name__} cannot be sent")

    def _pairs(self, value: Mapping[Any, Value], depth: int) -> list[Any]:
        pairs: list[Any] = ["d"]
        for key, item in value.items():
            if type(key) is not str and type(key) is not int:
                raise ProtocolError(f"a dict with a {type(key).__name__} as key cannot be sent")
            pairs.append(self.node(key, depth + 1))
            pairs.append(self.node(item, depth + 1))
        return pairs

    def _array(self, array: _Array) -> list[Any]:
        code = array.dtype.kind if array.dtype.itemsize == 8 else ""
        if code not in _DTYPES:
            raise ProtocolError(f"an array of {array.dtype} cannot be sent")
        self.described.append((code, array.shape))
        self.chunks.append(array.astype(_DTYPES[code], copy=False).tobytes())
        return ["a"]


class _Reader:
    """Builds the tree; arrays are used in the order in which they stand in the payload."""

    def __init__(self, arrays: list[_Array]) -> None:
        self.arrays = arrays
        self.used = 0
        self._nodes = 0
        self._builders: Mapping[str, Callable[[list[Any], int], Value]] = {
            "l": self._list,
            "t": lambda node, depth: tuple(self._list(node, depth)),
            "d": self._dict,
            "a": self._array,
            "e": self._expression,
            "o": self._opaque,
        }

    def node(self, node: Any, depth: int) -> Value:
        self._nodes += 1
        if depth > DEEPEST or self._nodes > MOST_NODES:
            raise ProtocolError("the value is nested too deeply or has too many parts")
        if isinstance(node, str):
            return _text(node)
        if not isinstance(node, list):
            return _scalar(node)
        tag = node[0] if node else None
        if not isinstance(tag, str) or tag not in self._builders:
            raise ProtocolError("a value has an unknown tag")
        return self._builders[tag](node, depth)

    def _list(self, node: list[Any], depth: int) -> list[Value]:
        return [self.node(item, depth + 1) for item in node[1:]]

    def _dict(self, node: list[Any], depth: int) -> dict[str | int, Value]:
        result: dict[str | int, Value] = {}
        if len(node) % 2 == 0:
            raise ProtocolError("a dict has a key without a value")
        for key, item in zip(node[1::2], node[2::2], strict=True):
            if type(key) is not str and type(key) is not int:
                raise ProtocolError("a dict's key is neither text nor a whole number")
            name = self.node(key, depth + 1)
            if name in result:
                raise ProtocolError("a dict has the same key twice")
            result[name] = self.node(item, depth + 1)
        return result

    def _array(self, node: list[Any], depth: int) -> _Array:
        if len(node) != 1 or self.used >= len(self.arrays):
            raise ProtocolError("the tree names an array that is not there")
        self.used += 1
        return self.arrays[self.used - 1]

    def _expression(self, node: list[Any], depth: int) -> Expression:
        if len(node) != 2 or not isinstance(node[1], str):
            raise ProtocolError("an expression is not text")
        return Expression(_text(node[1]))

    def _opaque(self, node: list[Any], depth: int) -> Opaque:
        if len(node) != 3 or not isinstance(node[1], str) or not isinstance(node[2], list):
            raise ProtocolError("an object is not a name with attributes")
        attributes = self.node(node[2], depth + 1)
        if not isinstance(attributes, dict):
            raise ProtocolError("an object's attributes are no dict")
        return Opaque(_text(node[1]), attributes)


def _arrays(described: Any, payload: memoryview) -> list[_Array]:
    """The payload's arrays, each its own writable copy; together they use up the payload exactly."""
    if not isinstance(described, list) or len(described) > MOST_ARRAYS:
        raise ProtocolError("the arrays are not described by a list")
    arrays: list[_Array] = []
    position = 0
    for description in described:
        dtype, shape = _description(description)
        size = math.prod(shape) * 8
        if size > len(payload) - position:
            raise ProtocolError("the arrays are larger than the payload")
        flat = np.frombuffer(payload[position : position + size], dtype=dtype)
        arrays.append(flat.astype(dtype.newbyteorder("=")).reshape(shape))
        position += size
    if position != len(payload):
        raise ProtocolError("the payload is larger than its arrays")
    return arrays


def _description(description: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if not isinstance(description, list) or len(description) != 2:
        raise ProtocolError("an array is not described by [type, shape]")
    code, shape = description
    if not isinstance(code, str) or code not in _DTYPES:
        raise ProtocolError("an array's type is not one that is carried")
    if not isinstance(shape, list) or len(shape) > HIGHEST_RANK:
        raise ProtocolError("an array's shape is not a short list")
    if not all(type(size) is int and 0 <= size <= OF_HOST.payload for size in shape):
        raise ProtocolError("an array's shape is not made of sizes")
    return _DTYPES[code], tuple(shape)


def _scalar(value: Any) -> Value:
    if type(value) is int and not -_LARGEST_WHOLE <= value < _LARGEST_WHOLE:
        raise ProtocolError("a whole number is too large for any array")
    return value


def _text(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ProtocolError("a text is not Unicode") from None
    return text


def _refuse_object(pairs: list[tuple[str, Any]]) -> NoReturn:
    raise ValueError("a frame's header holds no JSON objects")
