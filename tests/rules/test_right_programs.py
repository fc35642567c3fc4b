"""No rule calls a right program wrong, in whatever style it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.findings import Confidence, Severity
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.source import read_source

PEOPLE = Path(__file__).parents[2] / "fixtures" / "people"
PROGRAMS = sorted(path for path in PEOPLE.rglob("*") if path.suffix in (".py", ".ipynb"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(PEOPLE)))
def test_a_right_program_has_no_error(path: Path) -> None:
    source = read_source(path)
    findings = lint(Project.of(source), source)
    assert not [
        (each.code, each.span.line)
        for each in findings
        if each.severity is Severity.ERROR and each.confidence is not Confidence.POSSIBLE
    ]
