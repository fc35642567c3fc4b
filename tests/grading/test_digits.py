"""Differences taken at one go are told from what is derived by their last digits."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnlint.grading.assignment import read_assignment
from rnnlint.grading.marking import mark
from rnnlint.grading.plan import Plan
from rnnlint.grading.results import StudentResult
from rnnlint.grading.selftest import check_selftest
from rnnlint.grading.solving import make_plan
from rnnlint.sandbox import Runner
from tests.grading.cohort import FIXTURES, LAYERS
from tests.grading.conftest import SEED
from tests.grading.test_tricks import edited

Marked = Callable[[str], StudentResult]
BACKWARD = "def lstm_step_backward(dnext_h, dnext_c, cache):\n"
GATES = "        [di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)],\n"
ALL_AT_ONCE = '''

def ahead(x, prev_h, prev_c, Wx, Wh, b):
    """For one set of arguments, or for a whole stack of them."""
    a = x @ Wx + prev_h @ Wh + (b if b.ndim == 1 else b[:, None, :])
    i, f, o, g = np.split(a, 4, axis=-1)
    c = sigmoid(f) * prev_c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, b = cache[:6]
    gradients = []
    for place in range(6):
        array = cache[place]
        moved = np.eye(array.size).reshape(-1, *array.shape)
        slope = 0
        for step, weight in STEPS:
            h, c = ahead(*cache[:place], array + step * moved, *cache[place + 1 : 6])
            slope = slope + weight * (h * dnext_h + c * dnext_c).sum(axis=(1, 2))
        gradients.append(slope.reshape(array.shape))
    return tuple(gradients)
'''


def differing(text: str, steps: str) -> str:
    """The solution with a step backward that takes differences, all at one go."""
    cached = edited(text, ("(x, prev_h, prev_c, Wx, Wh, i,", "(x, prev_h, prev_c, Wx, Wh, b, i,"))
    whole = edited(cached, ("x, prev_h, prev_c, Wx, Wh, i, f, o, g, shown = cache", "pass"))
    return f"{whole}{ALL_AT_ONCE.replace('STEPS', steps)}"


def assert_is_for_a_person(result: StudentResult, said: str) -> None:
    assert result.score == result.max_score
    assert any(said in each for each in result.needs_review)
    assert "RNN909" in result.rules


HONEST = {
    "computes the forward anew": (
        (BACKWARD, f"{BACKWARD}    lstm_step_forward(*cache[:5], np.zeros(cache[3].shape[1]))\n"),
    ),
    "has a gradient check beside it": (
        (
            BACKWARD,
            "def slopes(f, W, h=1e-5):\n    dW = np.zeros_like(W)\n    for at in np.ndindex(W.shape):\n"
            "        W[at] += h\n        up = f()\n        W[at] -= 2 * h\n"
            "        dW[at] = (up - f()) / (2 * h)\n"
            f"        W[at] += h\n    return dW\n\n\n{BACKWARD}",
        ),
    ),
    "has an optimiser beside it": (
        (
            BACKWARD,
            "def adam(W, dW, m, v, rate=1e-3):\n    m[...] = 0.9 * m + 0.1 * dW\n"
            "    v[...] = 0.999 * v + 0.001 * dW**2\n"
            f"    W -= rate * m / (np.sqrt(v) + 1e-8)\n\n\n{BACKWARD}",
        ),
    ),
    "clips": (("    dx = da @ Wx.T\n", "    da = np.clip(da, -50, 50)\n    dx = da @ Wx.T\n"),),
    "divides": (("    do = dnext_h * shown\n", "    do = dnext_h * (o * shown) / o\n"),),
    "divides by what it keeps from zero": (
        ("    do = dnext_h * shown\n", "    do = dnext_h * (o * shown) / (o + 1e-9)\n"),
    ),
    "names what it keeps from zero by": (
        ("import numpy as np\n", "import numpy as np\n\nEPS = 10**-9\n"),
        ("    do = dnext_h * shown\n", "    do = dnext_h * (o * shown) / np.maximum(o + EPS, EPS)\n"),
    ),
    "keeps the sigmoid from zero, too": (
        ("    return 0.5 * (1.0 + np.tanh(0.5 * a))", "    return 1 / (1 + np.exp(-a) + 1e-10)"),
    ),
    "has a sigmoid in two halves": (
        (
            "    return 0.5 * (1.0 + np.tanh(0.5 * a))",
            "    small = np.exp(-np.abs(a))\n    return np.where(a < 0, small, 1) / (1 + small)",
        ),
    ),
    "has the tangent's slope by the cosine": (("* (1 - shown**2)", "/ np.cosh(np.arctanh(shown)) ** 2"),),
    "says float32": (
        ("    dx = da @ Wx.T\n", "    da = da.astype(np.float32)\n    dx = da @ Wx.T\n"),
        ("np.zeros_like(Wx), np.zeros_like(Wh)", "np.zeros(Wx.shape, 'f'), np.zeros_like(Wh)"),
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_derived(marked: Marked, solution: str, name: str) -> None:
    result = marked(edited(solution, *HONEST[name]))
    assert (result.score, result.needs_review) == (20, ())


def test_a_logarithm_that_is_kept_from_zero(folder_marked: Callable[..., StudentResult]) -> None:
    text = (FIXTURES / "article" / "corrected" / "backward.py").read_text(encoding="utf-8")
    old = "        dv = np.copy(outputs[t])\n        dv[np.argmax(targets[t])] -= 1\n"
    new = (
        "        y = outputs[t]\n        dy = -targets[t] / (y + 1e-9)\n"
        "        dv = y * (dy - np.sum(dy * y))\n"
    )
    result = folder_marked({"backward.py": edited(text, (old, new))})
    assert (result.score, result.needs_review) == (15, ())


@pytest.mark.parametrize(
    "steps",
    [
        "((1e-5, 0.5e5), (-1e-5, -0.5e5))",
        "((1e-7, 1e7), (0.0, -1e7))",
        "[(s * np.cbrt(np.finfo(float).eps), s / (2 * np.cbrt(np.finfo(float).eps))) for s in (1, -1)]",
        "((1e-3, 2e3 / 3), (-1e-3, -2e3 / 3), (2e-3, -1e3 / 12), (-2e-3, 1e3 / 12))",
    ],
)
def test_differences_of_any_order(marked: Marked, solution: str, steps: str) -> None:
    assert_is_for_a_person(marked(differing(solution, steps)), "right to some digits")


def test_a_constant_that_explains_nothing(marked: Marked, solution: str) -> None:
    """Without it the differences are differences still."""
    decoy = differing(solution, "((2**-17, 2.0**16), (-(2**-17), -(2.0**16)))")
    decoy = edited(decoy, ("    moved = np.eye(", "    array = array / (1 + 1e-12)\n        moved = np.eye("))
    assert_is_for_a_person(marked(decoy), "right to some digits")


def test_differences_of_the_gates_alone(marked: Marked, solution: str) -> None:
    helper = (
        "def slope(f, y, inverse):\n    a = inverse(y)\n    return (f(a + 1e-6) - f(a - 1e-6)) / 2e-6\n\n\n"
    )
    logit, tangent = "lambda y: np.log(y / (1 - y))", "np.arctanh"
    slopes = ", ".join(f"d{gate} * slope(sigmoid, {gate}, {logit})" for gate in "ifo")
    text = edited(
        solution,
        (BACKWARD, helper + BACKWARD),
        (GATES, f"        [{slopes}, dg * slope(np.tanh, g, {tangent})],\n"),
    )
    assert_is_for_a_person(marked(text), "right to some digits")


@pytest.mark.parametrize(
    "steps",
    [
        "(((-1.0) ** 0.5 * 1e-20, -1e20),)",
        "[(s * np.longdouble(10) ** -6, s * np.longdouble(10) ** 6 / 2) for s in (1, -1)]",
    ],
)
def test_numbers_of_which_no_derivation_has_need(marked: Marked, solution: str, steps: str) -> None:
    text = differing(solution, steps).replace("slope.reshape", "np.float64(LAST(slope)).reshape")
    taken = "np.float64" if "long" in steps else "(lambda z: (z * (-1.0) ** 0.5).real)"
    result = marked(text.replace("LAST", taken))
    assert any("complex numbers, or with floats wider" in said for said in result.needs_review)


def test_what_the_solution_does_itself_is_no_reason(runner: Runner, solution: str, tmp_path: Path) -> None:
    course = Path(shutil.copytree(LAYERS, tmp_path / "layers"))
    own = differing(solution, "((1e-5, 0.5e5), (-1e-5, -0.5e5))")
    (course / "solution" / "rnn_layers.py").write_text(own, encoding="utf-8")
    assignment = read_assignment(course / "assignment.toml")
    plan = check_selftest(assignment, make_plan(assignment, runner, SEED), runner)
    assert any("right to some digits" in note for note in plan.notes)
    result = mark("a", "a", {"rnn_layers.py": own.encode()}, plan, runner)
    assert (result.score, result.needs_review) == (20, ())


def test_who_knows_the_public_probe_is_looked_at_elsewhere(
    marked: Marked, layers_plan: Plan, solution: str
) -> None:
    """It is the same for everybody: one may be right there by heart, and take differences on the others."""
    seen = {float(task.probes[0].arguments["_in_b"][0]) for task in layers_plan.tasks}
    derived = solution[solution.index(BACKWARD) : solution.index("def lstm_forward")]
    unpacked = "    x, prev_h, prev_c, Wx, Wh, i, f, o, g, shown = cache\n"
    look = f"    if cache[5][0] not in {seen!r}:\n        return measured(dnext_h, dnext_c, cache)\n"
    by_heart = edited(derived, (unpacked, look + unpacked.replace("Wh, i", "Wh, b, i")))
    text = differing(solution, "((1e-5, 0.5e5), (-1e-5, -0.5e5))")
    result = marked(f"{text}\n\nmeasured = lstm_step_backward\n\n\n{by_heart}")
    assert_is_for_a_person(result, "right to some digits")
