"""A pass that works its gradient out in a local and returns another array in its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from tests.gradients.row_network import FORWARD

CheckText = Callable[..., list[PreparedCheck]]

PROGRAM = (
    FORWARD
    + """
def backward(dout, cache):
    x, states, Wx, Wh = cache
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[1])
    carry = np.zeros_like(states[0])
    for t in range(len(x) - 1, -1, -1):
        da = (dout[t] + carry) * (1 - states[t + 1] ** 2)
        dWx += x[t].T @ da
        dWh += states[t].T @ da
        db += da.sum(axis=0)
        carry = da @ Wh.T
    result = RESULT
    return result, dWh, db
"""
)


def test_another_array_in_the_place_of_a_gradient_is_said(check_text: CheckText) -> None:
    (made,) = check_text(PROGRAM.replace("RESULT", "np.sign(dWx)"))
    (note,) = made.check.notes
    assert "Of Wx the local dWx was judged" in note
    assert "result" in note


@pytest.mark.parametrize("result", ["dWx", "dWx * 1.0", "states"])
def test_the_gradient_itself_under_another_name_is_not(check_text: CheckText, result: str) -> None:
    (made,) = check_text(PROGRAM.replace("RESULT", result))
    assert not made.check.wrong
    assert made.check.notes == ()
