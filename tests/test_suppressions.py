"""Comments that hide findings, and those that hide none."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.findings import Confidence, Finding, Severity, Span
from rnnlint.fixes import apply_fixes
from rnnlint.source import Source, read_source
from rnnlint.suppressions import apply

PATH = Path("program.py")


def found(line: int, code: str = "RNN104", name: str = "dropped-carry") -> Finding:
    place = Span(line, 1, line, 5)
    return Finding(code, name, Severity.ERROR, Confidence.LIKELY, "a message", PATH, place)


def shown_codes(text: str, *findings: Finding, numbers_known: bool = False) -> list[str]:
    source = Source(PATH, text, text)
    return [each.code for each in apply(source, findings, numbers_known=numbers_known).shown]


@pytest.mark.parametrize(
    "comment",
    [
        "# rnnlint: ignore[RNN104]",
        "# rnnlint: ignore[rnn104]",
        "#rnnlint:ignore[ dropped-carry ]",
        "# noqa: RNN104",
        "# NOQA: RNN104",
        "# noqa",
        "# rnnlint: ignore",
        "# type: ignore  # rnnlint: ignore[RNN104]  # a reason",
    ],
)
def test_a_comment_hides_the_finding_on_its_line(comment):
    assert shown_codes(f"x = 1  {comment}\n", found(1)) == []


@pytest.mark.parametrize(
    "comment", ["# rnnlint: ignore[RNN104, off-by-one-state]", "# noqa: RNN104,RNN102, E501"]
)
def test_several_rules_stand_in_one_comment(comment):
    assert shown_codes(f"x = 1  {comment}\n", found(1), found(1, "RNN102", "off-by-one-state")) == []


def test_another_rule_is_still_shown():
    text = "x = 1  # rnnlint: ignore[RNN104]\n"
    assert shown_codes(text, found(1), found(1, "RNN102", "off-by-one-state")) == ["RNN102"]


def test_any_line_of_the_statement_will_do():
    text = "y = 0\nx = (\n    1,\n    2,  # rnnlint: ignore[RNN104]\n)\nz = 0\n"
    assert shown_codes(text, found(2)) == []
    assert shown_codes(text, found(3)) == []
    assert shown_codes(text, found(1)) == ["RNN104", "RNN001"]
    assert shown_codes(text, found(6)) == ["RNN001", "RNN104"]


def test_a_comment_on_the_head_of_a_compound_statement_does_not_reach_its_body():
    text = "@decorated\ndef f(\n    a,  # rnnlint: ignore[RNN104]\n):\n    return a\n"
    assert shown_codes(text, found(1)) == []
    assert shown_codes(text, found(2)) == []
    assert shown_codes(text, found(5)) == ["RNN001", "RNN104"]


def test_a_file_comment_reaches_everywhere():
    assert shown_codes("x = 1\ny = 2\n# rnnlint: ignore-file[RNN104]\n", found(1), found(2)) == []
    assert shown_codes("x = 1\n# rnnlint: ignore-file\n", found(1)) == []


@pytest.mark.parametrize(
    "text",
    [
        'x = "# rnnlint: ignore[RNN104]"\n',
        '"""\n# rnnlint: ignore-file[RNN104]\n"""\n',
        "x = 1  # a note on rnnlint ignore[RNN104]\n",
        "x = 1  # noqa: E501\n",
    ],
    ids=["string", "docstring", "prose", "another linter's"],
)
def test_what_is_no_suppression(text):
    assert shown_codes(text, found(1)) == ["RNN104"]


def test_an_unused_comment_is_reported_and_names_its_rule():
    text = "x = 1  # rnnlint: ignore[RNN104, RNN102]\n"
    source = Source(PATH, text, text)
    (unused,) = apply(source, [found(1)]).shown
    assert (unused.code, unused.severity) == ("RNN001", Severity.WARNING)
    assert "RNN102" in unused.message and "RNN104" not in unused.message
    assert unused.span == Span(1, 8, 1, 41)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # rnnlint: ignore[RNN102]\n", "x = 1\n"),
        ("x = 1  # rnnlint: ignore[RNN102, RNN104]  # why\n", "x = 1  # rnnlint: ignore[RNN104]  # why\n"),
        ("x = 1  # noqa: E501, RNN102\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # rnnlint: ignore[RNN102] since then  # why\n", "x = 1  # why\n"),
        ("# rnnlint: ignore-file[RNN102]\nx = 1  # noqa: RNN104\n", "\nx = 1  # noqa: RNN104\n"),
    ],
)
def test_the_fix_takes_out_only_what_is_unused(before, after):
    source = Source(PATH, before, before)
    line = before.count("\n")
    findings = apply(source, [found(line)]).shown
    fixes = [each.fix for each in findings if each.code == "RNN001" and each.fix]
    assert all(fix.safe for fix in fixes)
    assert apply_fixes({PATH: before}, fixes).texts[PATH] == after


@pytest.mark.parametrize("comment", ["# noqa", "# rnnlint: ignore", "# rnnlint: ignore[RNN901]"])
def test_without_numbers_no_comment_about_them_is_called_unused(comment):
    assert shown_codes(f"x = 1  {comment}\n") == []


def test_with_numbers_it_is():
    assert shown_codes("x = 1  # rnnlint: ignore[RNN901]\n", numbers_known=True) == ["RNN001"]
    assert shown_codes("x = 1  # rnnlint: ignore\n", numbers_known=True) == ["RNN001"]
    assert shown_codes("x = 1  # noqa\n", numbers_known=True) == []


def test_unused_comments_can_be_tolerated():
    assert shown_codes("# rnnlint: ignore-file[RNN001]\nx = 1  # rnnlint: ignore[RNN102]\n") == []


def test_a_program_that_does_not_parse_can_still_be_suppressed(tmp_path):
    path = tmp_path / "template.py"
    path.write_text("# rnnlint: ignore-file[RNN002]\ndef f(:\n    '''\n")
    problem = Finding(
        "RNN002", "syntax-error", Severity.ERROR, Confidence.LIKELY, "no", path, Span(2, 7, 2, 7)
    )
    result = apply(read_source(path), [problem])
    assert (result.shown, result.hidden) == ((), (problem,))
