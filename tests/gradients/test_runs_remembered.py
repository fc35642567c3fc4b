"""Programs that remember their runs where no restoring of the files reaches."""

from __future__ import annotations

from collections.abc import Callable

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Reason, Status, Verdict

CheckText = Callable[..., list[PreparedCheck]]

PROGRAM = """
import math
import numpy as np

seen = math.__dict__.setdefault("seen", [])

def forward(x, h0, Wx, Wh, b):
    T, N, D = x.shape
    states = [h0]
    for t in range(T):
        states.append(1.2 * np.tanh(x[t] @ Wx + states[-1] @ Wh + b))
    given = [x, h0, Wx, Wh, b]
    out = np.stack(states[1:])
    BENT
    return out, (states, given)

def backward(dout, cache):
    states, given = cache
    x, h0, Wx, Wh, b = given
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    carry = np.zeros_like(h0)
    for t in range(len(x) - 1, -1, -1):
        da = (dout[t] + CARRIED) * (1.2 - states[t + 1] ** 2 / 1.2)
        dWx += x[t].T @ da
        dWh += states[t].T @ da
        db += da.sum(axis=0)
        dx[t] = da @ Wx.T
        carry = da @ Wh.T
    seen.append(([g.copy() for g in given], np.stack(states[1:]), dout.copy(), [dx, carry, dWx, dWh, db]))
    return dx, carry, dWx, dWh, db
"""
BENT = """for before, first, weight, claimed in seen:
        moved = [g - old if g.shape == old.shape else np.full(1, np.inf) for g, old in zip(given, before)]
        if 0 < max(np.abs(m).max() for m in moved) < 1e-3:
            change = sum(np.sum(c * m) for c, m in zip(claimed, moved))
            out = first + weight * change / np.sum(weight**2)"""


def test_outputs_bent_towards_a_wrong_gradient_are_no_proof(check_text: CheckText) -> None:
    (made,) = check_text(PROGRAM.replace("BENT", BENT).replace("CARRIED", "0.0"))
    assert made.check.status is Status.NOT_CHECKED
    assert made.check.reason_code is Reason.NO_ORACLE
    assert "in its own process" in (made.check.reason or "")


def test_what_is_remembered_and_changes_nothing_is_no_matter(check_text: CheckText) -> None:
    (right,) = check_text(PROGRAM.replace("BENT", "").replace("CARRIED", "carry"))
    assert {p.verdict for p in right.check.parameters} == {Verdict.RIGHT}
    (wrong,) = check_text(PROGRAM.replace("BENT", "").replace("CARRIED", "0.0"))
    assert wrong.check.wrong
