"""Frames carry values there and back unchanged, and no bytes at all can make decoding do anything else."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rnnlint.guest.protocol import (
    DEEPEST,
    MAGIC,
    OF_GUEST,
    OF_HOST,
    PREFIX,
    Prefix,
    ProtocolError,
    decode,
    decode_body,
    encode,
)
from rnnlint.sandbox.job import Expression, Opaque

_SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
_ARRAYS = arrays.arrays(np.float64, _SHAPES) | arrays.arrays(np.int64, _SHAPES)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(st.characters(codec="utf-8"))
)
_KEYS = st.text(st.characters(codec="utf-8"), max_size=8) | st.integers(-5, 5)
_TREES = st.recursive(
    _SCALARS | _ARRAYS | st.builds(Expression, st.text(st.characters(codec="utf-8"))),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(_KEYS, inner, max_size=4)
        | st.builds(Opaque, st.just("LSTM"), st.dictionaries(_KEYS, inner, max_size=3))
    ),
    max_leaves=12,
)


def same(a: Any, b: Any) -> bool:
    """Equal in type and value, NaN equal to itself."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (
            a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
        )
    if isinstance(a, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, Opaque):
        return a.type_name == b.type_name and same(a.attributes, b.attributes)
    return bool(a == b)


@given(_TREES)
@example([np.array([np.nan, np.inf, -np.inf, -0.0]), {-1: np.zeros((0, 3)), "h": (1, True, 1.0)}])
def test_what_is_sent_arrives(value: Any) -> None:
    assert same(decode(encode(value)), value)


def test_arrays_arrive_writable_and_in_native_order() -> None:
    array = decode(encode(np.asfortranarray(np.arange(6.0).reshape(2, 3))))
    array[0, 0] = 7.0
    assert array.tolist() == [[7.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert array.dtype.isnative


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_protocol_error(raw: bytes) -> None:
    _decoded_or_refused(raw)


@given(st.binary(max_size=120), st.binary(max_size=40))
def test_any_header_and_payload_are_a_value_or_a_protocol_error(header: bytes, payload: bytes) -> None:
    _decoded_or_refused(PREFIX.pack(MAGIC, len(header), len(payload)) + header + payload)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([*"ltdaeofi", "x"]),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)


@given(_JSON, _JSON, st.binary(max_size=32))
def test_any_json_header_is_a_value_or_a_protocol_error(tree: Any, described: Any, payload: bytes) -> None:
    _decoded_or_refused(framed([tree, described], payload))


@given(_TREES, st.data())
def test_a_damaged_frame_is_a_value_or_a_protocol_error(value: Any, data: st.DataObject) -> None:
    raw = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    _decoded_or_refused(bytes(raw))


def framed(header: Any, payload: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return PREFIX.pack(MAGIC, len(text), len(payload)) + text + payload


def _decoded_or_refused(raw: bytes) -> None:
    try:
        value = decode(raw)
    except ProtocolError:
        return
    assert same(decode(encode(value)), value)


REFUSED = {
    "nothing": b"",
    "another magic": b"PK\3\4" + bytes(12),
    "a header of 2 GiB announced": PREFIX.pack(MAGIC, OF_HOST.header + 1, 0),
    "more than announced": encode(1) + b"x",
    "less than announced": encode("word")[:-1],
    "an object in the header": framed([{"l": 1}, []]),
    "an unknown tag": framed([["pickle", "cos"], []]),
    "a tag that is no text": framed([[["l"]], []]),
    "an array that is not there": framed([["a"], []]),
    "an array that is not used": framed([1, [["f", [0]]]]),
    "an array larger than the payload": framed([["a"], [["f", [2]]]], bytes(8)),
    "a payload larger than its arrays": framed([["a"], [["f", [1]]]], bytes(16)),
    "sizes whose product overflows": framed([["a"], [["f", [2**29] * 32]]], bytes(8)),
    "a negative size": framed([["a"], [["f", [-1]]]]),
    "a size that is true": framed([["a"], [["f", [True]]]], bytes(8)),
    "a rank of 33": framed([["a"], [["f", [1] * 33]]], bytes(8)),
    "objects": framed([["a"], [["O", [1]]]], bytes(8)),
    "a key twice": framed([["d", "k", 1, "k", 2], []]),
    "a key without a value": framed([["d", "k"], []]),
    "a key that is a list": framed([["d", ["l"], 1], []]),
    "a whole number too large for an array": framed([2**63, []]),
    "a whole number of very many digits": PREFIX.pack(MAGIC, 9005, 0) + b"[" + b"9" * 9000 + b",[]]",
    "a lone surrogate": framed(["\ud800", []]),
    "deep nesting": PREFIX.pack(MAGIC, 80_000, 0) + b"[" * 40_000 + b"]" * 40_000,
    "bytes that are not ASCII": PREFIX.pack(MAGIC, 4, 0) + "[é]".encode()[:4],
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_refused(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(raw)


def test_deep_values_are_refused_on_both_sides() -> None:
    value: Any = 1
    tree: Any = 1
    for _ in range(DEEPEST + 1):
        value, tree = [value], ["l", tree]
    with pytest.raises(ProtocolError):
        encode(value)
    with pytest.raises(ProtocolError):
        decode(framed([tree, []]))


@pytest.mark.parametrize("value", [object(), {1.5: 1}, np.zeros(2, np.float32), np.array([None]), {1, 2}, 1j])
def test_what_no_frame_carries(value: Any) -> None:
    with pytest.raises(ProtocolError):
        encode(value)


def test_the_prefix_is_as_documented() -> None:
    magic, header, payload = struct.unpack("<4sIQ", encode(np.zeros(3))[:16])
    assert (magic, payload) == (MAGIC, 24)
    assert header == len(encode(np.zeros(3))) - 16 - 24


class TestWhatAChildMaySend:
    def test_a_header_of_very_many_parts_is_refused_before_it_is_parsed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def parsed(*_: Any, **__: Any) -> None:
            raise AssertionError("it was parsed")

        monkeypatch.setattr("rnnlint.guest.protocol.json.loads", parsed)
        for part in (b"[]", b"1", b"{}"):
            header = b"[" + (part + b",") * (OF_GUEST.marks // (1 + (part != b"1")) + 1) + part + b"]"
            assert len(header) <= OF_GUEST.header
            with pytest.raises(ProtocolError, match="too many parts"):
                decode_body(header, b"", OF_GUEST)

    @pytest.mark.parametrize("header, payload", [(OF_GUEST.header + 1, 0), (2, OF_GUEST.payload + 8)])
    def test_longer_frames_are_refused_by_their_prefix(self, header: int, payload: int) -> None:
        prefix = PREFIX.pack(MAGIC, header, payload)
        assert Prefix.read(prefix) == Prefix(header, payload)
        with pytest.raises(ProtocolError):
            Prefix.read(prefix, OF_GUEST)

    def test_the_values_of_a_large_pass_fit(self) -> None:
        """A hundred steps of forty lines, at each of which twenty variables are kept."""
        frame = {f"variable_{number}": np.zeros((3, 2)) for number in range(20)}
        raw = encode([["forward", frame]] * 2_000, OF_GUEST)
        prefix = Prefix.read(raw, OF_GUEST)
        body = raw[PREFIX.size :]
        assert len(decode_body(body[: prefix.header], body[prefix.header :], OF_GUEST)) == 2_000

    def test_no_memory_to_decode_it_is_its_own_fault(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise MemoryError

        monkeypatch.setattr("rnnlint.guest.protocol.json.loads", full)
        with pytest.raises(ProtocolError):
            decode_body(b"[1,[]]", b"", OF_GUEST)
