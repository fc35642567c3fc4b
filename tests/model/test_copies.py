"""What is kept as a copy is the value that it is a copy of."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from rnnlint.findings import Severity
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.source import read_source

KEPT_AS_COPIES = """
    import copy
    import numpy as np
    from copy import deepcopy

    def slope(y):
        return 1 - y ** 2

    W, V = np.random.randn(9, 7), np.random.randn(7, 1)
    for turn in range(1000):
        dW, dV = np.zeros_like(W), np.zeros_like(V)
        x, y = np.random.randn(6, 1, 2), np.random.randn(6, 1, 1)
        rows, states, misses = [], [np.zeros((1, 7))], []
        for place in range(6):
            row = np.hstack((x[place], states[-1]))
            state = np.tanh(np.dot(row, W))
            misses.append(np.dot(state, V) - y[place])
            rows.append(deepcopy(row))
            states.append(copy.deepcopy(state))
        later = np.zeros((1, 7))
        for place in range(6):
            state, row, miss = states[-place - 1], rows[-place - 1], misses[-place - 1]
            dV += state.T.dot(miss)
            da = (miss.dot(V.T) + later) * slope(state)
            dW += row.T.dot(da)
            later = da.dot(W.T)[:, 2:]
        W -= 0.1 * dW
        V -= 0.1 * dV
    """


def errors_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "program.py"
    path.write_text(dedent(text))
    source = read_source(path)
    return [f.code for f in lint(Project.of(source), source) if f.severity is Severity.ERROR]


def test_states_kept_as_copies_are_read_back_as_they_are(tmp_path: Path) -> None:
    assert errors_of(tmp_path, KEPT_AS_COPIES) == []


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("slope(state)", "slope(np.tanh(state))", "RNN203"),
        ("states[-place - 1], rows", "states[-place - 2], rows", "RNN102"),
    ],
)
def test_mistake_about_a_state_kept_as_a_copy_is_seen(
    tmp_path: Path, right: str, wrong: str, code: str
) -> None:
    assert code in errors_of(tmp_path, KEPT_AS_COPIES.replace(right, wrong))
