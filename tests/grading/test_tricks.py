"""What is tried for marks that nothing was done for, and what is no trick and only looks like one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rnnlint.grading.assignment import Assignment
from rnnlint.grading.course import Course, book_of
from rnnlint.grading.feedback import markdown
from rnnlint.grading.gradebook import csv_text
from rnnlint.grading.marking import mark
from rnnlint.grading.plan import Plan
from rnnlint.grading.results import GradeBook, PartVerdict, StudentResult
from rnnlint.grading.solving import make_plan
from rnnlint.report.grades_junit import render
from rnnlint.sandbox import Runner
from tests.grading.cohort import FIXTURES
from tests.grading.conftest import SEED

Marked = Callable[[str], StudentResult]


def edited(text: str, *edits: tuple[str, str]) -> str:
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


class TestWhatTheBackwardDoesToTheForwardsResults:
    def test_values_that_it_fills_in_afterwards_are_no_forward(self, marked: Marked, solution: str) -> None:
        late = edited(
            solution,
            (
                "    return next_h, next_c, cache\n",
                "    owed.append((next_h, next_h.copy()))\n    next_h[...] = 0\n"
                "    return next_h, next_c, cache\n",
            ),
            ("def lstm_step_forward", "owed = []\n\n\ndef lstm_step_forward"),
            (
                "    do = dnext_h * shown\n",
                "    for empty, true in owed:\n        empty[...] = true\n    do = dnext_h * shown\n",
            ),
        )
        result = marked(late)
        assert {part.key for part in result.parts if part.points} == set()

    def test_a_result_whose_memory_it_uses_again_was_right(self, marked: Marked, solution: str) -> None:
        thrifty = edited(
            solution,
            ("Wx, Wh, i, f, o, g, shown)", "Wx, Wh, i, f, o, g, next_c)"),
            ("    do = dnext_h * shown\n", "    np.tanh(shown, out=shown)\n    do = dnext_h * shown\n"),
        )
        assert marked(thrifty).score == 20


class TestCommonFactors:
    """Where ``scale = "any"``: the mean for the sum costs nothing, and nothing else is a factor."""

    LAST = "    return clip_gradient_norm(grads)\n"

    def scaled(self, marked: Callable[..., StudentResult], factor: str) -> StudentResult:
        text = (FIXTURES / "article" / "corrected" / "backward.py").read_text(encoding="utf-8")
        given = f"    return tuple(each * ({factor}) for each in grads)\n"
        return marked({"backward.py": edited(text, (self.LAST, given))})

    @pytest.mark.parametrize(
        "factor", ["2", "1 / len(outputs)", "1 / W_v.shape[0]", "len(outputs) / W_v.shape[0]"]
    )
    def test_of_sizes(self, folder_marked: Callable[..., StudentResult], factor: str) -> None:
        assert self.scaled(folder_marked, factor).score == 15

    @pytest.mark.parametrize(
        "factor", ["-1", "-1 / len(outputs)", "1e-30", "1e6 * np.pi", "0.7310585786300049"]
    )
    def test_of_anything_else_are_wrong(
        self, folder_marked: Callable[..., StudentResult], factor: str
    ) -> None:
        assert self.scaled(folder_marked, factor).score == 5

    def test_what_is_right_as_it_is_is_not_measured_by_what_is_wrong(
        self, folder_marked: Callable[..., StudentResult]
    ) -> None:
        result = self.scaled(folder_marked, "1 if each is W_v_d or each is b_v_d else len(outputs)")
        right = {part.key for part in result.parts if part.points}
        assert right == {"bptt.forward", "bptt.W_v_d", "bptt.b_v_d"}


class TestClipping:
    """What a function is called says nothing of what it does; NumPy's clip round a gradient is left out."""

    DERIVATIVE = ("    dx = da @ Wx.T\n", "    da = CLIP\n    dx = da @ Wx.T\n")

    @staticmethod
    def with_helper(text: str, helper: str, *edits: tuple[str, str]) -> str:
        return edited(text, ("def lstm_step_forward", f"{helper}\n\n\ndef lstm_step_forward"), *edits)

    def test_a_helper_of_its_own_is_what_it_does(self, marked: Marked, solution: str) -> None:
        shut = self.with_helper(
            solution,
            "def clip_gradient(da):\n    return np.minimum(da, 0) * 0",
            (self.DERIVATIVE[0], self.DERIVATIVE[1].replace("CLIP", "clip_gradient(da)")),
        )
        result = marked(shut)
        right = {part.key for part in result.parts if part.points}
        assert right == {"step.forward", "step.dprev_c", "sequence.forward"} | given_step(result)
        assert any("clip_gradient" in said for said in result.needs_review)

    def test_who_clips_by_a_function_of_its_own_is_told(self, marked: Marked, solution: str) -> None:
        last = "    return dx, dstate, dWx, dWh, db\n"
        clipped = self.with_helper(
            solution,
            "def clip_gradients(grads):\n    norm = np.sqrt(sum(np.sum(each**2) for each in grads))\n"
            "    return tuple(each / max(1, 10 * norm) for each in grads)",
            (last, f"    grads = {last.split('return ')[1]}    return clip_gradients(grads)\n"),
        )
        result = marked(clipped)
        assert result.score == 14
        assert result.problems[0] == (
            "clip_gradients(): gradients are graded as they are before they are clipped."
        )
        assert result.needs_review

    def test_a_right_activation_is_not_taken_for_it(self, marked: Marked, solution: str) -> None:
        named = solution.replace("sigmoid(", "clip_grad_sigmoid(").replace(
            "0.5 * (1.0 + np.tanh(0.5 * a))", "1 / (1 + np.exp(-np.where(a < -500, -500, a)))"
        )
        result = marked(named)
        assert (result.score, result.needs_review) == (20, ())

    def test_numpys_at_the_end_of_a_pass_costs_nothing(self, marked: Marked, solution: str) -> None:
        last = "    return dx, dstate, dWx"
        result = marked(edited(solution, (last, f"    np.clip(dWx, -50, 50, out=dWx)\n{last}")))
        assert (result.score, result.needs_review) == (20, ())

    def test_numpys_that_decides_is_seen(self, marked: Marked, solution: str) -> None:
        sums = "        dWx += dWx_t\n"
        narrow = edited(solution, (sums, f"        dstate = np.clip(dstate, -1e-3, 1e-3)\n{sums}"))
        assert any("np.clip(dstate)" in said for said in marked(narrow).needs_review)

    def test_the_teachers_is_left_out_while_it_is_the_teachers(
        self, folder_marked: Callable[..., StudentResult]
    ) -> None:
        text = (FIXTURES / "article" / "corrected" / "backward.py").read_text(encoding="utf-8")
        assert "clip_gradient_norm(" in text
        own = text.replace("import clip_gradient_norm, tanh", "import tanh").replace(
            "def backward(",
            "def clip_gradient_norm(grads):\n    return tuple(map(np.sign, grads))\n\n\ndef backward(",
        )
        assert folder_marked({"backward.py": own}).score == 5


