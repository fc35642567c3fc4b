"""A hidden probe has other sizes than the public one: what is written for certain sizes is not right."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlint.grading.assignment import Assignment, AssignmentError, read_assignment
from rnnlint.grading.marking import mark
from rnnlint.grading.plan import OTHERWISE_SIZED, Plan
from rnnlint.grading.results import PartVerdict, StudentResult
from rnnlint.grading.selftest import check_selftest
from rnnlint.grading.solving import make_plan
from rnnlint.sandbox import Runner
from tests.grading.cohort import FIXTURES, LAYERS
from tests.grading.conftest import SEED

Marked = Callable[[str], StudentResult]
STEP = {f"step.{part}" for part in ("forward", "dx", "dprev_h", "dprev_c", "dWx", "dWh", "db")}
BACKWARD = {f"sequence.{part}" for part in ("dx", "dh0", "dWx", "dWh", "db")}


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def lost(result: StudentResult) -> set[str]:
    return {part.key for part in result.parts if part.points < part.max_points}


def plan_of(course: Path, runner: Runner, seed: int = SEED) -> Plan:
    assignment = read_assignment(course / "assignment.toml")
    plan = make_plan(assignment, runner, seed)
    check_selftest(assignment, plan, runner)
    return plan


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return Path(shutil.copytree(LAYERS, tmp_path / "layers"))


@pytest.mark.parametrize("seed", range(6))
def test_are_all_others_and_more_steps(layers: Assignment, runner: Runner, seed: int) -> None:
    task = make_plan(layers, runner, seed).task("sequence")
    public, other = (task.probes[number].arguments for number in (0, OTHERWISE_SIZED))
    assert all(np.shape(other[name]) != np.shape(public[name]) for name in public)
    (N, T, D), H = np.shape(other["_in_x"]), np.shape(other["_in_h0"])[1]
    assert np.shape(public["_in_x"])[1] < T
    assert len({N, T, D, H}) == 4
    assert {N, T, D, H}.isdisjoint((*np.shape(public["_in_x"]), *np.shape(public["_in_h0"])))
    assert all(np.shape(task.probes[2].arguments[name]) == np.shape(public[name]) for name in public)


@pytest.mark.parametrize("seed", [8, 13, 21])
def test_no_number_is_taken_for_another_that_is_like_it(
    one_pass: Assignment, runner: Runner, seed: int
) -> None:
    """Under the first seed, a pre-activation near zero and its tanh differ by 6e-11 where they are found."""
    check_selftest(one_pass, make_plan(one_pass, runner, seed), runner)


def test_come_from_the_seed(layers: Assignment, layers_plan: Plan, runner: Runner) -> None:
    assert make_plan(layers, runner, SEED).to_bytes() == layers_plan.to_bytes()
    shapes = {
        np.shape(make_plan(layers, runner, seed).task("sequence").probes[1].arguments["_in_x"])
        for seed in range(4)
    }
    assert len(shapes) > 1


@pytest.mark.parametrize(
    ("old", "new", "costs"),
    [
        ("    for t in range(steps):", "    for t in range(4):", BACKWARD | {"sequence.forward"}),
        ("in reversed(range(steps)):", "in reversed(range(4)):", BACKWARD),
        ("in reversed(range(steps)):", "in range(steps - 1, max(-1, steps - 5), -1):", BACKWARD),
        ("batch, steps, hidden = dh.shape", "(batch, steps, hidden), batch = dh.shape, 2", BACKWARD),
        ("    dWh = prev_h.T @ da\n", "    dWh = (prev_h.T @ da)[:3, :12]\n", {"step.dWh", *BACKWARD}),
        ("    dx = da @ Wx.T\n", "    dx = da[:2] @ Wx.T\n", {"step.dx", *BACKWARD}),
    ],
)
def test_a_size_that_is_written_into_the_code_costs_what_it_breaks(
    marked: Marked, solution: str, old: str, new: str, costs: set[str]
) -> None:
    result = marked(edited(solution, old, new))
    assert lost(result) == costs
    assert {part.public for part in result.parts} <= {PartVerdict.RIGHT, PartVerdict.RIGHT_GIVEN_STEP}
    assert result.needs_review
    assert all(said.endswith("right at the sizes of the public probe alone.") for said in result.needs_review)
    assert all("take sizes from the arrays" in said for said in result.problems)


def test_a_hard_coded_step_is_not_followed(marked: Marked, solution: str) -> None:
    result = marked(edited(solution, "    hidden = prev_h.shape[1]\n", "    hidden = 3\n"))
    assert lost(result) == {*STEP, *BACKWARD, "sequence.forward"}


def test_a_wrong_step_is_followed_at_other_sizes_too(marked: Marked, solution: str) -> None:
    result = marked(edited(solution, "    dx = da @ Wx.T\n", "    dx = 3 * da @ Wx.T\n"))
    assert lost(result) == {"step.dx"}
    assert next(part.hidden for part in result.parts if part.key == "sequence.dx") == (
        PartVerdict.RIGHT_GIVEN_STEP
    )


@pytest.mark.parametrize("factor", ["1 / len(outputs)", "len(outputs) / W_v.shape[0]"])
def test_a_common_factor_is_made_of_the_sizes_there(
    folder_marked: Callable[..., StudentResult], factor: str
) -> None:
    text = (FIXTURES / "article" / "corrected" / "backward.py").read_text(encoding="utf-8")
    last = "    return clip_gradient_norm(grads)\n"
    mean = edited(text, last, f"    return tuple(each * ({factor}) for each in grads)\n")
    assert folder_marked({"backward.py": mean}).score == 15


def test_one_hidden_probe_is_otherwise_sized_and_shows_what_survives(
    layers: Assignment, runner: Runner, solution: str
) -> None:
    plan = make_plan(replace(layers, hidden_probes=1), runner, SEED)
    surviving = edited(
        edited(solution, "def lstm_backward(dh, cache):\n", "def lstm_backward(dh, cache, sums={}):\n"),
        "    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * hidden)\n",
        "    dWx = sums.setdefault('dWx', np.zeros_like(Wx))\n"
        "    dWh, db = np.zeros_like(Wh), np.zeros(4 * hidden)\n",
    )
    result = mark("a", "a", {"rnn_layers.py": surviving.encode()}, plan, runner)
    assert result.score == 20
    (said,) = result.needs_review
    assert said.startswith("sequence.dWx: right in a first pass, wrong in the next")


class TestWhereTheyCannotChange:
    """The probes are then sized as the public one, and the teacher is told."""

    def test_as_the_solution_allows_no_other(self, course: Path, runner: Runner, solution: str) -> None:
        own = edited(solution, "    batch, steps, _ = x.shape\n", "    batch, steps = len(x), 4\n")
        (course / "solution" / "rnn_layers.py").write_text(own, encoding="utf-8")
        plan = plan_of(course, runner)
        (note,) = plan.notes
        assert note.startswith("[[task]] sequence: the number of steps is the same in all probes")
        probes = plan.task("sequence").probes
        assert np.shape(probes[OTHERWISE_SIZED].arguments["_in_x"])[1] == 4
        assert np.shape(probes[OTHERWISE_SIZED].arguments["_in_x"]) != np.shape(probes[0].arguments["_in_x"])
        assert mark("a", "a", {"rnn_layers.py": own.encode()}, plan, runner).score == 20

    def test_as_the_assignment_states_them(self, course: Path, runner: Runner) -> None:
        stated = 'prev_h = ["B", 3], prev_c = ["B", 3], Wx = ["D", 12], Wh = [3, 12], b = [12]'
        plan = plan_of(self.with_shapes(course, stated), runner)
        (note,) = plan.notes
        assert note.startswith("[[task]] step: the number of ")
        assert "units" in note

    def test_sizes_that_nothing_is_named_by_are_refused_in_a_sentence(
        self, course: Path, runner: Runner
    ) -> None:
        """Two sequences, without saying that two is how many there are."""
        stated = 'x = [2, "D"], prev_h = [2, "H"], prev_c = [2, "H"]'
        with pytest.raises(AssignmentError, match=r"\[\[task\]\] step: "):
            plan_of(self.with_shapes(course, stated), runner)

    @staticmethod
    def with_shapes(course: Path, stated: str) -> Path:
        """The course with these shapes of its step, which the sequence does not follow."""
        path = course / "assignment.toml"
        text = path.read_text(encoding="utf-8").replace('follow_through = "step"', "")
        text = edited(text, 'name = "step"\n', f'name = "step"\nshapes = {{{stated}}}\n')
        path.write_text(text, encoding="utf-8")
        return course

    def test_as_the_teacher_wants_it_so(self, course: Path, runner: Runner, solution: str) -> None:
        path = course / "assignment.toml"
        text = path.read_text(encoding="utf-8")
        path.write_text(edited(text, "hidden_probes = 3", "hidden_probes = 3\nother_sizes = false"))
        plan = plan_of(course, runner)
        assert plan.notes == ()
        own = edited(solution, "    for t in range(steps):", "    for t in range(4):")
        assert mark("a", "a", {"rnn_layers.py": own.encode()}, plan, runner).score == 20


def test_all_may_change_in_the_courses_here(layers_plan: Plan, one_pass_plan: Plan) -> None:
    assert layers_plan.notes == one_pass_plan.notes == ()
