"""Each rule finds its planted bug in three styles, at its line; without the bug it says nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fixtures.buggy.planting import HERE, Planted, planted
from rnnlint.findings import Confidence, Finding, Severity
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.rules.registry import all_rules, find_rule
from rnnlint.source import decode_source
from rnnlint.suppressions import apply

RIGHT = sorted(HERE.glob("*/right_*.py"))
PLANTED = tuple(planted())


def said_of(path: Path, text: str) -> list[Finding]:
    """All that is said of a program, but for what is only possible."""
    source = decode_source(path, text.encode())
    shown = apply(source, lint(Project.alone(source), source)).shown
    return [finding for finding in shown if finding.confidence.rank >= Confidence.LIKELY.rank]


@cache
def said_of_right(path: Path) -> tuple[Finding, ...]:
    return tuple(said_of(path, path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_planted_bug_is_found_at_its_line_and_nothing_else(bug: Planted):
    found = said_of(bug.right, bug.text)
    own = [finding for finding in found if finding.code == bug.code]
    assert own
    assert {finding.span.line for finding in own} <= bug.lines
    assert {finding.severity for finding in own} == {find_rule(bug.code).severity}
    before = {finding.code for finding in said_of_right(bug.right)}
    assert {finding.code for finding in found} <= before | {bug.code}


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_without_its_bug_a_program_gives_the_rule_nothing_to_say(bug: Planted):
    assert bug.code not in {finding.code for finding in said_of_right(bug.right)}


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_but_advice_is_said_of_a_right_program(path: Path):
    assert {finding.severity for finding in said_of_right(path)} <= {Severity.ADVICE}


@pytest.mark.parametrize("path", [path for path in RIGHT if path.stem == "right_training"])
def test_nothing_at_all_is_said_of_a_program_that_trains_well(path: Path):
    assert said_of_right(path) == ()


def test_every_rule_that_reads_is_planted():
    assert {bug.code for bug in PLANTED} == {rule.code for rule in all_rules()}
