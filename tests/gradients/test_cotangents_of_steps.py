"""A forward that returns T + 1 states, whose backward is given the cotangents of the T steps alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from tests.gradients.judged import wrong

CheckText = Callable[..., list[PreparedCheck]]

PROGRAM = """
import numpy as np

def forward(xs, h0, W, U, b):
    h = h0
    BEGIN
    for t, x in enumerate(xs):
        h = np.tanh(W @ h + U @ x + b)
        KEEP
    return STATES

def backward(xs, hs, dhs, W, U, b):
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    carry = np.zeros(len(b))
    for t in reversed(range(len(xs))):
        da = (dhs[t] + carry) * (1 - hs[t + 1] ** 2)
        dW += np.outer(da, hs[t])
        dU += np.outer(da, xs[t])
        db += da
        carry = W.T @ da
    return dW, dU, db
"""
WAYS = {
    "unpacked": ("hs = []", "hs.append(h)", "[h0, *hs]"),
    "added": ("hs = []", "hs.append(h)", "[h0] + hs"),
    "numbered": ("hs = {0: h0}", "hs[t + 1] = h", "hs"),
    "a row too many": ("hs = np.zeros((len(xs) + 2, len(b))); hs[0] = h0", "hs[t + 1] = h", "hs"),
}


def text_of(way: str) -> str:
    begin, keep, states = WAYS[way]
    return PROGRAM.replace("BEGIN", begin).replace("KEEP", keep).replace("STATES", states)


@pytest.mark.parametrize("way", WAYS)
def test_the_cotangents_may_be_those_of_the_steps(check_text: CheckText, way: str) -> None:
    (right,) = check_text(text_of(way))
    assert wrong(right) == set()


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_state_stays_wrong(check_text: CheckText, way: str) -> None:
    (prepared,) = check_text(text_of(way).replace("np.outer(da, hs[t])", "np.outer(da, hs[t + 1])"))
    assert wrong(prepared) == {"W"}


def test_the_cotangents_may_be_those_of_all_states(check_text: CheckText) -> None:
    (right,) = check_text(text_of("unpacked").replace("dhs[t]", "dhs[t + 1]"))
    assert wrong(right) == set()
