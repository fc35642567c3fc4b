"""Who derives nothing is told from who derives (RNN909), by what runs and by what stands in the text."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rnnlint.api import Request, check
from rnnlint.config import load_config
from rnnlint.gradients.library import Library
from rnnlint.gradients.passes import Pass, Style
from rnnlint.gradients.underived import underived
from rnnlint.results import RunOptions
from rnnlint.sandbox.job import Ran
from tests.hostile.ground import HOSTILE


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("finite_differences", "calls lstm_step_forward() "),
        ("complex_step", "shifts single elements"),
        ("own_autodiff", "leaves the derivation to Node"),
        ("honest", None),
    ],
)
def test_a_check_says_so(name: str, said: str | None) -> None:
    path = HOSTILE / name / "rnn_layers.py"
    report = check([Request(path)], RunOptions(seed=7), load_config(path))
    (file,) = report.files
    found = [finding for finding in file.findings if finding.code == "RNN909"]
    lines = path.read_text().splitlines()
    steps = [each for each in found if "def lstm_step_backward" in lines[each.span.line - 1]]
    if said is None:
        assert found == []
    else:
        assert [said in each.message for each in steps] == [True]


def sign(text: str, **calls: int) -> str | None:
    path = Path("net.py")
    library = Library({path: ast.parse(text)})
    forward, backward = (library.functions_named(name)[0] for name in ("forward", "backward"))
    return underived(library, Pass(backward, forward, Style.PAIR), Ran(calls=calls))


FORWARD = "def forward(x, W):\n    return W @ x\n"


TAKING_DIFFERENCES = [
    """
    for i in range(W.size):
        W.flat[i] += eps
        a = loss()
        W.flat[i] -= eps
        g.flat[i] = (a - b) / eps
    """,
    """
    for i in np.ndindex(W.shape):
        old = W[i]
        W[i] = old + 1e-6
        a = loss()
        W[i] = old - 1e-6
        g[i] = (a - loss()) / (2 * 1e-6)
    """,
    """
    h = 10 ** -5
    while k < W.size:
        W[k] -= h
        g[k] = (a - loss()) / h
        k += 1
    """,
]
DERIVING = [
    """
    for i in range(9):
        m[i] += (1 - 0.9) * g[i]
        W[i] -= 0.01 * m[i] / (v[i] + 1e-8)
    """,
    """
    for i in range(9):
        s[i] += 1e-8
        g[i] = g[i] / s[i]
    """,
    """
    for t in range(9):
        h[t] = h[t] + 0.5
        g[t] = g[t] / 0.5
    """,
    """
    for t in range(9):
        dW[t] += d @ x[t].T
    dW /= 1e-3
    """,
]


@pytest.mark.parametrize("body", TAKING_DIFFERENCES)
def test_loops_that_take_differences(body: str) -> None:
    for text in (
        f"{FORWARD}eps = 1e-4\ndef backward(x, W):{body}",
        f"{FORWARD}def slopes(W, eps=1e-4):{body}\ndef backward(x, W):\n    return slopes(W)\n",
    ):
        said = sign(text)
        assert said is not None
        assert "takes differences" in said


@pytest.mark.parametrize("body", DERIVING)
def test_loops_that_do_not(body: str) -> None:
    assert sign(f"{FORWARD}def backward(x, W):{body}") is None


def test_a_gradient_check_beside_the_pass_is_none_of_its_business() -> None:
    loop = "    for i in range(9):\n        W[i] += 1e-5\n        g[i] = (loss() - b) / 1e-5\n"
    text = (
        f"{FORWARD}def gradient_check(W):\n{loop}\ndef backward(x, W):\n    gradient_check(W)\n    return x\n"
    )
    assert sign(text) is None


def test_computing_the_forward_anew_is_honest() -> None:
    assert sign(f"{FORWARD}def backward(x, W):\n    return x\n", forward=9) is None
    assert sign(f"{FORWARD}def backward(x, W):\n    return x\n", forward=200) is not None
