"""Backward passes that go back over a few steps only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from tests.gradients.judged import wrong

CheckText = Callable[..., list[PreparedCheck]]

PROGRAM = """
import numpy as np

BEFORE

def forward(xs, h0, W, U, b):
    hs = [h0]
    for x in xs:
        hs.append(np.tanh(W @ hs[-1] + U @ x + b))
    states = hs[1:]
    return states, hs

def backward(xs, hs, dstates, W, U, bARGUMENT):
    dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    for last in reversed(range(len(xs))):
        da = dstates[last] * (1 - hs[last + 1] ** 2)
        for t in range(last, FIRST - 1, -1):
            dW += np.outer(da, PREVIOUS)
            dU += np.outer(da, xs[t])
            db += da
            da = (W.T @ da) * (1 - hs[t] ** 2)
    return dW, dU, db
"""


def text_of(first: str, before: str = "", argument: str = "", previous: str = "hs[t]") -> str:
    text = PROGRAM.replace("BEFORE", before).replace("ARGUMENT", argument)
    return text.replace("FIRST", first).replace("PREVIOUS", previous)


@pytest.mark.parametrize("limit", [2, 6])
def test_what_is_cut_off_is_said_and_is_not_wrong(check_text: CheckText, limit: int) -> None:
    (prepared,) = check_text(text_of(f"max(0, last - {limit})"))
    assert wrong(prepared) == set()
    (note,) = prepared.check.notes
    assert f"Line 17 cuts the gradient off after {limit} steps" in note
    assert "no longer the loss's" in note


def test_a_limit_by_its_name(check_text: CheckText) -> None:
    (prepared,) = check_text(text_of("max(last - STEPS, 0)", before="STEPS = 3"))
    assert wrong(prepared) == set()
    (note,) = prepared.check.notes
    assert "Line 17 cuts the gradient off" in note


def test_a_limit_that_the_caller_gives(check_text: CheckText) -> None:
    (prepared,) = check_text(text_of("max(0, last - bptt_truncate)", argument=", bptt_truncate"))
    assert wrong(prepared) == set()
    (note,) = prepared.check.notes
    assert "nothing is seen of that" in note


def test_a_mistake_within_the_limit_is_found(check_text: CheckText) -> None:
    (prepared,) = check_text(text_of("max(0, last - 2)", previous="hs[t + 1]"))
    assert "W" in wrong(prepared)


def test_nothing_is_said_of_a_pass_without_a_limit(check_text: CheckText) -> None:
    (prepared,) = check_text(text_of("0"))
    assert wrong(prepared) == set()
    assert prepared.check.notes == ()