class TestGlobalsOfTheSolution:
    """They are the solution's own business; a submission has its own."""

    HALF = ("    return 0.5 * (1.0 + np.tanh(0.5 * a))", "    return HALF * (1.0 + np.tanh(HALF * a))")

    @staticmethod
    def plan(layers: Assignment, text: str, folder: Path) -> Plan:
        (folder / "rnn_layers.py").write_text(text, encoding="utf-8")
        with Runner() as runner:
            return make_plan(replace(layers, solution=folder), runner, SEED)

    def test_mean_what_they_mean_in_the_submission(
        self, layers: Assignment, runner: Runner, solution: str, tmp_path: Path
    ) -> None:
        """Numbers, texts, arrays and tables of the solution, of which a submission knows other things."""
        table = "{gate: number for number, gate in enumerate(GATES)}"
        names = {"HALF": "0.5", "GATES": "'ifog'", "EDGE": "np.ones(2)", "PLACES": table}
        made = "".join(f"{name} = {value}\n" for name, value in names.items())
        uses = "    assert PLACES['g'] == 3 and EDGE[1] == 1\n    hidden = prev_h.shape[1]\n"
        text = edited(
            solution,
            ("import numpy as np\n", f"import numpy as np\n\n{made}"),
            self.HALF,
            ("    hidden = prev_h.shape[1]\n", uses),
        )
        plan = self.plan(layers, text, tmp_path)
        for name in names:
            for value, sigmoid in (
                ("1.0", f"{name} / ({name} + np.exp(-a))"),
                ("'i, f'", f"1 / (1 + np.exp(-a)) if {name} == 'i, f' else None"),
            ):
                own = edited(
                    solution,
                    ("import numpy as np\n", f"import numpy as np\n\n{name} = {value}\n"),
                    (self.HALF[0], f"    return {sigmoid}"),
                )
                result = mark("a", "a", {"rnn_layers.py": own.encode()}, plan, runner)
                assert result.score == 20, (name, value)

    def test_sizes_are_the_probes(
        self, layers: Assignment, runner: Runner, solution: str, tmp_path: Path
    ) -> None:
        sized = edited(
            solution,
            ("import numpy as np\n", "import numpy as np\n\nHIDDEN = 128\n"),
            ("    hidden = prev_h.shape[1]\n", "    hidden = HIDDEN\n"),
        )
        plan = self.plan(layers, sized, tmp_path)
        for size in ("128", "256"):
            text = sized.replace("128", size)
            assert mark("a", "a", {"rnn_layers.py": text.encode()}, plan, runner).score == 20


