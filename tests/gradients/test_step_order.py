"""Sequences whose items stand in another order than their upstream gradients or targets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Reason, Status
from tests.gradients.judged import wrong
from tests.gradients.row_network import FORWARD

CheckText = Callable[..., list[PreparedCheck]]

NEWEST_FIRST = """
import numpy as np
from collections import deque

def forward(xs, h0, W, U, b):
    h = h0
    BEGIN
    for x in xs:
        h = np.tanh(W @ h + U @ x + b)
        KEEP
    return STATES

def backward(xs, h0, hs, dhs, W, U, b):
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    carry = np.zeros_like(h0)
    T = len(xs)
    for age in range(T):
        t = T - 1 - age
        before = hs[age + 1] if age + 1 < T else h0
        da = (dhs[t] + carry) * (1 - hs[age] ** 2)
        dW += da @ before.T
        dU += da @ xs[t].T
        db += da
        carry = W.T @ da
    return dW, dU, db
"""
WAYS = {
    "put in front": ("hs = []", "hs.insert(0, h)", "hs"),
    "a deque": ("hs = deque()", "hs.appendleft(h)", "list(hs)"),
    "turned round": ("hs = []", "hs.append(h)", "hs[::-1]"),
    "a copy in front": ("hs = []", "hs = [h] + hs", "hs"),
    "filled from the end": (
        "hs = np.zeros((len(xs), *h0.shape)); n = len(xs)",
        "n -= 1; hs[n] = h",
        "hs",
    ),
}


def text_of(way: str) -> str:
    begin, keep, states = WAYS[way]
    return NEWEST_FIRST.replace("BEGIN", begin).replace("KEEP", keep).replace("STATES", states)


@pytest.mark.parametrize("way", WAYS)
def test_states_newest_first_with_upstream_gradients_in_time(check_text: CheckText, way: str) -> None:
    (right,) = check_text(text_of(way))
    assert wrong(right) == set()
    assert any("last step's output first" in note for note in right.check.notes)


def test_states_newest_first_with_upstream_gradients_item_by_item(check_text: CheckText) -> None:
    (right,) = check_text(text_of("put in front").replace("dhs[t]", "dhs[age]"))
    assert wrong(right) == set()
    assert right.check.notes == ()


def test_a_mistake_beside_the_order_is_found(check_text: CheckText) -> None:
    (prepared,) = check_text(text_of("put in front").replace("da @ before.T", "da @ hs[age].T"))
    assert wrong(prepared) == {"W"}


def test_both_orders_in_one_pass(check_text: CheckText) -> None:
    """The hidden states are kept newest first, the cell states in time; both upstream gradients are in
    time."""
    (right,) = check_text(
        """
        import numpy as np

        def sigmoid(a):
            return 1 / (1 + np.exp(-a))

        def forward(xs, h0, c0, W, b):
            h, c, n = h0, c0, h0.shape[1]
            hs, cs, kept = [], [], []
            for x in xs:
                z = np.hstack([h, x])
                a = z @ W + b
                f, i, o = (sigmoid(a[:, k * n:(k + 1) * n]) for k in range(3))
                g = np.tanh(a[:, 3 * n:])
                kept.append((z, c, f, i, o, g))
                c = f * c + i * g
                h = o * np.tanh(c)
                hs.insert(0, h)
                cs.append(c)
            return hs, cs, kept

        def backward(dhs, dcs, hs, cs, kept, W, b):
            dW, db = np.zeros_like(W), np.zeros_like(b)
            dh, dc = np.zeros_like(hs[0]), np.zeros_like(cs[0])
            n = dh.shape[1]
            for t in reversed(range(len(kept))):
                z, before, f, i, o, g = kept[t]
                dh = dh + dhs[t]
                s = np.tanh(cs[t])
                dc = dc + dcs[t] + dh * o * (1 - s**2)
                da = np.hstack([
                    dc * before * f * (1 - f), dc * g * i * (1 - i), dh * s * o * (1 - o), dc * i * (1 - g**2)
                ])
                dW += z.T @ da
                db += da.sum(axis=0)
                dh, dc = (da @ W.T)[:, :n], dc * f
            return dW, db
        """
    )
    assert wrong(right) == set()


OUTPUTS = """
import numpy as np

