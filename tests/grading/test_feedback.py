"""What students are told, what grade books hold, and what neither ever does."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from rnnlint.grading.assignment import Assignment
from rnnlint.grading.course import Course, book_of
from rnnlint.grading.feedback import as_json, markdown
from rnnlint.grading.gradebook import csv_text
from rnnlint.grading.plan import Plan
from rnnlint.grading.results import Detail, GradeBook, StudentResult, SubmissionStatus
from rnnlint.grading.results_folder import FORMATS, file_name, gradescope_text, write_results
from tests.grading.cohort import LAYERS
from tests.grading.conftest import SEED

Marked = Callable[[str], StudentResult]


@pytest.fixture(scope="module")
def bela(marked: Marked) -> StudentResult:
    text = (LAYERS / "submissions" / "bela" / "rnn_layers.py").read_text(encoding="utf-8")
    return replace(marked(text), student_id="bela", submission="bela")


@pytest.fixture(scope="module")
def book(
    layers: Assignment, layers_plan: Plan, bela: StudentResult, marked: Marked, solution: str
) -> GradeBook:
    right = replace(marked(solution), student_id="amara", submission="amara")
    course = Course(layers, (), Path("nowhere"))
    return book_of(course, layers_plan, [bela, right], ("landlock",))


def at(book: GradeBook, detail: Detail) -> GradeBook:
    return replace(book, detail=detail)


def test_feedback_of_a_wrong_step(book: GradeBook, bela: StudentResult) -> None:
    assert markdown(bela, book).splitlines() == [
        "# LSTM layers: 15 / 20",
        "| task | public | hidden | points |",
        "|---|---|---|---|",
        "| step forward | right | right | 4/4 |",
        "| step backward | dprev_c right, others wrong | same | 1/6 |",
        "| sequence forward | right | right | 4/4 |",
        "| sequence backward | right given your step | same | 6/6 |",
        "",
        r"- lstm\_step\_backward(): of the gates' gradients only those of gate f are wrong.",
        "",
        "**Look at** `lstm_step_backward`, line 35 of rnn_layers.py (RNN205, missing derivative).",
        "",
        "Try it: `rnnlint rnn_layers.py`. Hidden inputs and errors are not shown.",
    ]


def test_a_fix_is_shown_where_the_teacher_says_so(book: GradeBook, marked: Marked, solution: str) -> None:
    overwritten = marked(solution.replace("dWx += dWx_t", "dWx = dWx_t"))
    for detail in Detail:
        assert ("dWx += dWx_t" in markdown(overwritten, at(book, detail))) == (detail is Detail.FIX)


def test_each_level_tells_more(book: GradeBook, bela: StudentResult) -> None:
    told = [markdown(bela, at(book, detail)) for detail in Detail]
    assert [("line 35" in each, "derivative of" in each or "σ′" in each) for each in told] == [
        (False, False),
        (True, False),
        (True, True),
        (True, True),
    ]
    keys = [set(place) for detail in Detail for place in as_json(bela, at(book, detail))["places"]]
    assert [("reason" in each, "fix" in each) for each in keys] == [
        (False, False),
        (True, False),
        (True, True),
    ]


def test_nothing_of_a_hidden_probe_comes_out(
    marked: Marked, book: GradeBook, layers_plan: Plan, solution: str, tmp_path: Path
) -> None:
    """The submission says all it sees, in every way it has, wherever the probe is not the public one."""
    known = [float(layers_plan.task("step").probes[0].arguments["_in_x"][0, 0])]
    known += layers_plan.task("sequence").probes[0].arguments["_in_x"][0, :, 0].tolist()
    tell = (
        f"    if x[0, 0] not in {known!r}:\n"
        "        print('CAPTURED', x.tolist())\n"
        "        raise ValueError('CAPTURED ' + repr(x.tolist()))\n"
    )
    head = "    hidden = prev_h.shape[1]\n"
    assert head in solution
    told = marked(solution.replace(head, tell + head, 1))
    wrong = marked(solution.replace("da.sum(axis=0)", "2 * da.sum(axis=0)"))
    assert told.score is not None and told.score < 20
    full = replace(at(book, Detail.FIX), students=(told, replace(wrong, student_id="b")))
    write_results(tmp_path, full, FORMATS)
    written = "\n".join(path.read_text("utf-8") for path in sorted(tmp_path.rglob("*")) if path.is_file())
    assert len(written) > 5_000
    for secret in ("CAPTURED", str(SEED), f"{SEED:x}"):
        assert secret not in written
    plain = re.sub(r"<style>.*?</style>", "", written, flags=re.DOTALL)
    numbers = re.findall(r"-?\d+\.\d{3,}(?:e-?\d+)?", plain)
    assert numbers == [], "an error, a ratio or a value"
    for task in layers_plan.tasks:
        for probe in task.probes[1:]:
            for value in (*probe.arguments.values(), *probe.gradients.values()):
                assert f"{float(value.flat[0]):.4f}".lstrip("-") not in written


def test_the_columns_are_the_documented_ones(book: GradeBook) -> None:
    rows = list(csv.reader(io.StringIO(csv_text(book))))
    assert ",".join(rows[0]) == (
        "student_id,submission,status,score,max_score,"
        "step.forward,step.dx,step.dprev_h,step.dprev_c,step.dWx,step.dWh,step.db,"
        "sequence.forward,sequence.dx,sequence.dh0,sequence.dWx,sequence.dWh,sequence.db,"
        "rules,needs_review,reason,seconds,seed_id,assignment_sha256,rnnlint_version"
    )
    amara, bela = (dict(zip(rows[0], row, strict=True)) for row in rows[1:])
    assert (amara["student_id"], amara["status"], amara["score"]) == ("amara", "ok", "20")
    assert (bela["score"], bela["step.dx"], bela["rules"]) == ("15", "0", "RNN205")


def test_the_order_of_the_results_does_not_matter(book: GradeBook) -> None:
    assert csv_text(replace(book, students=book.students[::-1])) == csv_text(book)


@pytest.mark.parametrize(
    "name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "  =1", "a\n=1", "|x", "a,b", 'a"b']
)
def test_no_cell_is_a_formula(book: GradeBook, bela: StudentResult, name: str) -> None:
    strange = replace(bela, student_id=name, submission=name, reason=name)
    row = list(csv.reader(io.StringIO(csv_text(replace(book, students=(strange,))))))[1]
    assert len(row) == 25
    for cell in (row[0], row[1], row[20]):
        assert not re.match(r"\s*[=+\-@|\t\r]", cell)
        assert "\n" not in cell


def test_a_score_that_is_not_known_is_no_zero(book: GradeBook, bela: StudentResult) -> None:
    unknown = replace(bela, score=None, status=SubmissionStatus.NO_SANDBOX, parts=())
    row = list(csv.reader(io.StringIO(csv_text(replace(book, students=(unknown,))))))[1]
    assert row[2:6] == ["no-sandbox", "", "20", ""]
    assert "does not mean it is wrong" in markdown(unknown, book)
    with pytest.raises(ValueError, match="no score"):
        gradescope_text(replace(book, students=(unknown,)), "bela")


STRANGE = [
    "../../etc/passwd",
    "a/b",
    "Ünïcode 学生",
    "CON",
    "amara",
    "Amara",
    "",
    ".hidden",
    "x" * 300,
    "a\0b",
]


def test_file_names_of_strange_students_are_plain_and_distinct() -> None:
    names = [file_name(student) for student in STRANGE]
    assert len({name.lower() for name in names}) == len(STRANGE)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name)


def test_markdown_of_a_student_stays_text(book: GradeBook, bela: StudentResult) -> None:
    evil = replace(bela, problems=("rnn_layers.py: <img src=x> | [a](b) `c` # d",))
    text = markdown(evil, book)
    assert "<img" not in text.replace(r"\<img", "")
    assert "](b)" not in text.replace(r"\](b)", "")


PUBLISHED = {"score", "execution_time", "output", "output_format", "test_output_format", "test_name_format",
             "visibility", "stdout_visibility", "extra_data", "tests", "leaderboard"}  # fmt: skip
PUBLISHED_OF_TEST = {"score", "max_score", "status", "name", "name_format", "number", "output",
                     "output_format", "tags", "visibility", "extra_data"}  # fmt: skip


def test_results_for_gradescope_have_its_published_fields(book: GradeBook) -> None:
    results: dict[str, Any] = json.loads(gradescope_text(book, "bela"))
    assert results.keys() <= PUBLISHED
    assert results["output_format"] in {"text", "html", "simple_format", "md", "ansi"}
    shown = {"hidden", "after_due_date", "after_published", "visible"}
    assert {results["visibility"], results["stdout_visibility"]} <= shown
    assert results["score"] == sum(test["score"] for test in results["tests"]) == 15
    for test in results["tests"]:
        assert test.keys() <= PUBLISHED_OF_TEST
        assert test["status"] == ("passed" if test["score"] == test["max_score"] else "failed")


def test_junit_has_a_case_a_part(book: GradeBook, tmp_path: Path) -> None:
    write_results(tmp_path, book, ["junit"])
    suites = list(JUnitXml.fromfile(str(tmp_path / "junit.xml")))
    assert [(suite.name, suite.tests, suite.failures) for suite in suites] == [
        ("bela", 13, 5),
        ("amara", 13, 0),
    ]