class TestFollowingAStep:
    """Right by the submission's own step is right, if there is a step to speak of and the pass takes it."""

    JUNK = """

def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, *_ = cache
    total = dnext_h.sum()
    weights = np.full_like(Wx, total), np.full_like(Wh, total), np.full(Wh.shape[1], total)
    return np.full_like(x, total), 0 * prev_h, 0 * prev_c, *weights


def lstm_backward(dh, cache):
    x, h0, _, Wx, Wh, *_ = cache[0]
    total = dh.sum()
    dx = np.stack([np.full_like(x, part.sum()) for part in np.moveaxis(dh, 1, 0)], axis=1)
    return dx, 0 * h0, np.full_like(Wx, total), np.full_like(Wh, total), np.full(Wh.shape[1], total)
"""

    def test_a_step_of_which_no_gradient_is_right_is_none(self, marked: Marked, solution: str) -> None:
        result = marked(solution + self.JUNK)
        assert {part.key for part in result.parts if part.points} == {"step.forward", "sequence.forward"}
        assert result.needs_review

    def test_a_wrong_one_that_the_pass_calls_is_followed(self, marked: Marked, solution: str) -> None:
        """All its gradients are wrong, and the sequence's are what they make."""
        result = marked(edited(solution, ("dc = dnext_c + dnext_h * o", "dc = dnext_h * o")))
        assert {part.key for part in result.parts if part.max_points > part.points} == {
            f"step.{part}" for part in ("dx", "dprev_h", "dprev_c", "dWx", "dWh", "db")
        }
        assert result.needs_review == ()

    def test_one_that_looks_whether_it_is_driven_sees_nothing(self, marked: Marked, solution: str) -> None:
        """Nothing is bound beside arguments and results, as when it is judged."""
        known = "('_in', '__', '_forward_result', '_backward_result', '_Optimizer')"
        spy = f"    driven = any(n[0] == '_' and not n.startswith({known}) for n in globals())\n"
        text = edited(
            solution,
            ("    do = dnext_h * shown\n", f"{spy}    do = dnext_h * shown\n"),
            ("    dx = da @ Wx.T\n", "    dx = (0 if driven else 2) * da @ Wx.T\n"),
        )
        result = marked(text)
        assert {part.key for part in result.parts if part.points < part.max_points} == {"step.dx"}
        assert "sequence.dx" in given_step(result)

    def test_a_pass_that_is_right_by_a_step_that_it_does_not_call_is_for_a_person(
        self, marked: Marked, solution: str
    ) -> None:
        wrong = edited(solution, ("    dx = da @ Wx.T\n", "    dx = 3 * da @ Wx.T\n"))
        copied = wrong.replace("= lstm_step_backward(", "= the_same(") + wrong[
            wrong.index("def lstm_step_backward") : wrong.index("def lstm_forward")
        ].replace("lstm_step_backward", "the_same")
        assert given_step(marked(wrong)) == given_step(marked(copied)) == {"sequence.dx"}
        assert marked(wrong).needs_review == ()
        assert marked(copied).needs_review == ("sequence is right by step, which it does not call.",)

    DRIVEN = """

ahead = 0
derived, taken = lstm_step_backward, lstm_step_forward


def lstm_step_forward(*given):
    global ahead
    ahead += 1
    return taken(*given)


def lstm_step_backward(dnext_h, dnext_c, cache):
    global ahead
    steps, ahead = ahead, 0 if ahead == 1 else ahead
    if steps == 1:
        dx, *others = derived(dnext_h, dnext_c, cache)
        return 2 * dx, *others
    x, prev_h, prev_c, Wx, Wh, *_ = cache
    total = dnext_h.sum()
    weights = np.full_like(Wx, total), np.full_like(Wh, total), np.full(Wh.shape[1], total)
    return np.full_like(x, total), 0 * prev_h, 0 * prev_c, *weights


def lstm_backward(dh, cache):
    x, h0, _, Wx, Wh, *_ = cache[0]
    dx = np.stack([lstm_step_backward(dh[:, t], 0, cache[t])[0] for t in range(len(cache))], axis=1)
    total = dh.sum()
    return dx, 0 * h0, np.full_like(Wx, total), np.full_like(Wh, total), np.full(Wh.shape[1], total)
"""

    def test_one_that_counts_its_calls_is_seen(self, marked: Marked, solution: str) -> None:
        """Driven, it gives what the sequence gives; by itself, nearly what is right."""
        result = marked(solution + self.DRIVEN)
        assert {part.key for part in result.parts if part.points and "sequence" in part.key} == {
            "sequence.forward"
        }
        assert "step gives other results within sequence than by itself." in result.needs_review

    def test_one_that_keeps_what_it_was_given_is_followed(self, marked: Marked, solution: str) -> None:
        text = edited(
            solution,
            ("def lstm_step_backward", "last = {}\n\n\ndef lstm_step_backward"),
            (
                "    do = dnext_h * shown\n",
                "    last.update(h=dnext_h, c=dnext_c)\n    do = last['h'] * shown\n",
            ),
            ("    dx = da @ Wx.T\n", "    dx = 3 * da @ Wx.T\n"),
        )
        result = marked(text)
        assert {part.key for part in result.parts if part.points < part.max_points} == {"step.dx"}
        assert result.needs_review == ()

    def test_one_whose_gradients_are_written_into_the_same_arrays_again(
        self, marked: Marked, solution: str
    ) -> None:
        thrifty = edited(
            solution,
            ("def lstm_step_backward", "room = {}\n\n\ndef lstm_step_backward"),
            (
                "    dx = da @ Wx.T\n",
                "    dx = np.multiply(da @ Wx.T, 3, out=room.setdefault(x.shape, np.empty(x.shape)))\n",
            ),
        )
        result = marked(thrifty)
        assert {part.key for part in result.parts if part.points < part.max_points} == {"step.dx"}


