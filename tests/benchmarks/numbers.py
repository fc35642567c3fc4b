"""Checking the gradients of one LSTM: one scenario, by the reference, by directions, as other checkers do it.

Each checker is given the same network, V = 27 letters over T = 16 steps, written in the arrays it knows.
What would take more than a minute is worked out from the cost of its parts, and marked.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

import rnnlint
from reference_impl import lstm
from reference_impl.losses import cross_entropy_adjoint
from tests.benchmarks import scenario
from tests.benchmarks.timing import Row, print_table, seconds_in

WIDTHS = (8, 32, 128)
LETTERS, STEPS = 27, 16
TARGET = {32: "≤ 0.02 s beyond the passes"}

Parameters = Mapping[str, Any]


def network(width: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Parameters, inputs (T, V, 1) and targets (T, V, 1)."""
    draw = np.random.default_rng(1)
    shapes = {f"W_{k}": (width, width + LETTERS) for k in "figo"} | {f"b_{k}": (width, 1) for k in "figo"}
    shapes |= {"W_v": (LETTERS, width), "b_v": (LETTERS, 1)}
    parameters = {name: draw.normal(0, 0.3, shape) for name, shape in shapes.items()}
    letters = np.eye(LETTERS)[draw.integers(LETTERS, size=STEPS + 1)][:, :, None]
    return parameters, letters[:-1], letters[1:]


def loss(xp: Any, p: Parameters, inputs: Any, targets: Any, state: Any) -> Any:
    """The cross-entropy of the network's guesses, in the functions of ``xp``."""
    h, c, total = state, state, 0.0
    for x, y in zip(inputs, targets, strict=True):
        z = xp.concatenate([h, x])
        f, i, o = (1 / (1 + xp.exp(-(p[f"W_{k}"] @ z + p[f"b_{k}"]))) for k in "fio")
        c = f * c + i * xp.tanh(p["W_g"] @ z + p["b_g"])
        h = o * xp.tanh(c)
        v = p["W_v"] @ h + p["b_v"]
        total = total + xp.log(xp.exp(v).sum()) - (y * v).sum()
    return total


def rows(width: int) -> Iterator[Row]:
    """Every checker that is installed on a network of this width."""
    parameters, inputs, targets = network(width)
    state = np.zeros((width, 1))
    numbers = sum(array.size for array in parameters.values())
    reference = lstm.LSTMParameters(**parameters)

    def value(p: Parameters) -> float:
        return float(loss(np, p, inputs, targets, state))

    def passes() -> dict[str, np.ndarray]:
        trace = lstm.forward(inputs, state, state, reference)
        found = lstm.backward(trace, dv=cross_entropy_adjoint(trace.v, targets))
        return {name: getattr(found.parameters, name) for name in parameters}

    def against_reference() -> None:
        """What a checked program pays beyond its own passes: the reference's, and a comparison."""
        found, own = passes(), gradients
        worst = max(np.linalg.norm(own[n] - found[n]) / np.linalg.norm(found[n]) for n in found)
        if worst > 1e-12:
            raise ArithmeticError(f"the reference disagrees with itself by {worst}")

    gradients = passes()
    own = _median(passes)
    base = _median(against_reference)
    yield Row("the program's own passes", own, own / base)
    yield Row("rnnlint, against the reference", base, 1.0, TARGET.get(width, ""))
    directions = seconds_in(
        lambda: rnnlint.check_gradients(
            loss=value, gradients=lambda p: gradients, params=parameters
        ).raise_if_wrong()
    )
    yield Row("rnnlint.check_gradients, three directions a parameter", directions, directions / base)
    one = _median(lambda: value(parameters))
    elementwise = 2 * numbers * one
    yield Row("element by element, 2 losses a number", elementwise, elementwise / base, remark="worked out")
    for title, checker, share in _others(width):
        spent, remark = _bounded(checker, share)
        yield Row(title, spent, spent / base, remark=remark)


def _bounded(checker: Callable[[float], None], share: float) -> tuple[float, str]:
    """Seconds of the whole check; measured on a share of it and multiplied where the whole is too long."""
    if share >= 1:
        return seconds_in(lambda: checker(1.0)), ""
    return seconds_in(lambda: checker(share)) / share, f"worked out from 1/{round(1 / share)} of it"


def _median(call: Callable[[], object]) -> float:
    return float(np.median([seconds_in(call) for _ in range(7)]))


def _others(width: int) -> Iterator[tuple[str, Callable[[float], None], float]]:
    """Title, the check on a share of the weights' rows, and the share that stays within a minute."""
    share = {8: 1.0, 32: 1.0, 128: 1 / 16}[width]
    if importlib.util.find_spec("autograd"):
        yield "HIPS autograd check_grads", lambda _: _autograd(width), 1.0
    if importlib.util.find_spec("torch"):
        yield "torch.autograd.gradcheck, fast_mode", lambda _: _torch(width, 1.0, fast=True), 1.0
        yield "torch.autograd.gradcheck", lambda part: _torch(width, part, fast=False), share
    if importlib.util.find_spec("jax"):
        yield "jax.test_util.check_grads", lambda _: _jax(width), 1.0


def _autograd(width: int) -> None:
    import autograd.numpy as xp
    from autograd.test_util import check_grads

    parameters, inputs, targets = network(width)
    state = np.zeros((width, 1))
    check_grads(lambda p: loss(xp, p, inputs, targets, state), modes=["rev"], order=1)(parameters)


def _jax(width: int) -> None:
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    parameters, inputs, targets = network(width)
    state = np.zeros((width, 1))
    check_grads(lambda p: loss(jax.numpy, p, inputs, targets, state), (parameters,), order=1, modes=["rev"])


def _torch(width: int, part: float, *, fast: bool) -> None:
    import torch

    functions = SimpleNamespace(concatenate=torch.cat, exp=torch.exp, log=torch.log, tanh=torch.tanh)
    parameters, inputs, targets = network(width)
    given = {name: torch.tensor(array) for name, array in parameters.items()}
    x, y, state = torch.tensor(inputs), torch.tensor(targets), torch.zeros((width, 1), dtype=torch.float64)
    chosen = {name: array for name, array in given.items() if part >= 1 or name == "W_f"}
    if part < 1:
        rows = max(1, round(sum(a.numel() for a in given.values()) * part / given["W_f"].shape[1]))
        chosen = {"W_f": given["W_f"][:rows].clone()}
    for array in chosen.values():
        array.requires_grad_(True)

    def value(*arrays: Any) -> Any:
        now = dict(zip(chosen, arrays, strict=True))
        if part < 1:
            now["W_f"] = torch.cat([now["W_f"], given["W_f"][len(now["W_f"]) :]])
        return loss(functions, {**given, **now}, x, y, state)

    if not torch.autograd.gradcheck(value, tuple(chosen.values()), fast_mode=fast):
        raise ArithmeticError("torch calls its own gradient wrong")


def main() -> None:
    """Print a table of one scenario, then one a width."""
    print_table("One scenario at the tiny probe, solved, in a running process", scenario.rows())
    for width in WIDTHS:
        print_table(
            f"The gradients of an LSTM with H = {width}, V = {LETTERS}, T = {STEPS}", list(rows(width))
        )


if __name__ == "__main__":
    main()
