"""The hostile submissions as a class that is graded: each is called what it is, and nothing lands."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.ground import EXPECTED, HOSTILE, Ground

ASSIGNMENT = HOSTILE.parent / "grading" / "layers" / "assignment.toml"
QUICK = ("honest", "tcp", "write_at_import", "exit_at_import", "frame_walk", "forged_answer", "patched_guest")


def test_a_few(tmp_path: Path) -> None:
    _assert_called_what_they_are(QUICK, tmp_path)


@pytest.mark.slow
def test_all(tmp_path: Path) -> None:
    _assert_called_what_they_are(tuple(EXPECTED), tmp_path)


def _assert_called_what_they_are(names: tuple[str, ...], folder: Path) -> None:
    with Ground() as ground:
        for name in names:
            shutil.copytree(HOSTILE / name, folder / "handed in" / name)
            (folder / "handed in" / name / "rnn_layers.py").write_text(ground.armed(name), encoding="utf-8")
        grade = [sys.executable, "-m", "rnnlint", "grade", str(folder / "handed in"), "--seed", "5"]
        subprocess.run(
            [*grade, "--assignment", str(ASSIGNMENT), "--output-dir", str(folder / "out")],
            cwd=HOSTILE.parents[1],
            capture_output=True,
            check=False,
        )
        assert ground.harm() == []
        assert ground.survivors() == set()
    with (folder / "out" / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    called = {name: (row["status"], row["needs_review"]) for name, row in rows.items()}
    assert called == {
        name: (EXPECTED[name]["status"], "yes" if EXPECTED[name].get("needs_review") else "no")
        for name in names
    }
