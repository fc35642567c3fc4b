"""Records go there and back; a tree that is not exactly a record's is refused, whatever it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlint.guest.protocol import ProtocolError, decode, encode
from rnnlint.guest.records import from_tree, to_tree
from rnnlint.sandbox.job import Failure, Frame, Job, Module, Operand, Outcome, Ran, Scenario, Trouble

TROUBLE = Trouble(
    Failure.RAISED, "ValueError", "no", "a.py", 3, "f", (Operand("W", (2, 3)), Operand("b", ())), "W @ b"
)
FRAME = Frame("Net.backward", "a.py", 4, {"x": None, "t": 2}, 1)
RAN = Ran((1, [2.0], {"a": (None,)}), (FRAME, FRAME), TROUBLE, {"f": 2})
JOB = Job(
    (Module("a.py", "x = 1\n", ("a", "p.a"), True, True),),
    0,
    (Scenario("y = x", {"x": 1}, ("y",), ("*",), (3,)),),
)
RECORDS = [TROUBLE, FRAME, RAN, JOB, Ran(), Outcome((), TROUBLE, ("note",), "out", ("f",), ("g",))]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_go_there_and_back(record: Any) -> None:
    assert from_tree(type(record), decode(encode(to_tree(record)))) == record


def test_values_inside_keep_their_types() -> None:
    back = from_tree(Ran, decode(encode(to_tree(Ran(values=(np.ones(2), (1,), [1])))))).values
    assert back[0].tolist() == [1.0, 1.0]
    assert back[1:] == ((1,), [1])


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(list(Failure))
)
_NAMES = st.sampled_from([*to_tree(RAN), *to_tree(TROUBLE), *to_tree(FRAME)])
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES | st.integers(), inner, max_size=9),
)


@given(st.sampled_from([Ran, Trouble, Frame, Outcome]), _TREES)
def test_any_tree_is_a_record_or_a_protocol_error(kind: type, tree: Any) -> None:
    _checked_or_refused(kind, tree)


@given(st.data(), _TREES)
def test_a_record_with_any_field_exchanged_is_a_record_or_a_protocol_error(
    data: st.DataObject, tree: Any
) -> None:
    record = data.draw(st.sampled_from([TROUBLE, FRAME, RAN]))
    changed = to_tree(record)
    changed[data.draw(st.sampled_from(list(changed)))] = tree
    _checked_or_refused(type(record), changed)


def _checked_or_refused(kind: type, tree: Any) -> None:
    try:
        record = from_tree(kind, tree)
    except ProtocolError:
        return
    assert isinstance(record, kind)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("failure", "none"),
        ("line", True),
        ("line", 1.0),
        ("message", None),
        ("operands", [["W", [1], 2]]),
        ("operands", [["W", "12"]]),
        ("operands", {"W": [1]}),
    ],
)
def test_wrong_fields_are_refused(field: str, value: Any) -> None:
    with pytest.raises(ProtocolError):
        from_tree(Trouble, {**to_tree(TROUBLE), field: value})


def test_missing_and_additional_fields_are_refused() -> None:
    tree = to_tree(TROUBLE)
    with pytest.raises(ProtocolError):
        from_tree(Trouble, {**tree, "more": 1})
    del tree["line"]
    with pytest.raises(ProtocolError):
        from_tree(Trouble, tree)
