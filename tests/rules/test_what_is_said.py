"""What a finding says is true of the program at hand: of one carry or two, of either way through time."""

from __future__ import annotations

from typing import Any

import pytest

from rnnlint.rules.derivatives.cases import LSTM

IN_THE_ORDER_OF_TIME = LSTM.replace("reversed(range(len(xs)))", "range(len(xs))")


@pytest.mark.parametrize(
    ("lost", "title", "opening"),
    [
        (("dC_next = dC * f[t]",), "One state's adjoint stays behind", "dC_next stays zero: through this"),
        (
            ("dC_next = dC * f[t]", "dh_next = dz[:H]"),
            "Nothing flows back through time",
            "dh_next and dC_next stay zero: no step",
        ),
    ],
    ids=["one of two", "both"],
)
def test_a_dropped_carry_says_how_much_is_lost(
    lost: tuple[str, ...], title: str, opening: str, lint_text: Any
) -> None:
    text = LSTM
    for each in lost:
        text = text.replace(f"        {each}\n", "")
    (found,) = [each for each in lint_text(text)[1] if each.code == "RNN104"]
    assert found.group.title == title
    assert found.group.explanation.startswith(opening)


def test_a_loop_that_is_reversed_is_not_told_to_be(lint_text: Any) -> None:
    text = """
import numpy as np


def forward(xs, W, U):
    s = np.zeros((len(xs) + 1, len(W)))
    for t in reversed(range(len(xs))):
        s[t] = np.tanh(W @ s[t + 1] + U @ xs[t])
    return s


def backward(xs, s, ds, W, U):
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    carry = np.zeros(len(W))
    for t in reversed(range(len(xs))):
        da = (ds[t] + carry) * (1 - s[t] ** 2)
        dW += np.outer(da, s[t + 1])
        dU += np.outer(da, xs[t])
        carry = W.T @ da
    return dW, dU
"""
    (found,) = [each for each in lint_text(text)[1] if each.code == "RNN106"]
    assert "reversed(" not in found.message
    (other,) = [each for each in lint_text(IN_THE_ORDER_OF_TIME)[1] if each.code == "RNN106"]
    assert "`reversed(...)`" in other.message
