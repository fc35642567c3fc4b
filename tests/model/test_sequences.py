"""State sequences in the conventions people use, and every way to walk back over them.

Each program is right as it stands; shifting the index of the state it reads by one must be noticed.
"""

from __future__ import annotations

import pytest

from rnnlint.model.carries import walks_of_the_forward_pass
from rnnlint.model.state_reads import misreads, wrapped_reads
from tests.model.programs import backward_of

FILLINGS = {
    "dict with the initial state under -1": (
        "hs = {}\n    hs[-1] = h0",
        "for t in range(len(xs)):\n        hs[t] = np.tanh(W_x @ xs[t] + W_h @ hs[t - 1])",
        0,
    ),
    "dict display": (
        "hs = {-1: h0}",
        "for t in range(len(xs)):\n        hs[t] = np.tanh(W_x @ xs[t] + W_h @ hs[t - 1])",
        0,
    ),
    "list with the initial state first": (
        "hs = [h0]",
        "for t in range(len(xs)):\n        hs.append(np.tanh(W_x @ xs[t] + W_h @ hs[t]))",
        1,
    ),
    "list read at its end": (
        "hs = []\n    hs.append(h0)",
        "for x in xs:\n        hs.append(np.tanh(W_x @ x + W_h @ hs[-1]))",
        1,
    ),
    "list filled from a variable": (
        "hs, h = [h0], h0",
        "for t, x in enumerate(xs):\n        h = np.tanh(W_x @ x + W_h @ h)\n        hs.append(h)",
        1,
    ),
    "array of one entry more": (
        "hs = np.zeros((len(xs) + 1, 4, 1))\n    hs[0] = h0",
        "for t in range(len(xs)):\n        hs[t + 1] = np.tanh(W_x @ xs[t] + W_h @ hs[t])",
        1,
    ),
    "array counted from one": (
        "hs = np.zeros((len(xs) + 1, 4, 1))\n    hs[0] = h0",
        "for t in range(1, len(xs) + 1):\n        hs[t] = np.tanh(W_x @ xs[t - 1] + W_h @ hs[t - 1])",
        1,
    ),
    "dict with the initial state under 0": (
        "hs = {0: h0}",
        "for t in range(1, len(xs) + 1):\n        hs[t] = np.tanh(W_x @ xs[t - 1] + W_h @ hs[t - 1])",
        1,
    ),
    "array with time as its last axis": (
        "hs = np.zeros((4, 1, len(xs) + 1))\n    hs[:, :, 0] = h0",
        "for t in range(len(xs)):\n        hs[:, :, t + 1] = np.tanh(W_x @ xs[t] + W_h @ hs[:, :, t])",
        1,
    ),
}

WALKS = {
    "reversed range": "for t in reversed(range(len(xs))):",
    "range with a step of -1": "for t in range(len(xs) - 1, -1, -1):",
    "a reversed slice": "for t in range(len(xs))[::-1]:",
    "arange reversed": "for t in np.arange(len(xs))[::-1]:",
    "reversed list": "for t in reversed(list(range(len(xs)))):",
    "an index counted against": "for k in range(len(xs)):\n        t = len(xs) - 1 - k",
    "an index counted against, in one": "for k in range(len(xs)):\n        t = len(xs) - k - 1",
}


def program(filling: str, walk: str, now: str, before: str) -> str:
    begin, loop, _ = FILLINGS[filling]
    axis = ":, :, " if "last axis" in filling else ""
    now, before = f"hs[{axis}{now}]", f"hs[{axis}{before}]"
    return f"""\
import numpy as np


def gradients(xs, dhs, h0, W_x, W_h):
    {begin}
    {loop}
    dW_x, dW_h = np.zeros_like(W_x), np.zeros_like(W_h)
    dnext = np.zeros_like(h0)
    {WALKS[walk]}
        da = (dhs[t] + dnext) * (1 - {now} ** 2)
        dW_x += da @ xs[t].T
        dW_h += da @ {before}.T
        dnext = W_h.T @ da
    return dW_x, dW_h
"""


def indices(slot: int, by: int = 0) -> str:
    shift = slot + by
    return "t" if not shift else f"t {'+' if shift > 0 else '-'} {abs(shift)}"


