"""Variables of the module: loading leaves their values, and what hangs on an open size is made anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from tests.gradients.judged import wrong

CheckText = Callable[..., list[PreparedCheck]]

PROGRAM = """
import numpy as np

TOP

def forward(xs, h, Wx, Wh, b):
    hs = {-1: h}
    for t in range(len(xs)):
        hs[t] = np.tanh(xs[t] @ Wx + hs[t - 1] @ Wh + b)
    return hs

def backward(dhs, xs, hs, Wx, Wh, b):
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    carry = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        da = (dhs[t] + carry) * (1 - hs[t] ** 2)
        dWx += xs[t].T @ da
        dWh += hs[t - 1].T @ da
        db += da.sum(axis=0) * GAIN
        carry = da @ Wh.T
    return dWx, dWh, db
"""


@pytest.mark.parametrize(
    ("top", "gain"),
    [
        ("gain = 5.0\ngain = 1.0", "gain"),
        ("half = False\nif half:\n    gain = 128.0\nelse:\n    gain = 1.0", "gain"),
        ("gain = 2.0\ngain /= 2", "gain"),
        ("gains = {'one': 3.0}\ngains.update(one=1.0)", "gains['one']"),
        ("gains = {}\ngains['one'] = np.ones(1)", "gains['one']"),
    ],
    ids=["bound twice", "either branch", "changed in place", "updated", "filled"],
)
def test_the_value_that_a_variable_ends_with_counts(check_text: CheckText, top: str, gain: str) -> None:
    (right,) = check_text(PROGRAM.replace("TOP", top).replace("GAIN", gain))
    assert wrong(right) == set()


@pytest.mark.parametrize("top", ["gain = 1.0\ngain = 5.0", "gain = 1.0\ngain += 1"])
def test_a_value_that_is_overwritten_excuses_nothing(check_text: CheckText, top: str) -> None:
    (prepared,) = check_text(PROGRAM.replace("TOP", top).replace("GAIN", "gain"))
    assert wrong(prepared) == {"b"}


def test_weights_that_are_put_into_a_dict_one_by_one_have_open_sizes(check_text: CheckText) -> None:
    (prepared,) = check_text("""
        import numpy as np

        D, H = 40, 70
        p = {}
        p["Wx"] = np.random.randn(D, H) * 0.1
        p["Wh"] = np.random.randn(H, H) * 0.1

        def loss_and_gradients(xs, targets):
            hs = {-1: np.zeros(H)}
            loss = 0.0
            for t in range(len(xs)):
                hs[t] = np.tanh(xs[t] @ p["Wx"] + hs[t - 1] @ p["Wh"])
                loss += 0.5 * np.sum((hs[t] - targets[t]) ** 2)
            grads = {name: np.zeros_like(value) for name, value in p.items()}
            carry = np.zeros(H)
            for t in reversed(range(len(xs))):
                da = (hs[t] - targets[t] + carry) * (1 - hs[t] ** 2)
                grads["Wx"] += np.outer(xs[t], da)
                grads["Wh"] += np.outer(hs[t - 1], da)
                carry = p["Wh"] @ da
            return loss, grads
        """)
    assert wrong(prepared) == set()
    assert {p.name for p in prepared.check.parameters} == {"Wx", "Wh"}