def forward(inputs, h0, Wx, Wh, Wy, b, by):
    hs, ps = [h0], []
    for x in inputs:
        hs.append(np.tanh(Wx @ x + Wh @ hs[-1] + b))
        e = np.exp(Wy @ hs[-1] + by)
        ps.append(e / e.sum())
    GIVEN
    return ps, hs

def backward(inputs, targets, ps, hs, Wx, Wh, Wy, b, by):
    dWx, dWh, dWy, db, dby = (np.zeros_like(p) for p in (Wx, Wh, Wy, b, by))
    carry = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dv = ps[PLACE] - targets[TARGET]
        dWy += dv @ hs[t + 1].T
        dby += dv
        da = (Wy.T @ dv + carry) * (1 - hs[t + 1] ** 2)
        dWx += da @ inputs[t].T
        dWh += da @ hs[t].T
        db += da
        carry = Wh.T @ da
    return dWx, dWh, dWy, db, dby
"""


def outputs(given: str, place: str, target: str) -> str:
    return OUTPUTS.replace("GIVEN", given).replace("PLACE", place).replace("TARGET", target)


def test_probabilities_newest_first_with_targets_in_time(check_text: CheckText) -> None:
    (right,) = check_text(outputs("ps.reverse()", "len(inputs) - 1 - t", "t"))
    assert wrong(right) == set()


def test_targets_read_from_the_wrong_end_are_wrong(check_text: CheckText) -> None:
    """The outputs are in time: nothing but a mistake reads the targets backwards."""
    (prepared,) = check_text(outputs("pass", "t", "len(inputs) - 1 - t"))
    assert {"Wx", "Wh", "Wy", "b"} <= wrong(prepared)


IN_TIME = (
    FORWARD
    + """
def backward(dout, cache):
    x, states, Wx, Wh = cache
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[1])
    carry, dx = np.zeros_like(states[0]), []
    for t in range(len(x) - 1, -1, -1):
        da = (dout[UPSTREAM] + carry) * (1 - states[t + 1] ** 2)
        dWx += x[t].T @ da
        dWh += states[t].T @ da
        db += da.sum(axis=0)
        dx.append(da @ Wx.T)
        carry = da @ Wh.T
    dx = np.array(dx)ORDER
    return dx, dWx, dWh, db
"""
)


def in_time(upstream: str, order: str = "[::-1]") -> str:
    return IN_TIME.replace("UPSTREAM", upstream).replace("ORDER", order)


def test_upstream_gradients_last_step_first_are_neither_right_nor_wrong(check_text: CheckText) -> None:
    """A layer above that goes back through time hands them down so; else it is a mistake."""
    (made,) = check_text(in_time("len(x) - 1 - t"))
    assert made.check.status is Status.NOT_CHECKED
    assert made.check.reason_code is Reason.NO_ORACLE
    assert "the order of dout" in (made.check.reason or "")


def test_gradients_of_the_inputs_may_come_last_step_first(check_text: CheckText) -> None:
    (right,) = check_text(in_time("t", order=""))
    assert wrong(right) == set()
    assert {p.name for p in right.check.parameters} >= {"x", "Wx", "Wh", "b"}
    assert any("gradient of x comes back in the reverse order" in note for note in right.check.notes)


def test_gradients_of_the_inputs_in_a_third_order_are_wrong(check_text: CheckText) -> None:
    (prepared,) = check_text(in_time("t", order="[[1, 0, *range(2, len(x))]]"))
    assert wrong(prepared) == {"x"}
