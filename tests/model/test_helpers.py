"""What a helper computes is decided by evaluating its body, not by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.model.helpers import Computes
from tests.model.programs import model_in, model_of

SIGMOIDS = {
    "plain": "return 1 / (1 + np.exp(-x))",
    "tanh's": "return 0.5 * (1 + np.tanh(x / 2))",
    "guarded": "x_safe = x + 1e-12\n    return 1.0 / (1.0 + np.exp(-x_safe))",
    "where": "return np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x)))",
    "masks": (
        "positive = x >= 0\n    z = np.zeros_like(x)\n    z[positive] = np.exp(-x[positive])\n"
        "    z[~positive] = np.exp(x[~positive])\n    top = np.ones_like(x)\n"
        "    top[~positive] = z[~positive]\n    return top / (1 + z)"
    ),
}


def computes(body: str, parameters: str = "x") -> Computes | None:
    model = model_of(f"import numpy as np\n\n\ndef helper({parameters}):\n    {body}\n")
    contract = model.helpers["helper"].contract
    return contract.computes if contract else None


@pytest.mark.parametrize("body", [SIGMOIDS[k] for k in ("plain", "tanh's", "guarded", "where")])
def test_sigmoid_is_known_however_it_is_written(body: str):
    assert computes(body) is Computes.SIGMOID


def test_sigmoid_by_two_masks_is_known():
    body = (
        SIGMOIDS["masks"]
        .replace("~positive", "negative")
        .replace("z = np.zeros_like", "negative = x < 0\n    z = np.zeros_like")
    )
    assert computes(body) is Computes.SIGMOID


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return np.tanh(x)", Computes.TANH),
        ("return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))", Computes.TANH),
        ("return 1 - np.tanh(x) ** 2", Computes.TANH_SLOPE),
        ("return 1 - np.square(x)", Computes.TANH_SLOPE_OF_OUTPUT),
        ("return x * (1 - x)", Computes.SIGMOID_SLOPE_OF_OUTPUT),
        ("s = 1 / (1 + np.exp(-x))\n    return s - s * s", Computes.SIGMOID_SLOPE),
        ("return np.maximum(0, x)", Computes.RELU),
        ("return (x > 0) * 1.0", Computes.RELU_SLOPE),
        ("return x.copy()", Computes.IDENTITY),
        ("e = np.exp(x - np.max(x))\n    return e / e.sum()", Computes.SOFTMAX),
        ("return np.exp(x)", None),
    ],
)
def test_functions_are_known_by_their_values(body: str, expected: Computes | None):
    assert computes(body) is expected


def test_a_wrong_name_does_not_deceive():
    model = model_of("import numpy as np\n\n\ndef sigmoid_derivative(x):\n    return np.tanh(x)\n")
    contract = model.helpers["sigmoid_derivative"].contract
    assert contract is not None and contract.computes is Computes.TANH


def test_a_helper_of_a_global_has_no_contract():
    assert computes("return x * scale") is None


def test_a_helper_with_a_loop_has_no_contract():
    assert computes("for row in x:\n        row += 1\n    return x") is None


def test_a_helper_that_calls_itself_ends():
    assert computes("return helper(x)") is None


def test_helpers_of_siblings_are_read(tmp_path: Path):
    files = {
        "lib/activations.py": "import numpy as np\n\n\ndef act(x):\n    return np.tanh(x)\n",
        "lib/__init__.py": "",
        "main.py": "from lib.activations import act as squash\n",
    }
    contract = model_in(tmp_path, files, "main.py").helpers["squash"].contract
    assert contract is not None and contract.computes is Computes.TANH


def test_helpers_by_star_import_are_read(tmp_path: Path):
    files = {
        "tools.py": "import numpy as np\n\n\ndef sig(x):\n    return 1 / (1 + np.exp(-x))\n",
        "main.py": "from tools import *\n",
    }
    contract = model_in(tmp_path, files, "main.py").helpers["sig"].contract
    assert contract is not None and contract.computes is Computes.SIGMOID


def test_a_lambda_is_a_helper_inside_a_pass():
    from tests.model.programs import backward_of

    bptt = backward_of(
        "import numpy as np\n\nslope = lambda y: 1 - y ** 2\n\n\n"
        "def loss(xs, dhs, h0, W_x, W_h):\n"
        "    hs = {-1: h0}\n"
        "    for t in range(len(xs)):\n"
        "        hs[t] = np.tanh(W_x @ xs[t] + W_h @ hs[t - 1])\n"
        "    dW_x, dW_h = np.zeros_like(W_x), np.zeros_like(W_h)\n"
        "    dnext = np.zeros_like(h0)\n"
        "    for t in reversed(range(len(xs))):\n"
        "        da = (dhs[t] + dnext) * slope(hs[t])\n"
        "        dW_x += da @ xs[t].T\n"
        "        dW_h += da @ hs[t - 1].T\n"
        "        dnext = W_h.T @ da\n"
        "    return dW_x, dW_h\n"
    )
    assert bptt.discrepancies == ()
    assert bptt.right_gates
