"""What of a file is executed: its definitions, and not its run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rnnlint.sandbox.job import Failure, Module, Outcome, Ran

Run = Callable[..., Outcome]
RunWell = Callable[..., Ran]


def test_functions_classes_and_constants_are_loaded(run: Run) -> None:
    outcome = run(
        """
import numpy as np
hidden_size = 4
W = np.zeros((hidden_size, 2)); b = W.sum(1)
def sigmoid(x):
    return 1 / (1 + np.exp(-x))
class Cell:
    size: int = hidden_size
""",
        "",
        "W",
        "sigmoid(0)",
        "Cell.size",
        "b.shape",
    )
    assert outcome.runs[0].values[1:] == (0.5, 4, (4,))
    assert outcome.runs[0].values[0].shape == (4, 2)
    assert set(outcome.loaded) >= {"np", "hidden_size", "W", "b", "sigmoid", "Cell"}


def test_training_is_not_run(run: Run) -> None:
    outcome = run(
        """
trained = []
def step(x):
    trained.append(x)
    return x, x
for epoch in range(3):
    loss, grad = step(epoch)
while True:
    n = step(1)
if __name__ == "__main__":
    step(2)
step(3)
print("training")
""",
        "",
        "trained",
    )
    assert outcome.runs[0].values == ([],)
    assert set(outcome.skipped) >= {"loss", "grad", "n"}
    assert outcome.stdout == ""


def test_small_setup_loops_are_run(ran: RunWell) -> None:
    text = """
chars = ["a", "b", "c"]
index = {}
for i, c in enumerate(chars):
    index[c] = i
if len(chars) > 2:
    size = 3
else:
    size = 0
try:
    import cupy as xp
except ImportError:
    import numpy as xp
"""
    assert ran(text, "", "index", "size", "xp.ones(2).sum()").values == ({"a": 0, "b": 1, "c": 2}, 3, 2.0)


def test_a_setup_that_takes_too_long_is_left_out_and_named(run: Run) -> None:
    outcome = run("total = sum(i * i for i in range(10**9))\ndef after():\n    return 5\n", "", "after()")
    assert outcome.runs[0].values == (5,)
    assert "total" in outcome.skipped
    assert any("entry.py:1" in note and "total" in note for note in outcome.notes)


def test_what_fails_is_left_out_and_named(run: Run) -> None:
    outcome = run("a = undefined + 1\nb = a\nimport not_there\nc = 2\n", "", "c")
    assert outcome.runs[0].values == (2,)
    assert {"a", "b", "not_there"} <= set(outcome.skipped)
    assert any("entry.py:1" in note and "NameError" in note for note in outcome.notes)


def test_a_data_file_is_a_few_made_up_words(run: Run) -> None:
    outcome = run(
        """
data = open("input.txt", "r").read()
chars = sorted(set(data))
with open("words.txt") as handle:
    lines = handle.readlines()
""",
        "",
        "len(data)",
        "len(chars)",
        "len(lines)",
    )
    characters, distinct, lines = outcome.runs[0].values
    assert characters >= 30
    assert distinct >= 10
    assert lines >= 2
    assert any("made-up" in note for note in outcome.notes)


def test_siblings_and_packages_are_imported_as_their_own_files(ran: RunWell) -> None:
    siblings = (
        Module("net/__init__.py", "from .layers import double\n", ("net",), package=True),
        Module(
            "net/layers.py",
            "from . import numbers_of as n\ndef double(x):\n    return n.TWO * x\n",
            ("net.layers",),
        ),
        Module("net/numbers_of.py", "TWO = 2\n", ("net.numbers_of",)),
        Module("lib/tools.py", "def halve(x):\n    return x / 2\n", ("lib.tools",)),
        Module("utils.py", "raise SystemExit\n", ("utils",)),
    )
    text = "from net import double\nimport net.layers\nfrom lib.tools import halve\nimport lib.tools as t\n"
    text += "from utils import *\n"
    assert ran(
        text, "", "double(3)", "net.layers.double(4)", "halve(3)", "t.halve(5)", siblings=siblings
    ).values == (6, 8, 1.5, 2.5)


def test_modules_that_import_one_another(ran: RunWell) -> None:
    siblings = (Module("b.py", "import entry\ndef g():\n    return entry.f() + 1\n", ("b",)),)
    assert ran("import b\ndef f():\n    return 1\n", "", "b.g()", siblings=siblings).values == (2,)


def test_one_missing_name_costs_only_itself(run: Run) -> None:
    siblings = (Module("utils.py", "def present():\n    return 1\n", ("utils",)),)
    outcome = run("from utils import present, absent\n", "", "present()", siblings=siblings)
    assert outcome.runs[0].values == (1,)
    assert outcome.skipped == ("absent",)


def test_the_rest_of_the_project_is_not_importable(run: Run) -> None:
    for name in ("rnnlint", "reference_impl", "pytest", "click"):
        (missed,) = run("", f"import {name}").runs
        assert missed.trouble is not None
        assert missed.trouble.exception == "ModuleNotFoundError"


class TestMissingLibraries:
    def test_a_stub_is_called_and_decorates(self, run: Run) -> None:
        text = """
