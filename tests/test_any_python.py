"""Whatever Python is read, nothing fails, and the same text gives the same findings."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import hypothesmith
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.buggy.planting import HERE
from rnnlint.findings import Finding
from rnnlint.fixes import apply_fixes
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.source import decode_source
from rnnlint.suppressions import apply

PATH = Path("program.py").absolute()
PROGRAMS = tuple(
    path.read_text(encoding="utf-8")
    for folder in (HERE, HERE.parent / "correct")
    for path in sorted(folder.rglob("*.py"))
    if path.name != "planting.py"
)
OPERATORS = (
    "+",
    "-",
    "*",
    "/",
    "@",
    "**",
    "+=",
    "-=",
    "=",
    ".T",
    "[t]",
    "[t - 1]",
    "[-1]",
    "(",
    ")",
    ":",
    ",",
)


def few(examples: int):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


def many(examples: int):
    return settings(few(examples), derandomize=False)


def said(text: str) -> list[Finding]:
    """The whole static way, from bytes to the findings that are shown, and what their fixes would write."""
    source = decode_source(PATH, text.encode("utf-8", "surrogatepass"))
    findings = list(apply(source, lint(Project.alone(source), source)).shown)
    fixes = [finding.fix for finding in findings if finding.fix is not None]
    fixed = apply_fixes({source.path: source.text}, fixes).texts[source.path]
    if source.problem is None and fixed != source.text:
        assert decode_source(PATH, fixed.encode()).problem is None
    return findings


def placed(findings: list[Finding], shift: int = 0) -> list[tuple[str, int, int, str]]:
    return [(each.code, each.span.line + shift, each.span.column, str(each.confidence)) for each in findings]


def stripped(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if line.strip()) + "\n"


@st.composite
def written_by_a_beginner(draw) -> str:
    """A recurrent network in which lines were lost, doubled and swapped, and words and signs mistaken."""
    lines = draw(st.sampled_from(PROGRAMS)).split("\n")
    words = sorted(set(re.findall(r"[A-Za-z_]\w*", "\n".join(lines))))
    for _ in range(draw(st.integers(1, 6))):
        first, second = draw(st.tuples(*[st.integers(0, len(lines) - 1)] * 2))
        match draw(st.sampled_from(["lose", "double", "swap", "word", "sign"])):
            case "lose" if len(lines) > 1:
                del lines[first]
            case "double":
                lines.insert(second, lines[first])
            case "swap":
                lines[first], lines[second] = lines[second], lines[first]
            case "word":
                old = draw(st.sampled_from(re.findall(r"[A-Za-z_]\w*", lines[first]) or ["np"]))
                lines[first] = lines[first].replace(old, draw(st.sampled_from(words)), 1)
            case "sign":
                old = draw(st.sampled_from(re.findall(r"[-+*/@=.,:()\[\]]+", lines[first]) or ["+"]))
                lines[first] = lines[first].replace(old, draw(st.sampled_from(OPERATORS)), 1)
    return "\n".join(lines)


def assert_read_alike(text: str) -> None:
    """Twice the same; moved by what is put in front; untouched by blank lines."""
    once = said(text)
    assert said(text) == once
    assert placed(said("\n\n\n" + text)) == placed(once, shift=3)


def assert_blank_lines_are_nothing(text: str) -> None:
    without = stripped(text)
    dense, loose = said(without), said(without.replace("\n", "\n\n"))
    assert Counter(each.code for each in dense) == Counter(each.code for each in loose)
    assert [2 * line - 1 for _, line, _, _ in placed(dense)] == [line for _, line, _, _ in placed(loose)]


@few(20)
@given(hypothesmith.from_grammar())
def test_any_python(text: str):
    assert_read_alike(text)


@few(12)
@given(written_by_a_beginner())
def test_a_beginners_network(text: str):
    assert_read_alike(text)


@few(6)
@given(written_by_a_beginner())
def test_blank_lines_change_nothing(text: str):
    assert_blank_lines_are_nothing(text)


@pytest.mark.slow  # pytest -m slow tests/test_any_python.py
@many(1500)
@given(hypothesmith.from_grammar())
def test_much_more_of_any_python(text: str):
    assert_read_alike(text)


@pytest.mark.slow
@many(1500)
@given(written_by_a_beginner())
def test_many_more_beginners(text: str):
    assert_read_alike(text)
    assert_blank_lines_are_nothing(text)
