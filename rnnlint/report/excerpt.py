"""The line a finding speaks of: the statement, a caret under the part that is wrong, what to write there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.findings import Edit, Finding, Span

if TYPE_CHECKING:
    from rnnlint.source import Source

ELLIPSIS = "…"
_ASSIGNMENT = re.compile(r"([\w.\[\]'\"]+)\s*[-+*/@]?=(?!=)\s*")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A statement's line without its indentation, and the marked part of it (0-based, ``end`` exclusive)."""

    text: str
    start: int
    end: int

    @property
    def marked(self) -> str:
        """The part above the carets."""
        return self.text[self.start : self.end]

    @property
    def target(self) -> str:
        """What the statement assigns to, where the marked part stands on the right of a plain assignment."""
        match = _ASSIGNMENT.match(self.text)
        return match.group(1) if match and match.end() <= self.start else ""

    def within(self, width: int) -> Excerpt:
        """The same, cut to ``width`` columns around the marked part."""
        if len(self.text) <= width:
            return self
        left = 0 if self.end <= width - 1 else max(0, min(self.start, self.end - width + 2) - 1)
        text = (ELLIPSIS + self.text[left + 1 :]) if left else self.text
        if len(text) > width:
            text = text[: width - 1] + ELLIPSIS
        return Excerpt(text, self.start - left, min(self.end - left, len(text)))


def excerpt(source: Source, span: Span) -> Excerpt:
    """The line of ``span``'s beginning, with what of ``span`` stands on it marked."""
    whole = source.line_text(span.line).rstrip()
    text = whole.lstrip()
    indentation = len(whole) - len(text)
    text = text.replace("\t", " ")
    start = min(max(span.column - 1 - indentation, 0), len(text))
    last = len(text) if span.end_line > span.line else span.end_column - 1 - indentation
    return Excerpt(text, start, max(start, min(last, len(text))))


@dataclass(frozen=True, slots=True)
class Repair:
    """A fix as the report shows it: ``instead`` of the marked part of the line, and ``added`` whole lines."""

    span: Span | None = None
    instead: str = ""
    added: tuple[str, ...] = ()


def repair(finding: Finding, source: Source | None) -> Repair:
    """How to show the fix beside its line.

    One edit in the line is shown in place, several in one line as the line they make, inserted or replaced
    whole lines as lines; what changes in other files is left to ``--diff``.
    """
    if finding.fix is None:
        return Repair()
    here = [edit for edit in finding.fix.edits if _same_file(edit.path, finding.path)]
    inline = [edit for edit in here if _within_line(edit, finding.span.line)]
    added = tuple(
        row.strip() for edit in here if edit not in inline for row in edit.text.splitlines() if row.strip()
    )
    if len(inline) == 1:
        return Repair(inline[0].span, inline[0].text, added)
    if inline and source is not None:
        return Repair(None, "", (_edited(source.line_text(finding.span.line), inline).strip(), *added))
    return Repair(None, "", added)


def _same_file(one: Path, other: Path) -> bool:
    return one == other or one.absolute() == other.absolute()


def _within_line(edit: Edit, row: int) -> bool:
    span = edit.span
    return span.line == span.end_line == row and "\n" not in edit.text and span.end_column > span.column


def _edited(text: str, edits: Sequence[Edit]) -> str:
    for edit in sorted(edits, key=lambda each: each.span, reverse=True):
        text = text[: edit.span.column - 1] + edit.text + text[edit.span.end_column - 1 :]
    return text
