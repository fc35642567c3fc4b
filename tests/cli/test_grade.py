"""``rnnlint grade`` as it is called: results in a folder, mistakes in a sentence, a platform's container."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rnnlint.cli.commands import command_line
from rnnlint.cli.failures import run
from tests.grading.cohort import LAYERS

ASSIGNMENT = LAYERS / "assignment.toml"


def grade(*words: object) -> int:
    """The exit status of the command in this process."""
    return run(command_line, ["grade", *map(str, words)], "rnnlint")


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "grades.csv").open(encoding="utf-8", newline="") as stream:
        return {row["student_id"]: row for row in csv.DictReader(stream)}


def test_a_course_is_graded_and_a_second_run_continues(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "rnnlint", "grade", str(LAYERS / "submissions"), "--seed", "5"]
    command += ["--assignment", str(ASSIGNMENT), "--workers", "2", "--output-dir", str(tmp_path / "out")]
    first = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert first.stdout.startswith("4 submissions: 2 wrong, 1 ok, 1 unimplemented; 0 to be reviewed.")
    graded = rows(tmp_path / "out")
    assert {name: row["score"] for name, row in graded.items()} == {
        "amara": "20",
        "bela": "15",
        "cleo": "14",
        "dov": "0",
    }
    assert (tmp_path / "out" / "feedback" / "bela.md").read_text("utf-8").startswith("# LSTM layers: 15 / 20")
    before = (tmp_path / "out" / "grades.csv").read_bytes()
    notes = len((tmp_path / "out" / "journal.jsonl").read_text("utf-8").splitlines())
    subprocess.run(command, capture_output=True, check=True, timeout=300)
    assert (tmp_path / "out" / "grades.csv").read_bytes() == before
    assert len((tmp_path / "out" / "journal.jsonl").read_text("utf-8").splitlines()) == notes == 4


def test_the_one_of_gradescopes_container(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    container = tmp_path / "autograder"
    shutil.copytree(LAYERS / "submissions" / "amara", container / "submission")
    (container / "results").mkdir()
    results = container / "results" / "results.json"
    status = grade("--one", container / "submission", "--assignment", ASSIGNMENT, "--results", results)
    assert status == 0
    written: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    assert written["score"] == 20
    assert len(written["tests"]) == 13
    assert capsys.readouterr().out.startswith("# LSTM layers: 20 / 20")


def test_a_submission_without_a_score_leaves_no_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "rnn_layers.py").write_bytes(b"\0\0")
    results = tmp_path / "results.json"
    assert grade("--one", tmp_path / "submission", "--assignment", ASSIGNMENT, "--results", results) == 2
    assert not results.exists()
    assert "is binary" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["cs231n", "article"])
def test_init_writes_an_assignment_and_never_over_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], style: str
) -> None:
    path = tmp_path / "assignment.toml"
    assert grade("--init", style, "--assignment", path) == 0
    before = path.read_bytes()
    assert b"[[task]]" in before
    assert grade("--init", "cs231n", "--assignment", path) == 2
    assert path.read_bytes() == before
    assert "is not overwritten" in capsys.readouterr().err


def changed(tmp_path: Path, **texts: str) -> Path:
    """The course with another solution or starter."""
    course = tmp_path / "course"
    shutil.copytree(LAYERS, course)
    for folder, text in texts.items():
        (course / folder / "rnn_layers.py").write_text(text, encoding="utf-8")
    return course / "assignment.toml"


@pytest.mark.parametrize(
    ("folder", "old", "new", "said"),
    [
        ("solution", "df * f * (1 - f)", "df", "the solution scores"),
        ("solution", "f = sigmoid(a[:, hidden : 2 * hidden])\n    o", "o", "could not be run"),
        ("solution", "next_h = o * shown", "next_h = o * shown + prev_h", "is no LSTM"),
        ("starter", "", "", "the starter scores"),
    ],
)
def test_nothing_is_graded_before_the_selftest_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, old: str, new: str, said: str
) -> None:
    solution = (LAYERS / "solution" / "rnn_layers.py").read_text(encoding="utf-8")
    assignment = changed(tmp_path, **{folder: solution.replace(old, new) if old else solution})
    out = tmp_path / "out"
    assert grade(LAYERS / "submissions", "--assignment", assignment, "--output-dir", out) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert not out.exists()


def test_a_starter_that_is_not_there_scores_nothing_for_want_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assignment = changed(tmp_path)
    (assignment.parent / "starter" / "rnn_layers.py").unlink()
    assert grade(LAYERS / "submissions", "--assignment", assignment, "--output-dir", tmp_path / "out") == 2
    assert "the starter lacks a file: rnn_layers.py is not there." in capsys.readouterr().err


def test_gates_in_another_order_than_stated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assignment = changed(tmp_path)
    assignment.write_text(assignment.read_text("utf-8").replace('"ifog"', '"figo"'), encoding="utf-8")
    assert grade(LAYERS / "submissions", "--assignment", assignment, "--output-dir", tmp_path / "out") == 2
    assert "stand in the order ifog, and the assignment says figo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([LAYERS / "submissions"], "assignment.toml: there is no such file"),
        ([LAYERS / "nothing", "--assignment", ASSIGNMENT], "there is no such folder"),
        (["--assignment", ASSIGNMENT], "Name the one folder"),
        (["--one", LAYERS / "none", "--assignment", ASSIGNMENT], "there is no such folder"),
        ([LAYERS / "submissions", "--assignment", ASSIGNMENT, "--only", "amira"], "Did you mean 'amara'?"),
        (
            [LAYERS / "submissions", "--assignment", ASSIGNMENT, "--roster", "none.csv"],
            "none.csv: there is no",
        ),
        ([LAYERS / "submissions", "--assignment", ASSIGNMENT, "--shard", "3/2"], "is no part of a whole"),
        (["--merge"], "needs the folders of the shards"),
        (["--merge", LAYERS], "it is no folder of results"),
    ],
)
def test_mistakes_are_said_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[object],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert grade(*words) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []
