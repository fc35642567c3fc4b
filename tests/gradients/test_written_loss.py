"""The factor between a gradient and the loss that a training loop writes beside the two calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.gradients import prepare
from rnnlint.model.project import Project
from rnnlint.sandbox import Runner
from rnnlint.source import read_source
from rnnlint.verdicts import Verdict

PASSES = """
import numpy as np

def forward(xs, h_prev, W, V):
    hs, ys = {-1: h_prev}, {}
    for t in range(len(xs)):
        hs[t] = np.tanh(W @ np.vstack((hs[t - 1], xs[t])))
        scores = V @ hs[t]
        e = np.exp(scores - scores.max())
        ys[t] = e / e.sum()
    return hs, ys

def backward(xs, hs, ys, targets, W, V):
    dW, dV = np.zeros_like(W), np.zeros_like(V)
    dh_next = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dy = ys[t] - targets[t]
        dV += dy @ hs[t].T
        da = (V.T @ dy + dh_next) * (1 - hs[t] ** 2)
        dW += da @ np.vstack((hs[t - 1], xs[t])).T
        dh_next = (W.T @ da)[: hs[t].shape[0]]
    return dW, dV

def train(xs, targets, W, V):
    h_prev = np.zeros((V.shape[1], 1))
    hs, ys = forward(xs, h_prev, W, V)
    total = 0
    for t in range(len(xs)):
        LOSS
    dW, dV = backward(xs, hs, ys, targets, W, V)
    W -= 0.01 * dW
    V -= 0.01 * dV
    return total
"""


def checked(tmp_path: Path, loss: str):
    file = tmp_path / "rnn.py"
    file.write_text(PASSES.replace("LOSS", loss))
    source = read_source(file)
    with Runner() as runner:
        (prepared,) = prepare(Project.of(source), source, runner, seed=3)
    return prepared.check


@pytest.mark.parametrize(
    ("loss", "scale", "name"),
    [
        ("total += -np.sum(targets[t] * np.log(ys[t]))", 1.0, None),
        ("total += -np.mean(targets[t] * np.log(ys[t]))", None, "V"),
        ("total += -np.sum(targets[t] * np.log(ys[t])) / len(xs)", None, "T"),
    ],
)
def test_the_factor_is_named_and_harmless(tmp_path, loss, scale, name):
    check = checked(tmp_path, loss)
    assert check.scale_name == name
    assert (check.scale == pytest.approx(1.0)) is (scale == 1.0)
    assert {p.name: p.verdict for p in check.parameters if p.name in "WV"} == {
        "W": Verdict.RIGHT,
        "V": Verdict.RIGHT,
    }


def test_a_loss_that_is_no_multiple_of_the_gradients_is_not_named(tmp_path):
    check = checked(tmp_path, "total += -np.sum(targets[t] * np.log(ys[t])) + 0.1 * np.sum(V ** 2)")
    assert check.scale_name is None
