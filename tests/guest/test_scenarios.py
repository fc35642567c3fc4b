"""Scenarios: holes in, values, frames and trouble out, each from the same start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import (
    PATCH_OWNER,
    Expression,
    Failure,
    Job,
    Module,
    Opaque,
    Operand,
    Outcome,
    Patch,
    Ran,
    Scenario,
    Trouble,
)

Run = Callable[..., Outcome]
RunWell = Callable[..., Ran]


def several(
    runner: Runner, text: str, *scenarios: Scenario, siblings: tuple[Module, ...] = ()
) -> tuple[Ran, ...]:
    outcome = runner.run(Job((Module("entry.py", text, ("entry",)), *siblings), 0, scenarios))
    assert outcome.trouble is None
    return outcome.runs


class TestHoles:
    def test_values_fill_holes(self, ran: RunWell) -> None:
        holes = {
            "p": {"Wf": np.full((2, 3), 0.5), "list": [np.arange(3)], "pair": (1, "two", None)},
            "x": np.ones(3),
        }
        product, kinds = ran("", "y = p['Wf'] @ x", "y", "type(p['pair']).__name__", holes=holes).values
        assert product.tolist() == [1.5, 1.5]
        assert kinds == "tuple"

    def test_holes_may_be_written_to(self, ran: RunWell) -> None:
        assert ran("", "x += 1", "x", holes={"x": np.zeros(2)}).values[0].tolist() == [1.0, 1.0]

    def test_expressions_are_evaluated_in_the_entry_module(self, ran: RunWell) -> None:
        text = "class Sigmoid:\n    def __call__(self, x):\n        return 2 * x\n"
        holes = {"activations": [Expression("Sigmoid()"), Expression("abs")]}
        assert ran(text, "", "[f(-3) for f in activations]", holes=holes).values == ([-6, 3],)


class TestBack:
    FILE = """
import numpy as np

def ahead(x):
    return x + 1

def back(h):
    h[...] = 0
    return h - 1
"""

    def test_what_is_read_early_is_what_was_there_before_it(self, runner: Runner) -> None:
        scenario = Scenario(
            "h = ahead(x)", {"x": np.ones(2)}, ("h", "d"), early=("h",), back="h_again = h\nd = back(h)"
        )
        (found,) = several(runner, self.FILE, scenario)
        early, late, returned = found.values
        assert early.tolist() == [2.0, 2.0]
        assert late.tolist() == [0.0, 0.0]
        assert returned.tolist() == [-1.0, -1.0]

    def test_trouble_in_it_is_told_by_its_own_text(self, runner: Runner) -> None:
        scenario = Scenario("h = ahead(x)\nk = h", {"x": np.ones(2)}, back="one = 1\nd = h @ np.ones((3, 3))")
        (found,) = several(runner, self.FILE, scenario)
        assert found.trouble is not None
        assert found.trouble.source == "h @ np.ones((3, 3))"


class TestValues:
    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("np.float64(0.5)", 0.5),
            ("np.int32(3)", 3),
            ("np.bool_(True)", True),
            ("(1, [2.0], {'a': None})", (1, [2.0], {"a": None})),
            ("(i * i for i in range(3))", [0, 1, 4]),
            ("{np.int64(3): 1, -1: 2}", {3: 1, -1: 2}),
            ("np.array([None, 'x'], dtype=object)", [None, "x"]),
            ("range(2)", [0, 1]),
            ("zip('ab', 'cd')", [("a", "c"), ("b", "d")]),
            ("collections.OrderedDict(a=1)", {"a": 1}),
            ("collections.namedtuple('P', 'x y')(1, 2)", Opaque("P", {"x": 1, "y": 2})),
        ],
    )
    def test_plain_values(self, ran: RunWell, expression: str, expected: Any) -> None:
        (value,) = ran("import numpy as np\nimport collections\n", "", expression).values
        assert value == expected
        assert type(value) is type(expected)

    @pytest.mark.parametrize(
        ("expression", "kind", "expected"),
        [
            ("np.array([True, False])", "i", [1, 0]),
            ("np.arange(3, dtype=np.uint8)", "i", [0, 1, 2]),
            ("np.array([0.5], dtype='>f8')", "f", [0.5]),
            ("np.asmatrix([[1.0]])", "f", [[1.0]]),
            ("np.arange(6.0).reshape(2, 3).T", "f", [[0, 3], [1, 4], [2, 5]]),
            ("np.ma.masked_array([1.0, 2.0])", "f", [1.0, 2.0]),
        ],
    )
    def test_arrays(self, ran: RunWell, expression: str, kind: str, expected: Any) -> None:
        (value,) = ran("import numpy as np\n", "", expression).values
        assert type(value) is np.ndarray
        assert (value.dtype.kind, value.dtype.itemsize) == (kind, 8)
        assert value.tolist() == expected

    def test_not_a_number_and_infinity_are_carried(self, ran: RunWell) -> None:
        (array, scalar) = ran(
            "import numpy as np\n", "", "np.array([np.nan, -np.inf])", "float('inf')"
        ).values
        assert np.isnan(array[0])
        assert array[1] == -np.inf
        assert scalar == np.inf

    def test_objects_show_their_attributes(self, ran: RunWell) -> None:
        text = """
