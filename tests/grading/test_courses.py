"""Courses on the other cells, graded end to end: a GRU and a vanilla RNN, in steps and over sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rnnlint.grading.assignment import read_assignment
from rnnlint.grading.marking import mark
from rnnlint.grading.results import StudentResult, SubmissionStatus
from rnnlint.grading.selftest import check_selftest
from rnnlint.grading.solving import make_plan
from rnnlint.sandbox import Runner
from tests.grading.cohort import FIXTURES

FILE = "layers.py"
ALL_OF_SEQUENCE = {f"sequence.{part}" for part in ("dx", "dh0", "dWx", "dWh", "db")}
ALL_OF_STEP = {f"step.{part}" for part in ("dx", "dprev_h", "dWx", "dWh", "db")}

Marked = Callable[[str, str], StudentResult]


@pytest.fixture(scope="module", params=["gru_layers", "rnn_layers"])
def course(request: pytest.FixtureRequest) -> Iterator[tuple[str, Marked]]:
    """A course's name, and the marks of its solution with one piece of text replaced by another."""
    folder = FIXTURES / "grading" / request.param
    assignment = read_assignment(folder / "assignment.toml")
    with Runner() as runner:
        plan = make_plan(assignment, runner, 24681357)
        check_selftest(assignment, plan, runner)
        solution = (folder / "solution" / FILE).read_text(encoding="utf-8")

        def marked(old: str, new: str) -> StudentResult:
            assert old in solution
            return mark("a", "a", {FILE: solution.replace(old, new).encode()}, plan, runner)

        yield request.param, marked


EDITS = {
    "gru_layers": [
        ("dnext_h * z + dreset * r +", "dnext_h * z + dreset +", {"step.dprev_h"}),
        ("* z * (1 - z)", "* z", {"step.dx", "step.dprev_h", "step.dWx", "step.dWh", "step.db"}),
        ("(r * prev_h).T @ da_n", "prev_h.T @ da_n", {"step.dWh"}),
        ("dh[:, t] + carried", "dh[:, t]", ALL_OF_SEQUENCE),
    ],
    "rnn_layers": [
        ("(1 - next_h**2)", "next_h", ALL_OF_STEP),
        ("dh[:, t] + carried", "dh[:, t]", ALL_OF_SEQUENCE),
        ("        db += db_t", "        db = db_t", {"sequence.db"}),
    ],
}


def test_a_solution_scores_full_marks_and_each_bug_costs_its_own(course: tuple[str, Marked]) -> None:
    name, marked = course
    whole = marked("import numpy", "import numpy")
    assert (whole.status, whole.score, whole.needs_review) == (SubmissionStatus.OK, 14, ())
    for old, new, costs in EDITS[name]:
        result = marked(old, new)
        assert {part.key for part in result.parts if part.points < part.max_points} == costs, new
