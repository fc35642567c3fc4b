"""The way back, statement by statement and step by step: where a backward pass first goes wrong."""

from __future__ import annotations

from pathlib import Path

from rnnlint.api import Request, check
from rnnlint.config import Config
from rnnlint.results import RunOptions
from rnnlint.verdicts import GradientCheck, StepState

PROGRAM = """import numpy as np


def forward(x, h, W, U):
    states = [h]
    for step in x:
        states.append(np.tanh(W @ states[-1] + U @ step))
    return states[-1], (x, states, W, U)


def backward(dh, cache):
    x, states, W, U = cache
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    for t in reversed(range(len(x))):
        da = dh * (1 - states[t + 1] ** 2)
        dW += np.outer(da, states[t])
        dU += np.outer(da, x[t])
        dh = W.T @ da
    return dW, dU
"""
DERIVATIVE, OF_W, OF_U, CARRY = 15, 16, 17, 18


def checked(folder: Path, text: str, *, walk: bool = True) -> GradientCheck:
    path = folder / "rnn.py"
    path.write_text(text, encoding="utf-8")
    (only,) = check([Request(path)], RunOptions(seed=7, walk=walk), Config(folder)).checks
    return only


def walked(folder: Path, text: str) -> dict[int, list[StepState | None]]:
    return {row.line: list(row.states) for row in checked(folder, text).walk}


def test_a_wrong_derivative_is_first_wrong_once_and_carried_on(tmp_path: Path) -> None:
    rows = walked(tmp_path, PROGRAM.replace("(1 - states[t + 1] ** 2)", "states[t + 1]"))
    steps = len(rows[DERIVATIVE])
    assert steps >= 3
    carried = [StepState.WRONG] * (steps - 1)
    assert rows[DERIVATIVE] == [StepState.FIRST_WRONG, *carried]
    for line in (OF_W, OF_U, CARRY):
        assert rows[line] == [StepState.WRONG, *carried]


def test_a_wrong_carry_spoils_only_the_steps_after_it(tmp_path: Path) -> None:
    rows = walked(tmp_path, PROGRAM.replace("dh = W.T @ da", "dh = W @ da"))
    assert rows[DERIVATIVE][0] is StepState.TRUE
    assert rows[CARRY][0] is StepState.FIRST_WRONG
    assert set(rows[DERIVATIVE][1:]) == {StepState.WRONG}


def test_a_right_pass_is_not_walked(tmp_path: Path) -> None:
    right = checked(tmp_path, PROGRAM)
    assert right.judged
    assert (right.wrong, right.walk) == ((), ())


def test_nobody_is_walked_unasked(tmp_path: Path) -> None:
    wrong = checked(tmp_path, PROGRAM.replace("dh = W.T @ da", "dh = W @ da"), walk=False)
    assert wrong.wrong
    assert wrong.walk == ()
