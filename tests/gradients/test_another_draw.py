"""What the first numbers drawn do not decide: other numbers, other layouts, more sequences than steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Status, Verdict

CheckText = Callable[..., list[PreparedCheck]]

VALVE = """
    import numpy as np


    def sigma(a, slope=False):
        s = 1.0 / (1.0 + np.exp(-a))
        return s * (1.0 - s) if slope else s


    class Valve:
        def __init__(self, size):
            self.W = 0.3 * np.random.randn(size, size)
            self.b = np.zeros((1, size))

        def forward(self, x, h_prev):
            self.x, self.h_prev = x, h_prev
            self.a = x @ self.W + h_prev @ self.W + self.b
            self.s = sigma(self.a)
            return self.s

        def backward(self, ds):
            da = ds * sigma(self.a, slope=True)
            self.dW = (self.x + self.h_prev).T @ da
            self.db = da.sum(axis=0, keepdims=True)
            return da @ self.W.T
    """
"""The input is as long as the state: at the smallest sizes a bias is two numbers, and tells nothing."""

MODEL = """
    import numpy as np


    class Chain:
        def __init__(self, classes, hidden):
            self.classes, self.hidden = classes, hidden
            self.W = 0.3 * np.random.randn(classes + hidden, hidden)
            self.V = 0.3 * np.random.randn(hidden, classes)
            self.kept = []

        def __call__(self, x, y):
            return self.forward(x, y)

        def forward(self, x, y):
            T, N, _ = x.shape
            probs, costs = np.zeros((T, N, self.classes)), np.zeros(T)
            h = np.zeros((N, self.hidden))
            for t in range(T):
                xh = np.hstack((x[t], h))
                h = np.tanh(xh @ self.W)
                scores = h @ self.V
                e = np.exp(scores - scores.max(axis=1, keepdims=True))
                probs[t] = e / e.sum(axis=1, keepdims=True)
                costs[t] = -np.sum(y[t] * np.log(probs[t])) / N
                self.kept.append((xh, h, y[t]))
            return probs, costs

        def backward(self, out):
            T, N, _ = out.shape
            self.dW, self.dV = np.zeros_like(self.W), np.zeros_like(self.V)
            carry = np.zeros((N, self.hidden))
            for t in reversed(range(T)):
                xh, h, y = self.kept.pop()
                err = (out[t] - y) / N
                self.dV += h.T @ err
                da = (err @ self.V.T + carry) * (1 - h**2)
                self.dW += xh.T @ da
                carry = da @ self.W[self.classes:].T


    def fit(model, data, steps):
        for x, y in data:
            guessed, costs = model(x, y)
            model.backward(guessed)
            model.W -= 0.1 * model.dW
            model.V -= 0.1 * model.dV


    model = Chain(classes=30, hidden=16)
    """


def said(checks: list[PreparedCheck]) -> dict[str, Verdict]:
    (made,) = checks
    assert made.check.status is Status.CHECKED
    return {p.name: p.verdict for p in made.check.parameters}


@pytest.mark.parametrize("seed", range(4))
def test_direction_tells_on_more_numbers(check_text: CheckText, seed: int) -> None:
    wrong = VALVE.replace("sigma(self.a, slope=True)", "sigma(self.s, slope=True)")
    assert said(check_text(wrong, seed=seed)) == {"W": Verdict.WRONG, "b": Verdict.WRONG}


def test_right_gradient_needs_no_other_numbers(check_text: CheckText) -> None:
    assert said(check_text(VALVE)) == {"W": Verdict.RIGHT, "b": Verdict.RIGHT}


def test_call_of_the_object_is_a_call_of_its_forward(check_text: CheckText) -> None:
    assert set(said(check_text(MODEL)).values()) == {Verdict.RIGHT}


@pytest.mark.parametrize("seed", range(3))
def test_step_looked_up_among_sequences(check_text: CheckText, seed: int) -> None:
    """With ``out`` bound anew, the next step indexes a row of the last one's error: an error where there are
    fewer sequences than steps, and a wrong gradient otherwise."""
    wrong = MODEL.replace("err = (out[t] - y) / N", "out = err = (out[t] - y) / N")
    assert said(check_text(wrong, seed=seed)) == {"W": Verdict.WRONG, "V": Verdict.WRONG}


ZIPPED = """
    import numpy as np


    class Net:
        def __init__(self, classes, hidden):
            self.W = np.random.randn(hidden, hidden + classes) * 0.1
            self.V = np.random.randn(classes, hidden) * 0.1

        def loss_and_grads(self, inputs, targets):
            h, steps = np.zeros((len(self.W), 1)), []
            for ix in inputs:
                x = np.zeros((len(self.V), 1))
                x[ix] = 1
                hx = np.vstack((h, x))
                h = np.tanh(self.W @ hx)
                e = np.exp(self.V @ h)
                steps.append((hx, h, e / e.sum()))
            loss, dW, dV = 0.0, np.zeros_like(self.W), np.zeros_like(self.V)
            dh = np.zeros_like(h)
            for (hx, h, p), target in list(map(lambda s, t: (s, t), steps, targets))[::-1]:
                loss -= np.log(p[target, 0])
                dy = p.copy()
                dy[target] -= 1
                dV += dy @ h.T
                da = (self.V.T @ dy + dh) * (1 - h**2)
                dW += da @ hx.T
            return loss, dW, dV
    """
"""Nothing flows back; and nothing says that there is a target for each step."""


@pytest.mark.parametrize("seed", range(2))
def test_what_is_right_over_one_step_of_several_is_not_yet_right(check_text: CheckText, seed: int) -> None:
    assert said(check_text(ZIPPED, seed=seed)) == {"W": Verdict.WRONG, "V": Verdict.RIGHT}


EMBEDDED = """
    import numpy as np


    class Reader:
        def __init__(self, vocab, emb, hidden):
            self.E = 0.1 * np.random.randn(vocab, emb)
            self.W = 0.1 * np.random.randn(emb + hidden, hidden)

        def loss_and_grad(self, words, targets):
            N, T = words.shape
            h, steps, loss = np.zeros((N, self.W.shape[1])), [], 0.0
            for t in range(T):
                xh = np.hstack((self.E[words[:, t]], h))
                h = np.tanh(xh @ self.W)
                steps.append((xh, h))
                loss += 0.5 * np.sum((h.sum(axis=1) - targets[:, t]) ** 2)
            dE, dW, dh = np.zeros_like(self.E), np.zeros_like(self.W), np.zeros_like(h)
            for t in reversed(range(T)):
                xh, h = steps[t]
                da = (dh + (h.sum(axis=1) - targets[:, t])[:, None]) * (1 - h**2)
                dW += xh.T @ da
                dxh = da @ self.W.T
                dE[words[:, t]] += dxh[:, :self.E.shape[1]]
                dh = dxh[:, self.E.shape[1]:]
            return loss, dE, dW
    """
"""Right unless two sequences read the same word at one step: of two equal rows only one is added."""


@pytest.mark.parametrize("seed", range(6))
def test_two_sequences_read_the_same_word_at_one_step(check_text: CheckText, seed: int) -> None:
    assert said(check_text(EMBEDDED, seed=seed)) == {"E": Verdict.WRONG, "W": Verdict.RIGHT}