import numpy as np
class Cell:
    __slots__ = ("W",)
    def __init__(self):
        self.W = np.ones(2)
class Net:
    def __init__(self):
        self.cells = [Cell()]
        self.me = self
        self.activation = np.tanh
        self.loss = None
    @property
    def gradient_weights(self):
        return np.zeros(3)
    @property
    def gradient_bias(self):
        raise RuntimeError
"""
        (net,) = ran(text, "", "Net()").values
        assert isinstance(net, Opaque)
        assert net.type_name == "Net"
        assert net.attributes["cells"][0].attributes["W"].tolist() == [1.0, 1.0]
        assert net.attributes["me"] == Opaque("Net")
        assert net.attributes["loss"] is None
        assert net.attributes["gradient_weights"].tolist() == [0.0, 0.0, 0.0]
        assert "gradient_bias" not in net.attributes

    def test_too_large_an_answer_is_an_output_trouble(self, run: Run) -> None:
        outcome = run("import numpy as np\n", "", "[np.zeros(2**20) for _ in range(40)]", memory_mb=2048)
        assert outcome.runs[0].trouble is not None
        assert outcome.runs[0].trouble.failure is Failure.OUTPUT


class TestSameStart:
    TEXT = """
import numpy as np
history = []
W = np.zeros(2)
state = {"h": [W]}
class Net:
    seen = []
    count = 0
    def step(self, x, cache=[]):
        cache.append(x); self.seen.append(x); Net.count += 1; Net.new = 1
        return len(cache), len(self.seen), Net.count
net = Net()
def step(x):
    global extra
    extra = 1
    history.append(x); W[0] += x
    import helper
    helper.calls.append(x)
    return len(history), len(helper.calls), net.step(x), state["h"][0] is W
"""
    HELPER = (Module("helper.py", "calls = []\n", ("helper",)),)

    def test_every_scenario_starts_from_the_loaded_state(self, runner: Runner) -> None:
        text = "import helper\n" + self.TEXT
        one = Scenario("r = step(1)", returns=("r", "W", "hasattr(Net, 'new')", "'extra' in globals()"))
        fresh = Scenario(
            "", returns=("history", "W", "hasattr(Net, 'new')", "'extra' in globals()", "'r' in globals()")
        )
        runs = several(runner, text, one, one, one, fresh, siblings=self.HELPER)
        for run in runs[:3]:
            assert run.values[0] == (1, 1, (1, 1, 1), True)
            assert run.values[1].tolist() == [1.0, 0.0]
        assert runs[3].values[0] == []
        assert runs[3].values[1].tolist() == [0.0, 0.0]
        assert runs[3].values[2:] == (False, False, False)

    def test_the_random_state_is_the_same_in_every_scenario(self, runner: Runner) -> None:
        text = "import numpy as np, random\nrng = np.random.RandomState()\n"
        returns = (
            "np.random.randn(3)",
            "random.random()",
            "np.random.default_rng().normal(size=2)",
            "rng.rand(2)",
            "np.random.RandomState().rand(2)",
        )
        first, second = several(runner, text, Scenario("", returns=returns), Scenario("", returns=returns))
        for a, b in zip(first.values, second.values, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_one_scenarios_trouble_does_not_end_the_others(self, runner: Runner) -> None:
        runs = several(runner, "", Scenario("1 / 0"), Scenario("x = 1", returns=("x",)))
        assert runs[0].trouble is not None
        assert runs[1].values == (1,)


class TestPatches:
    """Other texts of functions, for one scenario each."""

    TEXT = """