class TestWatching:
    @pytest.mark.parametrize(
        "line",
        [
            "import sys; sys.setprofile(None)",
            "from sys import settrace",
            "import sys; sys._getframe(1)",
            "import gc; gc.get_objects()",
        ],
    )
    def test_who_reaches_into_the_interpreter_is_looked_at(
        self, marked: Marked, solution: str, line: str
    ) -> None:
        result = marked(
            edited(solution, ("    do = dnext_h * shown\n", f"    {line}\n    do = dnext_h * shown\n"))
        )
        assert result.score == 20
        assert any("it uses " in said for said in result.needs_review)

    @pytest.mark.parametrize(
        "line",
        ["np.last = dnext_h", "np.linalg.norm = abs", "setattr(np, 'tanh', abs)", "import sys; sys.modules"],
    )
    def test_who_changes_a_library_is_looked_at(self, marked: Marked, solution: str, line: str) -> None:
        text = edited(solution, ("    do = dnext_h * shown\n", f"    do = dnext_h * shown\n    {line}\n"))
        assert any(
            "it changes numpy" in said or "it uses sys.modules" in said for said in marked(text).needs_review
        )

    @pytest.mark.parametrize(
        "line", ["np.float = float", "sys.setrecursionlimit(5000)", "np.random.seed(3)", "state.h = 3"]
    )
    def test_who_only_speaks_to_one_is_not(self, marked: Marked, solution: str, line: str) -> None:
        head = f"import sys\nfrom types import SimpleNamespace\n\nstate = SimpleNamespace()\n{line}\n"
        result = marked(edited(solution, ("import numpy as np\n", f"import numpy as np\n{head}")))
        assert (result.score, result.needs_review) == (20, ())

    @pytest.mark.parametrize(
        "line",
        [
            "exec('import numpy')",
            "importlib.import_module('numpy')",
            "type('Tape', (np.ndarray,), {'__array_ufunc__': None})",
            "getattr(sys, '_current_frames')()",
        ],
    )
    def test_who_hides_what_it_does_in_texts_is_looked_at(
        self, marked: Marked, solution: str, line: str
    ) -> None:
        imports = "import importlib\nimport sys\nimport numpy as np\n"
        result = marked(
            edited(
                solution,
                ("import numpy as np\n", imports),
                ("    do = dnext_h * shown\n", f"    {line}\n    do = dnext_h * shown\n"),
            )
        )
        assert result.score == 20
        assert len(result.needs_review) == 1

    @pytest.mark.parametrize(
        "slope",
        [
            "np.imag(np.tanh(a + (-1) ** 0.5 * 1e-30)) / 1e-30",
            "np.tanh(a + np.longdouble(1e-9)) * 0 + 1 - g**2",
        ],
    )
    def test_who_has_use_for_other_numbers_is_looked_at(
        self, marked: Marked, solution: str, slope: str
    ) -> None:
        """In one expression, where no variable ever holds one."""
        text = edited(solution, ("dg * (1 - g**2)],", f"dg * np.float64({slope})],")).replace(
            "    dg = dc * i\n", "    dg = dc * i\n    a = np.arctanh(g)\n"
        )
        result = marked(text)
        assert result.score == 20
        assert any("it computes with" in said for said in result.needs_review)

    def test_files_beside_that_nothing_imports_are_not_looked_at(
        self, layers_plan: Plan, runner: Runner, solution: str
    ) -> None:
        beside = b"import importlib\nimport torch\nimport numpy as np\n\nnp.abs = 1j\n"
        imported = edited(
            solution, ("import numpy as np\n", "import numpy as np\n\nfrom mine import gates\n")
        )
        for text, name, expected in (
            (solution, "compare.py", 0),
            (imported, "mine/gates.py", 3),
        ):
            files = {"rnn_layers.py": text.encode(), name: beside, "mine/__init__.py": b""}
            assert len(mark("a", "a", files, layers_plan, runner).needs_review) == expected

    def test_a_class_that_is_given_its_arithmetic_is_looked_at(self, marked: Marked, solution: str) -> None:
        tape = "class Node:\n    __add__ = __radd__ = np.add\n\n\ndef lstm_step_forward"
        result = marked(edited(solution, ("def lstm_step_forward", tape)))
        assert any("class Node has arithmetic of its own" in said for said in result.needs_review)

    def test_who_switches_it_off_by_another_name_is_looked_at(self, marked: Marked, solution: str) -> None:
        off = "    getattr(__import__('sys'), 'set' + 'profile')(None)\n    do = dnext_h * shown\n"
        result = marked(edited(solution, ("    do = dnext_h * shown\n", off)))
        assert "It switches off the counting of its calls (RNN909)." in result.needs_review


