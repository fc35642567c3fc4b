"""No rule calls a right backward pass wrong, whatever equations the cell has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rnnlint.findings import Severity

CELL = """
import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def forward(xs, P):
    h, c = np.zeros(4), np.zeros(4)
    hs, tape = [], []
    for x in xs:
        z = np.concatenate([h, x])
        f, i, o = sigmoid(P["Wf"] @ z), sigmoid(P["Wi"] @ z), sigmoid(P["Wo"] @ z)
        g = np.tanh(P["Wg"] @ z)
        before = c
        c = <c>
        h = <h>
        hs.append(h)
        tape.append((z, f, i, o, g, before, c))
    return hs, tape


def backward(dhs, tape, P):
    dWf, dWi, dWo, dWg = (np.zeros_like(P[name]) for name in ("Wf", "Wi", "Wo", "Wg"))
    dh_next, dc_next = np.zeros(4), np.zeros(4)
    for t in reversed(range(len(tape))):
        z, f, i, o, g, before, c = tape[t]
        dh = dhs[t] + dh_next
        dc = dc_next + <dc>
        do = <do> * o * (1 - o)
        di = <di> * i * (1 - i)
        df = <df> * f * (1 - f)
        dg = <dg> * (1 - g ** 2)
        dWf += np.outer(df, z)
        dWi += np.outer(di, z)
        dWo += np.outer(do, z)
        dWg += np.outer(dg, z)
        dh_next = (P["Wf"].T @ df + P["Wi"].T @ di + P["Wo"].T @ do + P["Wg"].T @ dg)[:4]
        dc_next = <carry>
    return {"Wf": dWf, "Wi": dWi, "Wo": dWo, "Wg": dWg}
"""
LSTM = {
    "c": "f * c + i * g",
    "h": "o * np.tanh(c)",
    "dc": "dh * o * (1 - np.tanh(c) ** 2)",
    "do": "dh * np.tanh(c)",
    "di": "dc * g",
    "df": "dc * before",
    "dg": "dc * i",
    "carry": "dc * f",
}
VARIANTS = {
    "the cell state beside its output": {
        "h": "o * np.tanh(c) + c / 2",
        "dc": "dh * o * (1 - np.tanh(c) ** 2) + dh / 2",
    },
    "its square beside its output": {
        "h": "o * np.tanh(c) + c ** 2",
        "dc": "dh * (o * (1 - np.tanh(c) ** 2) + 2 * c)",
    },
    "an exponential beside its output": {
        "h": "o * np.tanh(c) + np.exp(c)",
        "dc": "dh * (o * (1 - np.tanh(c) ** 2) + np.exp(c))",
    },
    "a gate in a divisor": {
        "h": "o * c / (1 + i)",
        "dc": "dh * o / (1 + i)",
        "do": "dh * c / (1 + i)",
        "di": "(dc * g - dh * o * c / (1 + i) ** 2)",
    },
    "the slope of tanh as a divisor": {"dc": "dh * o / np.cosh(c) ** 2"},
    "a scaled cell state": {
        "h": "o * np.tanh(c / 3)",
        "dc": "dh * o * (1 - np.tanh(c / 3) ** 2) / 3",
        "do": "dh * np.tanh(c / 3)",
    },
    "an arc tangent": {
        "h": "o * np.arctan(c)",
        "dc": "dh * o / (1 + c * c)",
        "do": "dh * np.arctan(c)",
    },
    "a sine": {"h": "o * np.sin(c)", "dc": "dh * o * np.cos(c)", "do": "dh * np.sin(c)"},
    "a softplus": {
        "h": "o * np.log1p(np.exp(c))",
        "dc": "dh * o * sigmoid(c)",
        "do": "dh * np.log1p(np.exp(c))",
    },
    "a leaky unit": {
        "h": "o * np.where(c > 0, c, 0.1 * c)",
        "dc": "dh * o * np.where(c > 0, 1, 0.1)",
        "do": "dh * np.where(c > 0, c, 0.1 * c)",
    },
    "a mean of old and new": {
        "c": "(f * c + i * g) / (f + i)",
        "df": "dc * (before - c) / (f + i)",
        "di": "dc * (g - c) / (f + i)",
        "dg": "dc * i / (f + i)",
        "carry": "dc * f / (f + i)",
    },
    "halves": {
        "c": "(f * c + i * g) / 2",
        "df": "dc * before / 2",
        "di": "0.5 * dc * g",
        "dg": "dc * i / 2",
        "carry": "dc * f / 2",
    },
}


def _text(changes: Mapping[str, str]) -> str:
    text = CELL
    for name, equation in {**LSTM, **changes}.items():
        text = text.replace(f"<{name}>", equation)
    return text


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_a_right_cell_of_other_equations_has_no_error(changes: Mapping[str, str], lint_text: Any) -> None:
    text = _text(changes)
    assert _largest_error(text) < 1e-6
    _, findings = lint_text(text)
    assert not [(each.code, each.span.line) for each in findings if each.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"dc": "dh * o / np.cosh(o) ** 2"}, "RNN205"), ({"carry": "dc / 2"}, "RNN210")],
    ids=["the slope of another value as a divisor", "a half for the forget gate"],
)
def test_a_wrong_one_has(wrong: Mapping[str, str], code: str, lint_text: Any) -> None:
    text = _text(wrong)
    assert _largest_error(text) > 1e-2
    _, findings = lint_text(text)
    assert code in {each.code for each in findings if each.severity is Severity.ERROR}


def _largest_error(text: str) -> float:
    """Of the backward pass against central differences of the forward pass, as ‖g − ĝ‖ / ‖ĝ‖."""
    program: dict[str, Any] = {}
    exec(compile(text, "cell.py", "exec"), program)  # a text of this file
    random = np.random.default_rng(3)
    parameters = {name: random.normal(size=(4, 7)) / 2 for name in ("Wf", "Wi", "Wo", "Wg")}
    xs, cotangents = random.normal(size=(3, 3)), random.normal(size=(3, 4))

    def loss() -> float:
        return float(np.sum(cotangents * np.array(program["forward"](xs, parameters)[0])))

    gradients = program["backward"](cotangents, program["forward"](xs, parameters)[1], parameters)
    errors = []
    for name, weights in parameters.items():
        expected = np.zeros_like(weights)
        for place in np.ndindex(weights.shape):
            held = weights[place]
            ends = []
            for weights[place] in (held + 1e-6, held - 1e-6):
                ends.append(loss())
            weights[place] = held
            expected[place] = (ends[0] - ends[1]) / 2e-6
        errors.append(np.linalg.norm(gradients[name] - expected) / np.linalg.norm(expected))
    return max(errors)
