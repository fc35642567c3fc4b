"""One step's backward pass that holds a loss of its own and takes the carry from the step after it."""

from __future__ import annotations

import pytest

from rnnlint.gradients import prepare
from rnnlint.model.project import Project
from rnnlint.sandbox import Runner
from rnnlint.source import read_source
from rnnlint.verdicts import Status

STEP = """
import numpy as np

def sigmoid(a):
    return 1 / (1 + np.exp(-a))

def forward(x, h_prev, c_prev, W_f, W_i, W_g, W_o, W_y):
    z = np.concatenate((h_prev, x), axis=0)
    f, i, g, o = sigmoid(W_f @ z), sigmoid(W_i @ z), np.tanh(W_g @ z), sigmoid(W_o @ z)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    scores = W_y @ h
    e = np.exp(scores - scores.max())
    p = e / e.sum()
    return z, f, i, g, c, o, h, scores, p

def backward(target, dh_next, dc_next, c_prev, z, f, i, g, c, o, h, scores, p, W_f, W_i, W_g, W_o, W_y):
    dy = np.copy(p)
    dy[target] -= 1
    dW_y = dy @ h.T
    dh = W_y.T @ dy + dh_next
    do = dh * np.tanh(c) * o * (1 - o)
    dc = dc_next + dh * o * (1 - np.tanh(c) ** 2)
    dg, di, df = dc * i * (1 - g * g), dc * g * i * (1 - i), dc * c_prev * f * (1 - f)
    dW_f, dW_i, dW_g, dW_o = df @ z.T, di @ z.T, dg @ z.T, do @ z.T
    dz = W_f.T @ df + W_i.T @ di + W_g.T @ dg + W_o.T @ do
    return dz[: h.shape[0], :], dc * f, dW_f, dW_i, dW_g, dW_o, dW_y
"""


@pytest.mark.parametrize("seed", range(6))
def test_it_is_never_called_wrong_whatever_was_drawn(tmp_path, seed):
    file = tmp_path / "step.py"
    file.write_text(STEP)
    source = read_source(file)
    with Runner() as runner:
        (prepared,) = prepare(Project.of(source), source, runner, seed=seed)
    check = prepared.check
    assert check.status is not Status.NOT_CHECKED, check.reason
    assert [parameter.name for parameter in check.wrong] == []
    assert {"W_f", "W_i", "W_g", "W_o", "W_y"} <= {parameter.name for parameter in check.judged}