import matplotlib.pyplot as plt
from numba import jit, njit
import torch.nn as nn
plt.style.use("ggplot")
@jit(nopython=True)
def f(x):
    plt.plot(x)
    return x + 1
@njit
def g(x):
    return x + 2
class Net(nn.Module):
    def three(self):
        return 3
"""
        outcome = run(
            text,
            "plt.show()",
            "f(1)",
            "g(1)",
            "Net().three()",
            imports_of_user=("matplotlib", "numba", "torch"),
        )
        assert outcome.runs[0].values == (2, 3, 3)
        assert any("matplotlib" in note for note in outcome.notes)

    @pytest.mark.parametrize(
        "use",
        [
            "lib.f(1) + 1", "1 + lib.f(1)", "np.ones(2) + lib.f(1)", "np.tanh(lib.x)", "np.array([lib.x])",
            "bool(lib.x)", "[i for i in lib.data()]", "lib.x == 1", "lib.x < 1", "-lib.x", "lib.table[0]",
            "float(lib.x)", "len(lib.x)", "W @ lib.x", "f'{lib.x:.2f}'",
        ],
    )  # fmt: skip
    def test_a_stub_used_as_a_value_ends_the_run_with_its_name(self, run: Run, use: str) -> None:
        outcome = run(
            "import numpy as np\nimport lib\nW = np.ones((2, 2))\n", f"y = {use}", imports_of_user=("lib",)
        )
        trouble = outcome.runs[0].trouble
        assert trouble is not None
        assert trouble.failure is Failure.STUB
        assert "lib." in trouble.message

    def test_only_the_names_given_may_be_stubs(self, run: Run) -> None:
        assert "lib" in run("import lib\n").skipped

    def test_the_users_projects_own_file_is_not_shadowed(self, ran: RunWell) -> None:
        siblings = (Module("lib.py", "x = 5\n", ("lib",)),)
        assert ran("import lib\n", "", "lib.x", siblings=siblings, imports_of_user=("lib",)).values == (5,)

    def test_scipy_special_is_answered_exactly(self, ran: RunWell) -> None:
        x = np.array([-800.0, -1.5, 0.0, 3.0, 800.0])
        sigma, probabilities = ran(
            "from scipy.special import expit, softmax\n", "", "expit(x)", "softmax(x[1:4])", holes={"x": x}
        ).values
        np.testing.assert_allclose(sigma[1:4], 1 / (1 + np.exp(-x[1:4])), rtol=1e-14)
        assert sigma[[0, 2, 4]].tolist() == [0.0, 0.5, 1.0]
        np.testing.assert_allclose(probabilities, np.exp(x[1:4]) / np.exp(x[1:4]).sum(), rtol=1e-14)


class TestNumPyAsItWas:
    def test_removed_names_are_put_back_and_said(self, run: Run) -> None:
        text = """
import numpy as np
a = np.zeros(3, dtype=np.float)
b = np.row_stack([a, a]).astype(np.int)
c = np.product([2, 3]), np.asscalar(np.array([4])), np.in1d([1, 2], [2])
"""
        outcome = run(text, "", "a.dtype.name", "b.dtype.kind", "c[0]", "c[1]", "c[2]", "np.trapz([1, 1, 1])")
        values = outcome.runs[0].values
        assert values[:4] == ("float64", "i", 6, 4)
        assert values[4].tolist() == [0, 1]
        assert values[5] == 2.0
        assert any("np.float" in note for note in outcome.notes)

    @pytest.mark.parametrize(
        "narrow",
        [
            "np.zeros(2, dtype=np.float32)", "np.zeros(2, 'f')", "np.ones(2).astype('float32')",
            "np.ones(2, dtype='f4')", "np.float32([1, 2])", "np.empty(2, np.dtype('float16'))",
            "np.random.randn(2).astype(np.float32)", "np.array([1, 2], np.half)", "make()",
        ],
    )  # fmt: skip
    def test_narrow_floats_are_float64_and_that_is_said(self, run: Run, narrow: str) -> None:
        text = "import numpy as np\ndef make(dtype='float32'):\n    return np.ones(2, dtype=dtype)\n"
        outcome = run(f"{text}x = {narrow}\n", "", "x.dtype.name")
        assert outcome.runs[0].values == ("float64",)
        assert any("float64" in note for note in outcome.notes)

    def test_narrow_floats_stay_where_that_is_asked(self, run: Run) -> None:
        outcome = run("import numpy as np\n", "", "np.zeros(2, np.float32).dtype.name", promote=False)
        assert outcome.runs[0].values == ("float32",)
        assert outcome.notes == ()

    def test_text_that_is_no_type_stays(self, ran: RunWell) -> None:
        assert ran("gates = {'f': 1, 'i': 2}\nname = 'f'\n", "", "gates", "name").values == (
            {"f": 1, "i": 2},
            "f",
        )


def test_a_neutral_function_returns_its_first_argument_wherever_it_is_bound(ran: RunWell) -> None:
    siblings = (
        Module("utils.py", "def clip(gradients, limit=1):\n    return [0 for g in gradients]\n", ("utils",)),
    )
    text = """
