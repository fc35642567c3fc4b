"""A pass that updates its parameters: the gradient applied is the one that counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Verdict

CheckText = Callable[..., list[PreparedCheck]]

RNN = """
    import numpy as np

    class RNN:
        def __init__(self, n_in, n_hidden, n_out):
            self.U = np.random.randn(n_hidden, n_in) * 0.1
            self.W = np.random.randn(n_hidden, n_hidden) * 0.1
            self.V = np.random.randn(n_out, n_hidden) * 0.1
            self.b = np.zeros(n_hidden)
            self.k = np.zeros(n_hidden)

        def forward(self, x):
            self.x = x
            self.h = np.zeros((len(x) + 1, len(self.b)))
            for t in range(len(x)):
                self.h[t] = np.tanh(self.U @ x[t] + self.W @ self.h[t - 1] * self.k + self.b)
            return self.h[:-1] @ self.V.T

        def backward(self, x, y, lr=0.1):
            out = self.forward(x)
            dU, dW, dV = np.zeros_like(self.U), np.zeros_like(self.W), np.zeros_like(self.V)
            db, dk, carry = np.zeros_like(self.b), np.zeros_like(self.k), 0
            for t in reversed(range(len(x))):
                dy = out[t] - y[t]
                dV += np.outer(dy, self.h[t])
                da = (self.V.T @ dy + carry) * (1 - self.h[t] ** 2)
                dU += np.outer(da, x[t])
                dW += np.outer(da * self.k, self.h[t - 1])
                db += da
                dk += da * (self.W @ self.h[t - 1])
                carry = self.W.T @ (da * self.k)
            self.U -= lr * dU
            self.W -= lr * dW
            self.V -= lr * dV
            self.b -= lr * db
            self.k -= lr * dk
            return 0.5 * np.sum((out - y) ** 2)
"""


def wrong(check_text: CheckText, text: str) -> set[str]:
    (prepared,) = check_text(text)
    verdicts = {p.name: p.verdict for p in prepared.check.parameters}
    assert set(verdicts) == {"U", "W", "V", "b", "k"}
    return {name for name, verdict in verdicts.items() if verdict is Verdict.WRONG}


def test_plain_descent_is_right(check_text: CheckText) -> None:
    assert wrong(check_text, RNN) == set()


@pytest.mark.parametrize(
    ("old", "new", "spoiled"),
    [("self.k -= lr * dk", "self.k -= lr * db", "k"), ("self.W -= lr * dW", "self.W += lr * dW", "W")],
)
def test_wrong_update_is_found(check_text: CheckText, old: str, new: str, spoiled: str) -> None:
    assert wrong(check_text, RNN.replace(old, new)) == {spoiled}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.W -= lr * dW", "self.W -= lr * (dW + 0.01 * self.W)"),
        ("self.W -= lr * dW", "self.W -= 3 * lr * dW"),
        ("self.W -= lr * dW", "self.W -= lr * dW / (np.abs(dW) + 1e-8)"),
    ],
    ids=["weight decay", "a rate of its own", "an adaptive rate"],
)
def test_other_rules_of_descent_are_no_bug(check_text: CheckText, old: str, new: str) -> None:
    assert wrong(check_text, RNN.replace(old, new)) == set()