class TestWhatSurvives:
    """Sums that nobody sets back are right once, and a person is told."""

    SUMS = "    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * hidden)\n"
    HEAD = "def lstm_backward(dh, cache):\n"

    @pytest.mark.parametrize(
        "head, sums",
        [
            (
                "def lstm_backward(dh, cache, sums={}):\n",
                "    dWx = sums.setdefault('dWx', np.zeros_like(Wx))\n"
                "    dWh, db = np.zeros_like(Wh), np.zeros(4 * hidden)\n",
            ),
            (
                "dWx = None\n\n\ndef lstm_backward(dh, cache):\n    global dWx\n",
                "    dWx = np.zeros_like(Wx) if dWx is None else dWx\n"
                "    dWh, db = np.zeros_like(Wh), np.zeros(4 * hidden)\n",
            ),
            (
                "from functools import cache as kept\n\n\n@kept\ndef zeros(*shape):\n"
                "    return np.zeros(shape)\n\n\ndef lstm_backward(dh, cache):\n",
                "    dWx, dWh, db = zeros(*Wx.shape), np.zeros_like(Wh), np.zeros(4 * hidden)\n",
            ),
        ],
    )
    def test_is_seen(self, marked: Marked, solution: str, head: str, sums: str) -> None:
        result = marked(edited(solution, (self.HEAD, head), (self.SUMS, sums)))
        assert result.score == 20
        (said,) = result.needs_review
        assert said.startswith("sequence.dWx: right in a first pass, wrong in the next")

    def test_room_that_is_set_back_is_none(self, marked: Marked, solution: str) -> None:
        sums = "    dWx = sums.setdefault('dWx', np.zeros_like(Wx))\n    dWx[...] = 0\n"
        text = edited(
            solution,
            (self.HEAD, "def lstm_backward(dh, cache, sums={}):\n"),
            (self.SUMS, f"{sums}    dWh, db = np.zeros_like(Wh), np.zeros(4 * hidden)\n"),
        )
        result = marked(text)
        assert (result.score, result.needs_review) == (20, ())


