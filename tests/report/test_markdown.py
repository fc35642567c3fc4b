"""Tables for a job's summary, read back by a parser of GitHub's Markdown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import made_reports as made
import pages_made as made_pages
import pytest
from markdown_it import MarkdownIt

from rnnlint.report import render
from rnnlint.report.markdown import MOST_FINDINGS
from rnnlint.results import FileReport, RunReport


def rows(report: RunReport) -> list[list[str]]:
    """The cells of all body rows, as a reader sees them."""
    found: list[list[str]] = []
    inside = False
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(render(report, "markdown")):
        assert token.type != "html_block"
        if token.type in ("tbody_open", "tbody_close"):
            inside = token.type == "tbody_open"
        elif inside and token.type == "tr_open":
            found.append([])
        elif inside and token.type == "inline":
            children = token.children or []
            assert {child.type for child in children} <= {"text", "code_inline", "text_special"}
            found[-1].append("".join(child.content for child in children))
    return found


def test_a_verdict_a_file_and_a_row_a_finding() -> None:
    table = rows(made.WRONG_REPORT)
    assert table[0] == ["backward.py", "WRONG: 9 of 10 gradients. 9 bugs, 3 misunderstandings."]
    assert table[1] == ["forward.py", "1 warning."]
    assert len(table) == 2 + 10
    assert table[2][:3] == ["backward.py:3", "RNN102 off by one state", "error"]
    assert table[2][3] == "h[t] is wrong here. It should be something else. Left alone it costs 0.95."


def test_the_title_counts() -> None:
    title = render(made.WRONG_REPORT, "markdown").splitlines()[0]
    assert title == "## rnnlint: 9 errors, 1 warning, 9 of 10 gradients wrong"


@pytest.mark.parametrize("text", ["a | b", "<img src=x>", "*a* _b_ [c](d)", "line\nbreak", "&lt; \\| `x|y`"])
def test_nothing_of_the_users_is_markup(text: str) -> None:
    finding = replace(made.UNSAFE_LOG, message=text, path=Path("a|b`c.py"))
    table = rows(RunReport((FileReport(Path("a|b`c.py"), findings=(finding,)),)))
    assert table[0][0] == "a|b`c.py"
    assert table[1][3] == text.replace("\n", " ").replace("`", "")


def test_the_hostile_report_stays_a_table() -> None:
    assert len(rows(made_pages.HOSTILE)) == 2 + 1


def test_a_long_table_is_cut() -> None:
    many = tuple(made.UNSAFE_LOG for _ in range(MOST_FINDINGS + 7))
    report = RunReport((FileReport(made.FORWARD, findings=many),))
    assert len(rows(report)) == 1 + MOST_FINDINGS
    assert render(report, "markdown").endswith("7 more findings not shown.\n")


def test_nothing_found() -> None:
    assert "Nothing was found." in render(RunReport(), "markdown")
