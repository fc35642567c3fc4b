"""Which loss a gradient belongs to, where the program keeps only a part of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Reason, Status, Verdict

CheckText = Callable[..., list[PreparedCheck]]

LAST_COST_IS_KEPT = """
    import numpy as np


    class Head:
        def forward(self, scores, y):
            scores = scores - scores.max(axis=1, keepdims=True)
            self.p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            self.y = y
            self.cost = -np.sum(y * np.log(self.p)) / y.shape[0]

        def backward(self):
            return (self.p - self.y) / self.y.shape[0]


    class Chain:
        def __init__(self, classes, hidden):
            self.classes, self.hidden = classes, hidden
            self.W = 0.3 * np.random.randn(classes + hidden, hidden)
            self.V = 0.3 * np.random.randn(hidden, classes)
            self.head = Head()

        def forward(self, x, y):
            T, N, _ = x.shape
            self.kept, self.costs = [], []
            h = np.zeros((N, self.hidden))
            for t in range(T):
                xh = np.hstack((x[t], h))
                h = np.tanh(xh @ self.W)
                self.head.forward(h @ self.V, y[t])
                self.kept.append((xh, h, self.head.backward()))

        def backward(self):
            self.dW, self.dV = np.zeros_like(self.W), np.zeros_like(self.V)
            carry = 0.0
            while self.kept:
                xh, h, err = self.kept.pop()
                self.dV += h.T @ err
                da = (err @ self.V.T + carry) * (1 - h**2)
                self.dW += xh.T @ da
                carry = da @ self.W[self.classes:].T
    """


@pytest.mark.parametrize("seed", range(3))
def test_cost_of_the_last_step_is_not_the_loss_of_all(check_text: CheckText, seed: int) -> None:
    """Over one step every gradient is the kept cost's; over more, of which only the last one's is kept, none
    is, and none is wrong."""
    (made,) = check_text(LAST_COST_IS_KEPT, seed=seed)
    assert made.check.status is Status.NOT_CHECKED
    assert made.check.reason_code is Reason.NO_ORACLE


def test_costs_of_all_steps_in_the_list_that_is_returned(check_text: CheckText) -> None:
    kept = LAST_COST_IS_KEPT.replace(
        "self.kept.append((xh, h, self.head.backward()))",
        "self.kept.append((xh, h, self.head.backward()))\n"
        "                self.costs.append(self.head.cost)\n"
        "            return h, self.costs",
    )
    (made,) = check_text(kept)
    assert {p.verdict for p in made.check.parameters} == {Verdict.RIGHT}