W = open("missing.bin")
def double(x, W=W):
    return 2 * x
class Cell:
    def step(self, x):
        return double(x) + 1
"""

    def test_a_function_runs_its_other_text_in_that_scenario_alone(self, runner: Runner) -> None:
        triple = Patch("entry.py", "double", "def double(x, W=W):\n    return 3 * x")
        step = Patch(
            "entry.py", "Cell.step", f"class {PATCH_OWNER}:\n def step(self, x):\n  return -double(x)"
        )
        scenarios = [
            Scenario("r = Cell().step(2)", returns=("r",), patches=patches)
            for patches in ((), (triple,), (step,), (triple, step), ())
        ]
        runs = several(runner, self.TEXT, *scenarios)
        assert [run.values for run in runs] == [(5,), (7,), (-4,), (-6,), (5,)]

    def test_what_is_not_there_cannot_be_exchanged(self, runner: Runner) -> None:
        missing = Patch("entry.py", "halve", "def halve(x):\n    return x / 2")
        (ran,) = several(runner, self.TEXT, Scenario("", patches=(missing,)))
        assert ran.trouble is not None


class TestTrouble:
    TEXT = """
import numpy as np
class Cell:
    def __init__(self):
        self.W = np.ones((4, 3))
def forward(p, x, hs, cell, H):
    z = hs[-1][:H]
    é = 1; y = (p["Wf"] @ x) + z
    return y + np.dot(cell.W, x)
"""

    def trouble(self, run: Run, *shapes: tuple[int, ...]) -> Trouble:
        holes = dict(zip(("Wf", "x", "h"), map(np.ones, shapes), strict=True))
        outcome = run(self.TEXT, "r = forward({'Wf': Wf}, x, {-1: h}, Cell(), 4)", holes=holes)
        trouble = outcome.runs[0].trouble
        assert trouble is not None
        return trouble

    def test_the_place_and_the_expression(self, run: Run) -> None:
        trouble = self.trouble(run, (4, 3), (3,), (2,))
        assert trouble.failure is Failure.RAISED
        assert (trouble.exception, trouble.path, trouble.line) == ("ValueError", "entry.py", 8)
        assert trouble.function == "forward"
        assert trouble.source == '(p["Wf"] @ x) + z'
        assert "(4,)" in trouble.message
        assert "(2,)" in trouble.message

    def test_the_operands_and_their_shapes(self, run: Run) -> None:
        assert set(self.trouble(run, (4, 3), (3,), (2,)).operands) == {
            Operand("p['Wf'] @ x", (4,)),
            Operand("p['Wf']", (4, 3)),
            Operand("x", (3,)),
            Operand("z", (2,)),
        }

    def test_slices_attributes_and_calls(self, run: Run) -> None:
        trouble = self.trouble(run, (4, 5), (5,), (4,))
        assert trouble.line == 9
        assert trouble.source == "np.dot(cell.W, x)"
        assert set(trouble.operands) == {Operand("cell.W", (4, 3)), Operand("x", (5,))}

    def test_an_expression_over_several_lines(self, run: Run) -> None:
        text = "def f(W, x):\n    return (W\n            @ x)\n"
        trouble = run(text, "f(W, x)", holes={"W": np.ones((2, 3)), "x": np.ones(2)}).runs[0].trouble
        assert trouble is not None
        assert trouble.line == 2
        assert set(trouble.operands) == {Operand("W", (2, 3)), Operand("x", (2,))}

    def test_trouble_in_the_program_itself(self, run: Run) -> None:
        trouble = run("", "x = 1\ny = x['Wf']").runs[0].trouble
        assert trouble is not None
        assert (trouble.path, trouble.line, trouble.exception) == ("<scenario>", 2, "TypeError")

    @pytest.mark.parametrize(
        ("program", "exception", "message"),
        [
            ("p['Wf']", "KeyError", "'Wf'"),
            ("softmax(1)", "NameError", "'softmax'"),
            ("exit()", "SystemExit", ""),
            ("assert p == 1, 'p'", "AssertionError", "p"),
            ("f()", "RecursionError", "recursion"),
            ("raise Odd", "Odd", ""),
            ("p.backward", "AttributeError", "backward"),
            ("x ==", "SyntaxError", ""),
        ],
    )
    def test_whatever_is_raised(self, run: Run, program: str, exception: str, message: str) -> None:
        text = "p = {}\ndef f():\n    return f()\n"
        text += "class Odd(BaseException):\n    def __str__(self):\n        raise Odd\n"
        trouble = run(text, program).runs[0].trouble
        assert trouble is not None
        assert (trouble.failure, trouble.exception) == (Failure.RAISED, exception)
        assert message in trouble.message


class TestRecords:
    TEXT = """