class TestWhatItSays:
    @pytest.fixture
    def book(self, layers: Assignment, layers_plan: Plan, marked: Marked, solution: str) -> GradeBook:
        said = "raise ValueError('no\\x1b[2J\\x00\\x07\\n::error::yes\\u202e')\n"
        result = marked(edited(solution, ("    do = dnext_h * shown\n", f"    {said}")))
        student = replace(result, student_id="bell\x07\n::error::me", reason=f"{result.reason} \x1b[2J")
        return book_of(Course(layers, (), Path("nowhere")), layers_plan, [student], ())

    @pytest.mark.parametrize("write", [csv_text, render, lambda book: markdown(book.students[0], book)])
    def test_is_legible_to_people_and_commands_nothing(
        self, book: GradeBook, write: Callable[[GradeBook], str]
    ) -> None:
        written = write(book)
        assert not {"\x1b", "\x00", "\x07", "\u202e"} & set(written)
        assert not any(line.lstrip().startswith("::") for line in written.splitlines())

    def test_is_still_told(self, book: GradeBook) -> None:
        assert "no\ufffd" in markdown(book.students[0], book)


def given_step(result: StudentResult) -> set[str]:
    return {part.key for part in result.parts if part.public is PartVerdict.RIGHT_GIVEN_STEP}