@pytest.mark.parametrize("filling", FILLINGS)
def test_states_read_where_they_are_stored_are_right(filling: str):
    slot = FILLINGS[filling][2]
    bptt = backward_of(program(filling, "reversed range", indices(slot), indices(slot, -1)))
    assert (misreads(bptt), wrapped_reads(bptt), bptt.discrepancies) == ((), (), ())
    assert bptt.right_gates


@pytest.mark.parametrize("filling", FILLINGS)
def test_this_steps_state_read_one_off_is_noticed(filling: str):
    slot = FILLINGS[filling][2]
    bptt = backward_of(program(filling, "reversed range", indices(slot, -1), indices(slot, -1)))
    assert [(each.correction, each.role) for each in misreads(bptt)] == [(1, 0)]


@pytest.mark.parametrize("filling", FILLINGS)
def test_the_state_before_read_one_off_is_noticed(filling: str):
    slot = FILLINGS[filling][2]
    bptt = backward_of(program(filling, "reversed range", indices(slot), indices(slot, -2)))
    assert [(each.correction, each.role) for each in misreads(bptt)] == [(1, -1)]


@pytest.mark.parametrize("walk", WALKS)
def test_every_way_back_is_understood(walk: str):
    right = backward_of(program("list with the initial state first", walk, "t + 1", "t"))
    assert (misreads(right), right.discrepancies, walks_of_the_forward_pass(right)) == ((), (), ())
    wrong = backward_of(program("list with the initial state first", walk, "t", "t"))
    assert [(each.correction, each.role) for each in misreads(wrong)] == [(1, 0)]


def test_a_while_that_counts_down_is_a_way_back():
    text = program("list with the initial state first", "reversed range", "t + 1", "t").replace(
        "    for t in reversed(range(len(xs))):\n", "    t = len(xs) - 1\n    while t >= 0:\n"
    )
    counted = text.replace("        dnext = W_h.T @ da\n", "        dnext = W_h.T @ da\n        t -= 1\n")
    assert misreads(backward_of(counted)) == ()
    assert backward_of(counted).right_gates
    assert len(misreads(backward_of(counted.replace("hs[t + 1]", "hs[t]")))) == 1


def test_a_reversed_walk_over_caches_is_understood():
    text = """\
import numpy as np


def forward(xs, h, W_x, W_h):
    caches = []
    for x in xs:
        before = h
        h = np.tanh(W_x @ x + W_h @ before)
        caches.append((x, before, h))
    return h, caches


def backward(dhs, caches, W_x, W_h):
    dW_x, dW_h = np.zeros_like(W_x), np.zeros_like(W_h)
    dnext = 0
    for dh, (x, before, h) in zip(reversed(dhs), reversed(caches)):
        da = (dh + dnext) * (1 - NOW ** 2)
        dW_x += da @ x.T
        dW_h += da @ before.T
        dnext = W_h.T @ da
    return dW_x, dW_h
"""
    assert backward_of(text.replace("NOW", "h")).right_gates
    assert backward_of(text.replace("NOW", "h")).discrepancies == ()
    assert backward_of(text.replace("NOW", "before")).discrepancies != ()


def test_a_sequence_that_is_filled_twice_is_not_understood():
    text = program("list with the initial state first", "reversed range", "t", "t - 1")
    twice = text.replace("hs.append(", "hs.append(h0)\n        hs.append(")
    assert misreads(backward_of(twice)) == ()


def test_a_read_under_a_guard_does_not_wrap():
    text = program("list with the initial state first", "reversed range", "t", "t - 1")
    text = text.replace("hs = [h0]", "hs, h = [], h0").replace(
        "hs.append(np.tanh(W_x @ xs[t] + W_h @ hs[t]))",
        "h = np.tanh(W_x @ xs[t] + W_h @ h)\n        hs.append(h)",
    )
    assert len(wrapped_reads(backward_of(text))) == 1
    for guarded in (
        "(hs[t - 1] if t > 0 else h0)",
        "(h0 if t == 0 else hs[t - 1])",
        "(hs[t - 1] if t else h0)",
    ):
        assert wrapped_reads(backward_of(text.replace("hs[t - 1]", guarded))) == ()
    never = "(h0 if t == len(xs) else hs[t - 1])"
    assert len(wrapped_reads(backward_of(text.replace("hs[t - 1]", never)))) == 1
