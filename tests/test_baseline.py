"""A baseline knows findings by what they say: moving lines changes nothing, a new bug is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.baseline import read_baseline, written
from rnnlint.config import ConfigurationError
from rnnlint.findings import Confidence, Finding, Severity, Span
from rnnlint.results import FileReport
from rnnlint.source import decode_source


def report(path: Path, *statements: str, code: str = "RNN101") -> FileReport:
    """A file in which every statement with a ``C[t - 1]`` is a finding."""
    source = decode_source(path, "\n".join((*statements, "")).encode())
    findings = tuple(
        Finding(code, "a-name", Severity.ERROR, Confidence.LIKELY, "Said.", path, Span(row, 1, row, 2))
        for row, statement in enumerate(statements, start=1)
        if "C[t" in statement
    )
    return FileReport(path, source=source, findings=findings)


def left(folder: Path, accepted: FileReport, now: FileReport) -> list[int]:
    """The lines of ``now`` that a baseline made of ``accepted`` does not know."""
    file = folder / "known.json"
    file.write_text(written([accepted], file), encoding="utf-8")
    return [finding.span.line for finding in read_baseline(file).without_known(now)]


def test_accepted_findings_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    assert left(tmp_path, report(path, "a = C[t - 1]"), report(path, "a = C[t - 1]")) == []


def test_moved_and_reindented_lines_stay_known(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    moved = report(path, "x = 1", "y = 2", "    a = C[t-1]")
    assert left(tmp_path, report(path, "a = C[t - 1]"), moved) == []


def test_one_more_of_the_same_statement_is_new(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    assert left(tmp_path, report(path, "a = C[t - 1]"), report(path, "a = C[t - 1]", "a = C[t - 1]")) == [2]


def test_another_code_another_statement_and_another_file_are_new(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    accepted = report(path, "a = C[t - 1]")
    assert left(tmp_path, accepted, report(path, "b = C[t - 1]")) == [1]
    assert left(tmp_path, accepted, report(path, "a = C[t - 1]", code="RNN102")) == [1]
    assert left(tmp_path, accepted, report(tmp_path / "b.py", "a = C[t - 1]")) == [1]


def test_the_folder_may_move_with_its_baseline(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    text = written([report(here / "a.py", "a = C[t - 1]")], here / "known.json")
    (there / "known.json").write_text(text, encoding="utf-8")
    assert read_baseline(there / "known.json").without_known(report(there / "a.py", "a = C[t - 1]")) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such baseline; --write-baseline makes one"),
        ("{", "cannot be read as a baseline"),
        ("[]", "is not a baseline of version 1"),
        ('{"version": 9}', "is not a baseline of version 1"),
        ('{"version": 1, "findings": [3]}', "has no list of findings"),
    ],
)
def test_what_is_no_baseline_is_said_in_a_sentence(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "known.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        read_baseline(file)