import numpy as np
def cell(x, h):
    z = x + h
    h = np.tanh(z)
    return h
def forward(xs):
    hs = {-1: np.zeros(2)}
    buffer = np.zeros(2)
    for t in range(3):
        hs[t] = cell(xs[t], hs[t - 1])
        buffer += hs[t]
    return hs
class Net:
    def __init__(self):
        self.params = {"W": np.ones(2)}
    def backward(self):
        self.grads = {"W": 2 * self.params["W"]}
"""

    def test_locals_at_return(self, ran: RunWell) -> None:
        run = ran(self.TEXT, "forward(xs)", frames=("*",), holes={"xs": np.ones((3, 2))})
        assert [frame.function for frame in run.frames] == ["cell", "cell", "cell", "forward"]
        assert run.calls == {"cell": 3, "forward": 1}
        first, last = run.frames[0].variables, run.frames[-1].variables
        np.testing.assert_array_equal(first["z"], [1.0, 1.0])
        np.testing.assert_array_equal(first["h"], np.tanh([1.0, 1.0]))
        assert sorted(last["hs"]) == [-1, 0, 1, 2]
        assert "np" not in last

    def test_only_the_functions_asked_for(self, ran: RunWell) -> None:
        program = "n = Net(); n.backward(); forward(xs)"
        run = ran(self.TEXT, program, frames=("Net.backward",), holes={"xs": np.ones((3, 2))})
        (frame,) = run.frames
        assert frame.path == "entry.py"
        net = frame.variables["self"]
        assert net.type_name == "Net"
        assert net.attributes["grads"]["W"].tolist() == [2.0, 2.0]

    def test_locals_at_chosen_lines_are_copies_of_that_moment(self, ran: RunWell) -> None:
        run = ran(self.TEXT, "forward(xs)", steps=(12,), holes={"xs": np.ones((3, 2))})
        assert [(frame.line, frame.iteration) for frame in run.frames] == [(12, 0), (12, 1), (12, 2)]
        sums = [frame.variables["buffer"][0] for frame in run.frames]
        assert sums[0] == 0.0
        assert sums[0] < sums[1] < sums[2]

    def test_frames_are_kept_when_the_run_fails(self, run: Run) -> None:
        outcome = run(self.TEXT, "forward(xs)", frames=("cell",), holes={"xs": np.ones((2, 2))})
        assert outcome.runs[0].trouble is not None
        assert len(outcome.runs[0].frames) == 2

    def test_a_record_that_grows_too_large_stops_and_says_so(self, run: Run) -> None:
        text = "import numpy as np\ndef f(i):\n    big = np.zeros(2**20)\n    return i\n"
        outcome = run(text, "r = [f(i) for i in range(30)]", "r[-1]", frames=("*",))
        assert outcome.runs[0].values == (29,)
        assert 0 < len(outcome.runs[0].frames) < 30
        assert any("recorded" in note for note in outcome.notes)
