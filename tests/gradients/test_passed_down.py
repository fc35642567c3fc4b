"""The one array that a layer's backward pass returns: its input's gradient, whatever it is called."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Verdict

CheckText = Callable[..., list[PreparedCheck]]

LAYER = """
    import numpy as np

    class RNN:
        def __init__(self, n_in, n_hidden):
            self.U = np.random.randn(n_hidden, n_in) * 0.1
            self.W = np.random.randn(n_hidden, n_hidden) * 0.1
            self.V = np.random.randn(n_in, n_hidden) * 0.1

        def forward(self, X):
            self.X, (N, T, D) = X, X.shape
            self.s = np.zeros((N, T + 1, self.W.shape[0]))
            for t in range(T):
                self.s[:, t] = np.tanh(X[:, t] @ self.U.T + self.s[:, t - 1] @ self.W.T)
            return self.s[:, :-1] @ self.V.T

        def backward(self, accum_grad):
            self.dU, self.dW, self.dV = np.zeros_like(self.U), np.zeros_like(self.W), np.zeros_like(self.V)
            below, carry = np.zeros_like(self.X), 0
            for t in reversed(range(self.X.shape[1])):
                self.dV += accum_grad[:, t].T @ self.s[:, t]
                da = (accum_grad[:, t] @ self.V + carry) * (1 - self.s[:, t] ** 2)
                self.dU += da.T @ self.X[:, t]
                self.dW += da.T @ self.s[:, t - 1]
                carry = da @ self.W
                below[:, t] = da @ self.U
            return below
"""


def verdicts(check_text: CheckText, text: str) -> dict[str, Verdict]:
    (prepared,) = check_text(text)
    return {p.name: p.verdict for p in prepared.check.parameters}


def test_right_one_is_judged(check_text: CheckText) -> None:
    found = verdicts(check_text, LAYER)
    assert found == dict.fromkeys(("U", "W", "V", "X"), Verdict.RIGHT)


def test_wrong_one_is_found(check_text: CheckText) -> None:
    without = "(accum_grad[:, t] @ self.V) * (1 - self.s[:, t] ** 2)"
    found = verdicts(check_text, LAYER.replace("= da @ self.U\n", f"= {without} @ self.U\n"))
    assert found == {**dict.fromkeys(("U", "W", "V"), Verdict.RIGHT), "X": Verdict.WRONG}


@pytest.mark.parametrize("returned", ["accum_grad", "carry", "np.zeros((2, 2))"])
def test_something_else_is_not_judged(check_text: CheckText, returned: str) -> None:
    found = verdicts(check_text, LAYER.replace("return below", f"return {returned}"))
    assert found == dict.fromkeys(("U", "W", "V"), Verdict.RIGHT)
