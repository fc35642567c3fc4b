"""``assignment.toml`` is read strictly: no mistake in it becomes a score."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rnnlint.grading.api import template
from rnnlint.grading.assignment import AssignmentError, read_assignment
from rnnlint.grading.results import Detail
from tests.grading.cohort import LAYERS


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The folder of an assignment that can be read."""
    shutil.copytree(LAYERS, tmp_path / "course")
    return tmp_path / "course"


def refused(course: Path, old: str, new: str) -> str:
    """What is said of the assignment with a change."""
    path = course / "assignment.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(AssignmentError) as error:
        read_assignment(path)
    return str(error.value)


def test_all_that_it_says(course: Path) -> None:
    assignment = read_assignment(course / "assignment.toml")
    assert assignment.max_score == 20
    assert assignment.files == ("rnn_layers.py",)
    assert [task.name for task in assignment.tasks] == ["step", "sequence"]
    assert assignment.task("sequence").follow_through == "step"
    assert dict(assignment.task("sequence").points) == {
        "forward": 4, "dx": 1, "dh0": 2, "dWx": 1, "dWh": 1, "db": 1,
    }  # fmt: skip
    assert (assignment.cell, assignment.gates, assignment.hidden_probes) == ("lstm", "ifog", 3)
    assert (assignment.limits.seconds, assignment.limits.memory_mb) == (5, 512)
    assert assignment.detail is Detail.LINE


@pytest.mark.parametrize("style", ["cs231n", "article"])
def test_what_init_writes_can_be_read(tmp_path: Path, style: str) -> None:
    (tmp_path / "assignment.toml").write_text(template(style), encoding="utf-8")
    (tmp_path / "solution").mkdir()
    (tmp_path / "starter").mkdir()
    assert read_assignment(tmp_path / "assignment.toml").max_score in (20, 15)


def test_its_fingerprint_is_of_the_solution_too(course: Path) -> None:
    before = read_assignment(course / "assignment.toml").sha256
    with (course / "solution" / "rnn_layers.py").open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")
    assert read_assignment(course / "assignment.toml").sha256 != before


@pytest.mark.parametrize("content", ["", "# nothing\n", "not toml", "version = 1\n"])
def test_a_file_that_says_nothing_is_an_error(course: Path, content: str) -> None:
    (course / "assignment.toml").write_text(content, encoding="utf-8")
    with pytest.raises(AssignmentError, match=r"assignment\.toml"):
        read_assignment(course / "assignment.toml")


def test_a_missing_file_is_an_error(course: Path) -> None:
    with pytest.raises(AssignmentError, match="--init"):
        read_assignment(course / "nothing.toml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 2", "version 2 is not known"),
        ("version = 1", "", "the key version is missing"),
        ("cell =", "sell =", "unknown key 'sell'. Did you mean 'cell'?"),
        ("tolerance =", "tolerence =", "Did you mean 'tolerance'?"),
        ('"lstm"', '"lstn"', "Did you mean 'lstm'?"),
        ('"ifog"', '"ifo"', "each of the letters f, i, g, o once"),
        ('file = "rnn_layers.py"', "", "say what is handed in"),
        ('"rnn_layers.py"', '"../rnn_layers.py"', "inside the submission"),
        ('"rnn_layers.py"', '"layers.txt"', "neither a .py file"),
        ("dWx=1, dWh=1, db=1}", "dWz=1}", "points are given for 'dWz', which is none of"),
        ("forward=4", "forward=-4", "points.forward must be a number from 0 up"),
        ("forward=4", "forward=true", "points.forward must be a number"),
        ("{forward=4, dx=1, dprev_h=1, dprev_c=1, dWx=1, dWh=1, db=1}", "{forward=0}", "gives no points"),
        ("{forward=4, dx=1, dprev_h=1, dprev_c=1, dWx=1, dWh=1, db=1}", "{}", "points must be a table"),
        ('follow_through = "step"', 'follow_through = "stop"', "Did you mean 'step'?"),
        ('follow_through = "step"', 'follow_through = "sequence"', "must name another task"),
        ('name = "sequence"', 'name = "step"', "two tasks are called 'step'"),
        ("hidden_probes = 3", "hidden_probes = 0", "a whole number from 1"),
        ("seconds = 5", "seconds = 0", "a number from 0.1"),
        ("times_solution = 20", "times_solution = 1", "a number from 2"),
        ('detail = "line"', 'detail = "lines"', "Did you mean 'line'?"),
        ('solution = "solution/"', "", "must name the solution"),
        ('solution = "solution/"', 'solution = "answers/"', "answers/ is no folder"),
        ("lstm_forward(x, h0, Wx, Wh, b)", "lstm_forward(open('x'))", "is not read"),
        ('backward = "lstm_backward', 'backwards = "lstm_backward', "Did you mean 'backward'?"),
    ],
)
def test_mistakes_are_said_in_a_sentence(course: Path, old: str, new: str, said: str) -> None:
    message = refused(course, old, new)
    assert said in message
    assert message.startswith(str(course / "assignment.toml"))
