"""Each rule finds its planted bug in three styles, at its line, and says nothing of the right programs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rnnlint.findings import Confidence, Finding, Severity
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.rules.registry import all_rules
from rnnlint.source import read_source

ROOT = Path(__file__).parents[2] / "fixtures" / "buggy"
PROGRAMS = tomllib.loads((ROOT / "expected.toml").read_text())["program"]
CODES = {rule.code for rule in all_rules()}
STATIC = [each for each in PROGRAMS if each["code"] in CODES]


def errors(path: str) -> list[Finding]:
    source = read_source(ROOT / path)
    findings = lint(Project.alone(source), source)
    likely = [finding for finding in findings if finding.confidence.rank >= Confidence.LIKELY.rank]
    return [finding for finding in likely if finding.severity is Severity.ERROR]


@pytest.mark.parametrize("program", STATIC, ids=lambda each: each["path"])
def test_planted_bug_is_found_at_its_line_and_nothing_else(program):
    found = errors(program["path"])
    assert {finding.code for finding in found} == {program["code"]}
    assert {finding.span.line for finding in found} & set(program["lines"])


@pytest.mark.parametrize("path", sorted({each["right"] for each in PROGRAMS}))
def test_right_program_is_silent(path):
    assert errors(path) == []
