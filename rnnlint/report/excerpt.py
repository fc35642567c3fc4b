"""The line a finding speaks of: the statement, a caret under the part that is wrong, what to write there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnlint.findings import Edit, Finding, Span
from rnnlint.records import dataclass

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
    """A fix as the report shows it: ``instead`` of what stands at ``span``, and ``added`` whole lines."""

    span: Span | None = None
    instead: str = ""
    added: tuple[str, ...] = ()


DELETED = "(nothing)"


def repair(finding: Finding, source: Source | None) -> Repair:
    """How to show the fix beside its line.

    Edits in the finding's line are shown as the text they make of its span, or of the smallest stretch that
    holds them all; lines that are inserted as lines. What is replaced elsewhere is left to ``--diff``.
    """
    if finding.fix is None or source is None:
        return Repair()
    here = [edit for edit in finding.fix.edits if edit.path.absolute() == finding.path.absolute()]
    inline = [edit for edit in here if _within_line(edit, finding.span.line)]
    added = tuple(
        row.strip()
        for edit in here
        if edit not in inline and "\n" in edit.text
        for row in edit.text.splitlines()
        if row.strip()
    )
    if not inline:
        return Repair(None, "", added)
    span = _stretch(finding.span, inline)
    return Repair(span, _edited(source.line_text(span.line), span, inline) or DELETED, added)


def _within_line(edit: Edit, row: int) -> bool:
    return edit.span.line == edit.span.end_line == row and "\n" not in edit.text


def _stretch(span: Span, edits: Sequence[Edit]) -> Span:
    """``span`` where it is one line's and holds all edits, else the least that holds them."""
    start = min(edit.span.column for edit in edits)
    end = max(edit.span.end_column for edit in edits)
    if span.line == span.end_line and span.column <= start and end <= span.end_column:
        return span
    return Span(span.line, start, span.line, end)


def _edited(text: str, span: Span, edits: Sequence[Edit]) -> str:
    """What the edits make of ``span`` of the line ``text``."""
    end = span.end_column - 1
    for edit in sorted(edits, key=lambda each: each.span, reverse=True):
        text = text[: edit.span.column - 1] + edit.text + text[edit.span.end_column - 1 :]
        end += len(edit.text) - (edit.span.end_column - edit.span.column)
    return text[span.column - 1 : end]
