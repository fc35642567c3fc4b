"""Programs for a batch of sequences, of which one sequence alone would hide what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Verdict
from tests.gradients.row_network import FORWARD

CheckText = Callable[..., list[PreparedCheck]]
FIXTURES = Path(__file__).parents[2] / "fixtures"

COLUMNS = """
import numpy as np

def forward(xs, h0, Wx, Wh, b):
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(Wx @ x + Wh @ hs[-1] + b))
    return hs

def backward(xs, hs, dhs, Wx, Wh, b):
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    carry = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        da = (dhs[t] + carry) * (1 - hs[t + 1] ** 2)
        dWx += da @ xs[t].T
        dWh += da @ hs[t].T
        db += da.sum(axis=1, keepdims=True)
        carry = Wh.T @ da
    return dWx, dWh, db
"""
ROWS = (
    FORWARD
    + """
def backward(dout, cache):
    x, states, Wx, Wh = cache
    T, N, D = x.shape
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[1])
    dh, dx = np.zeros_like(states[0]), np.zeros_like(x)
    for t in range(T - 1, -1, -1):
        da = (dout[t] + dh) * (1 - states[t + 1] ** 2)
        dWx += x[t].T @ da
        dWh += states[t].T @ da
        db += da.sum(axis=0)
        dx[t] = da @ Wx.T
        dh = da @ Wh.T
    return dx, dWx, dWh, db
"""
)


def wrong(prepared: PreparedCheck) -> set[str]:
    assert prepared.check.judged
    return {p.name for p in prepared.check.parameters if p.verdict is Verdict.WRONG}


MISTAKES = {
    "one is averaged": (COLUMNS, "da @ xs[t].T", "da @ xs[t].T / da.shape[1]", {"Wx"}),
    "a bias is averaged": (ROWS, "da.sum(axis=0)", "da.mean(axis=0)", {"b"}),
    "one counts the sequences": (ROWS, "dWh += states[t].T @ da", "dWh += N * states[t].T @ da", {"Wh"}),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_only_several_sequences_show_is_found(check_text: CheckText, mistake: str) -> None:
    text, right, spoiled, parameters = MISTAKES[mistake]
    (prepared,) = check_text(text.replace(right, spoiled))
    assert wrong(prepared) == parameters


@pytest.mark.parametrize("text", [COLUMNS, ROWS])
def test_right_for_a_batch(check_text: CheckText, text: str) -> None:
    (prepared,) = check_text(text)
    assert wrong(prepared) == set()
    assert prepared.check.notes == ()


def test_averaged_weights_beside_the_inputs_own_gradients(check_text: CheckText) -> None:
    """The loss is a mean over the sequences; of the inputs each has its own sequence's gradient."""
    averaged = ROWS
    for part in ("x[t].T @ da", "states[t].T @ da", "da.sum(axis=0)"):
        averaged = averaged.replace(f"+= {part}", f"+= {part} / N")
    (prepared,) = check_text(averaged)
    assert wrong(prepared) == set()


ONE_ROW = """
import numpy as np

def forward(xs, h0, Wx, Wh, Wy, b, by):
    hs, ps = [h0], []
    for x in xs:
        hs.append(np.tanh(x @ Wx + hs[-1] @ Wh + b))
        e = np.exp(hs[-1] @ Wy + by)
        ps.append(e / e.sum())
    return hs, ps

def backward(xs, targets, hs, ps, Wx, Wh, Wy, b, by):
    dWx, dWh, dWy, db, dby = (np.zeros_like(p) for p in (Wx, Wh, Wy, b, by))
    carry = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dv = ps[t].copy()
        dv[0, targets[t]] -= 1
        dWy += hs[t + 1].T @ dv
        dby += np.sum(dv, axis=0)
        da = (dv @ Wy.T + carry) * (1 - hs[t + 1] ** 2)
        dWx += xs[t].T @ da
        dWh += hs[t].T @ da
        db += da[0]
        carry = da @ Wh.T
    return dWx, dWh, dWy, db, dby
"""


def test_a_pass_for_one_row_is_not_held_to_a_batch(check_text: CheckText) -> None:
    (prepared,) = check_text(ONE_ROW)
    assert wrong(prepared) == set()


def test_the_first_item_of_an_axis_may_drop_it(check_text: CheckText) -> None:
    (prepared,) = check_text(ONE_ROW.replace("xs[t].T @ da", "np.outer(xs[t][0], da[0])"))
    assert wrong(prepared) == set()


def test_what_one_sequence_does_not_show_is_said(check_text: CheckText) -> None:
    """``np.outer`` takes one column; the bias is summed over all of a batch."""
    (prepared,) = check_text(COLUMNS.replace("da @ xs[t].T", "np.outer(da, xs[t])"))
    assert wrong(prepared) == set()
    (note,) = prepared.check.notes
    assert "one sequence at a time" in note
    assert "line 17" in note


def test_tokens_that_are_set_in_one_column_are_no_batch(check_text: CheckText) -> None:
    """``x[token] = 1`` takes several tokens at once, and makes one column of them."""
    text = (FIXTURES / "correct" / "gru_class.py").read_text()
    (prepared,) = check_text(text.replace("self.Uz.T @ dz + ", ""))
    assert len(wrong(prepared)) > 1
    assert prepared.check.forward == "standard"
