"""Which loss a gradient belongs to, where the program keeps only a part of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.diagnosis.measured import measured_findings
from rnnlint.findings import Severity
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


LOSS_BESIDE_PROBABILITIES = """
import numpy as np

def loss_and_gradients(x, targets, h0, Wx, Wh, Wy, b, by):
    T, N, D = x.shape
    hs, ps, loss = {-1: h0}, {}, 0.0
    for t in range(T):
        hs[t] = np.tanh(x[t] @ Wx + hs[t - 1] @ Wh + b)
        e = np.exp(hs[t] @ Wy + by)
        ps[t] = e / e.sum(axis=1, keepdims=True)
        loss += ADDED
    dWx, dWh, dWy, db, dby = (np.zeros_like(p) for p in (Wx, Wh, Wy, b, by))
    carry = np.zeros_like(h0)
    for t in reversed(range(T)):
        dv = ps[t] - targets[t]
        dWy += hs[t].T @ dv
        dby += dv.sum(axis=0)
        da = (dv @ Wy.T + carry) * (1 - hs[t] ** 2)
        dWx += x[t].T @ da
        dWh += hs[t - 1].T @ da
        db += da.sum(axis=0)
        carry = da @ Wh.T
    return GIVEN, dWx, dWh, dWy, db, dby
"""
CROSS_ENTROPY = "-np.sum(targets[t] * np.log(ps[t]))"
SQUARES = "0.5 * np.sum((ps[t] - targets[t]) ** 2)"


def beside(added: str, given: str = "loss, ps") -> str:
    return LOSS_BESIDE_PROBABILITIES.replace("ADDED", added).replace("GIVEN", given)


@pytest.mark.parametrize("given", ["loss, ps", "ps, loss"])
def test_gradients_of_another_loss_than_the_one_given(check_text: CheckText, given: str) -> None:
    """p − y is cross-entropy's gradient: a loss of squares beside it is not passed over in silence."""
    (made,) = check_text(beside(SQUARES, given))
    assert {p.verdict for p in made.check.parameters} == {Verdict.RIGHT}
    assert made.check.other_loss is not None
    assert "not those of `loss`" in made.check.other_loss
    assert "cross-entropy of the forward's probabilities" in made.check.other_loss
    (finding,) = measured_findings([made.check], [])
    assert (finding.code, finding.severity) == ("RNN910", Severity.WARNING)


def test_a_penalty_without_a_gradient_is_said(check_text: CheckText) -> None:
    (made,) = check_text(beside(CROSS_ENTROPY + " + 0.01 * np.sum(Wx ** 2)"))
    assert made.check.other_loss is not None
    assert made.check.other_loss.endswith("those of Wx would be wrong.")


@pytest.mark.parametrize(
    "added",
    [
        CROSS_ENTROPY,
        CROSS_ENTROPY + " / N",
        "np.mean(ps[t].argmax(axis=1) != targets[t].argmax(axis=1))",
    ],
    ids=["the same", "its mean", "a count that has no slope"],
)
def test_a_number_that_agrees_or_is_no_loss_is_not_spoken_of(check_text: CheckText, added: str) -> None:
    (made,) = check_text(beside(added))
    assert not made.check.wrong
    assert made.check.other_loss is None


def test_a_wrong_loss_that_alone_is_given_makes_the_gradients_wrong(check_text: CheckText) -> None:
    (made,) = check_text(beside(SQUARES, "loss"))
    assert {p.verdict for p in made.check.parameters} == {Verdict.WRONG}
    assert made.check.other_loss is None


def test_the_loss_of_one_step_is_not_spoken_of(check_text: CheckText) -> None:
    (made,) = check_text(beside(CROSS_ENTROPY).replace("loss +=", "loss ="))
    assert not made.check.wrong
    assert made.check.other_loss is None