from utils import clip
import utils
import numpy as np
class Net:
    def clipped(self, g):
        return 0
def backward():
    return clip([5, 6], limit=2), utils.clip([7]), Net().clipped(8)
"""
    assert ran(text, "", "backward()", siblings=siblings, neutral=("clip", "Net.clipped")).values == (
        ([5, 6], [7], 8),
    )


def test_a_neutral_function_of_a_module_that_only_the_scenario_imports(ran: RunWell) -> None:
    siblings = (Module("utils.py", "def clip(gradients):\n    return 0\n", ("utils",)),)
    assert ran("", "import utils\ny = utils.clip(5)", "y", siblings=siblings, neutral=("clip",)).values == (
        5,
    )


def test_a_neutral_call_of_numpy_clip_also_into_its_output(ran: RunWell) -> None:
    text = "import numpy as np\ndef clipped(g):\n    return np.clip(g, -5, 5)\n"
    program = "for g in gradients:\n    np.clip(g, -5, 5, out=g)\ny, z = np.clip(9.0, 0, 1), clipped(8.0)\n"
    gradients, y, z = ran(
        text, program, "gradients", "y", "z", holes={"gradients": [np.array([70.0])]}, neutral=("np.clip(g)",)
    ).values
    assert gradients[0].tolist() == [70.0]
    assert (y, z) == (1.0, 8.0)


def test_text_that_does_not_parse_is_a_load_trouble(run: Run) -> None:
    outcome = run("x = 1\ndef f(:\n", "", "x")
    assert outcome.trouble is not None
    assert (outcome.trouble.failure, outcome.trouble.line) == (Failure.LOAD, 2)


def test_a_harmless_world(ran: RunWell) -> None:
    text = """
import sys, time
time.sleep(1000)
answer = input("continue? ")
arguments = sys.argv[1:]
from tqdm import tqdm
doubled = [2 * i for i in tqdm(range(3))]
"""
    assert ran(text, "", "answer", "arguments", "doubled").values == ("", [], [0, 2, 4])


class TestPython2:
    def test_whole_numbers_divide_to_whole_numbers(self, ran: RunWell) -> None:
        text = """
import numpy as np
half = 7 / 2
exact = 7 / 2.0
mean = np.array([7, 8]) / 2
n = 9
n /= 2
a = np.array([3.0])
alias = a
alias /= 2
keys = {"a": 1, "b": 2}.keys()
pairs = zip([1, 2], map(lambda x: x + 1, [1, 2]))
steps = range(3)
class Coder:
    def encode(self, x):
        return x + 1
coded = "a".decode("utf-8"), Coder().encode(1)
"""
        values = ran(
            text,
            "",
            "half",
            "exact",
            "mean",
            "n",
            "a",
            "sorted(keys)[0], keys[0]",
            "pairs[1]",
            "steps",
            "coded",
            python2=True,
        ).values
        assert values[:2] == (3, 3.5)
        assert values[2].tolist() == [3, 4]
        assert values[3] == 4
        assert values[4].tolist() == [1.5]
        assert values[5:] == (("a", "a"), (2, 3), [0, 1, 2], ("a", 2))

    def test_unless_division_is_imported(self, ran: RunWell) -> None:
        assert ran("from __future__ import division\nhalf = 7 / 2\n", "", "half", python2=True).values == (
            3.5,
        )

    def test_python_3_is_left_alone(self, ran: RunWell) -> None:
        assert ran("half = 7 / 2\n", "", "half", "7 / 2").values == (3.5, 3.5)


def test_a_function_outlives_its_default_arguments_and_decorators(run: Run) -> None:
    text = """
def backward(x, params=undefined, scale=2):
    return x, params, scale
class Net:
    @undefined.cached
    def size(self, n=undefined):
        return n
    @property
    def two(self):
        return 2
"""
    outcome = run(text, "", "backward(1)", "Net().size()", "Net().two")
    assert outcome.runs[0].values == ((1, None, 2), None, 2)
    assert any("entry.py:2" in note and "backward" in note for note in outcome.notes)


def test_a_librarys_version_of_a_class_does_not_replace_ones_own(ran: RunWell) -> None:
    text = """
import torch.nn as nn
class RNN:
    by_hand = True
class RNN(nn.Module):
    by_hand = False
class LSTM(nn.Module):
    by_hand = False
"""
    assert ran(text, "", "RNN.by_hand", "LSTM.by_hand", imports_of_user=("torch",)).values == (True, False)


def test_inside_try_a_missing_library_is_an_import_error(ran: RunWell) -> None:
    text = "try:\n    import cPickle as pickle\nexcept ImportError:\n    import pickle\n"
    text += "try:\n    from lib import xrange\nexcept ImportError:\n    xrange = range\n"
    values = ran(text, "", "pickle.__name__", "list(xrange(2))", imports_of_user=("cPickle", "lib")).values
    assert values == ("pickle", [0, 1])
