"""What becomes of a submission's step: run in a child, compared here, called by the words of grades.csv."""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import Failure, Job, Module, Outcome, Scenario
from tests.hostile.ground import EXPECTED, HOSTILE

_PROGRAM = """
next_h, next_c, cache = lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)
gradients = lstm_step_backward(dnext_h, dnext_c, cache)
"""
_ARGUMENTS = ("x", "prev_h", "prev_c", "Wx", "Wh", "b")


def run(runner: Runner, name: str, text: str) -> Outcome:
    """One step forward and back; what never ends is given half a second."""
    scenario = Scenario(_PROGRAM, _holes(), ("next_h", "next_c", *(f"gradients[{k}]" for k in range(6))))
    seconds = 0.5 if EXPECTED[name]["status"] == "timeout" else 20.0
    module = Module("rnn_layers.py", text, ("rnn_layers",))
    return runner.run(
        Job((module,), 0, (scenario,), imports_of_user=("autograd",), seconds=seconds, memory_mb=256)
    )


def status(outcome: Outcome) -> str:
    """What grading calls it."""
    if outcome.trouble is not None:
        return str(outcome.trouble.failure)
    if outcome.attempts:
        return "violation"
    (ran,) = outcome.runs
    if ran.trouble is not None and ran.trouble.failure is Failure.MEMORY:
        return "memory"
    if ran.trouble is not None and ran.trouble.exception in ("SystemExit", "RecursionError"):
        return "crash"
    return "ok" if is_right(outcome) else "wrong"


def is_right(outcome: Outcome) -> bool:
    """Whether every value is the true one."""
    if not outcome.runs or outcome.runs[0].trouble is not None:
        return False
    got, true = outcome.runs[0].values, _truth()
    return len(got) == len(true) and all(map(_equal, got, true))


def _equal(got: Any, true: NDArray[np.float64]) -> bool:
    return type(got) is np.ndarray and got.shape == true.shape and np.allclose(got, true, 1e-6, 1e-8)


@cache
def _holes() -> dict[str, NDArray[np.float64]]:
    numbers = np.random.default_rng(11)
    N, D, H = 2, 3, 4
    shapes = {
        "x": (N, D), "prev_h": (N, H), "prev_c": (N, H), "Wx": (D, 4 * H), "Wh": (H, 4 * H), "b": (4 * H,),
        "dnext_h": (N, H), "dnext_c": (N, H),
    }  # fmt: skip
    return {name: numbers.normal(0, 0.5, shape) for name, shape in shapes.items()}


@cache
def _truth() -> tuple[NDArray[np.float64], ...]:
    """The honest submission's values, by central differences (its own backward pass is not asked)."""
    spec = importlib.util.spec_from_file_location("honest", HOSTILE / "honest" / "rnn_layers.py")
    assert spec is not None and spec.loader is not None
    honest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(honest)
    holes = {name: array.copy() for name, array in _holes().items()}
    arguments = [holes[name] for name in _ARGUMENTS]

    def loss() -> float:
        h, c, _ = honest.lstm_step_forward(*arguments)
        return float(np.sum(h * holes["dnext_h"]) + np.sum(c * holes["dnext_c"]))

    next_h, next_c, _ = honest.lstm_step_forward(*arguments)
    return next_h, next_c, *(_differences(loss, array) for array in arguments)


def _differences(loss: Any, array: NDArray[np.float64]) -> NDArray[np.float64]:
    gradient = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + 1e-5
        above = loss()
        array[index] = kept - 1e-5
        gradient[index] = (above - loss()) / 2e-5
        array[index] = kept
    return gradient
