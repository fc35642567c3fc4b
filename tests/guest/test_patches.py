"""Another text of a function, for one scenario: whoever holds it runs that text, and afterwards its own."""

from __future__ import annotations

from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import PATCH_OWNER, Failure, Job, Module, Patch, Scenario

TEXT = """\
def scale(x, by=2):
    return x * by

class Layer:
    def __init__(self):
        self.calls = 0

    @staticmethod
    def half(x):
        return x / 2

    def backward(self, x):
        self.calls += 1
        return scale(x)
"""


def runs(runner: Runner, *patches: tuple[Patch, ...]):
    entry = Module("main.py", "from model import Layer, scale\nkept = scale\n", ("main",))
    model = Module("model.py", TEXT, ("model",))
    program = "r = Layer().backward(3), kept(3), Layer.half(3)"
    scenarios = tuple(Scenario(program, returns=("r",), patches=each) for each in patches)
    return runner.run(Job((entry, model), 0, scenarios)).runs


def test_a_patch_holds_for_one_scenario_under_every_name(runner):
    patch = Patch("model.py", "scale", "def scale(x, by=2):\n    return x * by * 10\n")
    first, patched, last = runs(runner, (), (patch,), ())
    assert patched.values == ((60, 60, 1.5),)
    assert first.values == last.values == ((6, 6, 1.5),)


def test_methods_are_patched_in_their_class(runner):
    half = Patch(
        "model.py",
        "Layer.half",
        f"class {PATCH_OWNER}:\n    @staticmethod\n    def half(x):\n        return x / 4\n",
    )
    back = Patch(
        "model.py", "Layer.backward", f"class {PATCH_OWNER}:\n    def backward(self, x):\n        return -x\n"
    )
    (both,) = runs(runner, (half, back))
    assert both.values == ((-3, 6, 0.75),)


def test_the_locals_of_a_patched_method_are_recorded_under_its_own_name(runner):
    entry = Module("main.py", "from model import Layer\n", ("main",))
    text = "class Layer:\n    def backward(self, x):\n        d = x\n        return None\n"
    other = f"class {PATCH_OWNER}:\n    def backward(self, x):\n        d = 2 * x\n        return None\n"
    patch = Patch("model.py", "Layer.backward", other)
    scenario = Scenario("Layer().backward(3.0)", frames=("backward",), patches=(patch,))
    (ran,) = runner.run(Job((entry, Module("model.py", text, ("model",))), 0, (scenario,))).runs
    (frame,) = [each for each in ran.frames if not each.line]
    assert frame.function == "Layer.backward" and frame.variables["d"] == 6.0


def test_a_patch_that_cannot_be_made_is_that_scenario_s_trouble(runner):
    missing = Patch("model.py", "gone", "def gone():\n    pass\n")
    broken = Patch("model.py", "scale", "def scale(x:\n")
    first, second, last = runs(runner, (missing,), (broken,), ())
    assert first.trouble is not None and first.trouble.failure is Failure.RAISED
    assert second.trouble is not None and second.trouble.exception == "SyntaxError"
    assert last.values == ((6, 6, 1.5),)
