"""Edits of a text that other edits have changed, as edits of the text before, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from rnnlint.findings import Edit, Span


def before_edits(edit: Edit, text: str, earlier: Sequence[Edit], original: str) -> Edit | None:
    """``edit``, which is of ``text``, as an edit of ``original``; ``earlier`` made the one of the other.

    Where it replaces all that one of them wrote, it does what that one did, too. None where it touches part
    of that.
    """
    new, old = _Offsets(text), _Offsets(original)
    start, end = new.of(edit.span.line, edit.span.column), new.of(edit.span.end_line, edit.span.end_column)
    shift = within = 0
    for each in sorted(earlier, key=lambda e: (e.span.line, e.span.column)):
        first = old.of(each.span.line, each.span.column)
        length = old.of(each.span.end_line, each.span.end_column) - first
        written = first + shift
        if end < written or (end == written and start < end):
            break
        if start <= written and written + len(each.text) <= end:
            within += len(each.text) - length
        elif start < written + len(each.text):
            return None
        shift += len(each.text) - length
    return Edit(edit.path, old.span(start - shift + within, end - shift), edit.text)


def covers(wider: Edit, edit: Edit) -> bool:
    """Whether one edit replaces all that another one replaces."""
    start, end = (wider.span.line, wider.span.column), (wider.span.end_line, wider.span.end_column)
    first, last = (edit.span.line, edit.span.column), (edit.span.end_line, edit.span.end_column)
    return wider.path == edit.path and start <= first and last <= end


def after_edits(edit: Edit, earlier: Sequence[Edit], original: str, text: str) -> Edit | None:
    """``edit``, which is of ``original``, as an edit of ``text``, which ``earlier`` made of it.

    None where it touches what they changed.
    """
    old, new = _Offsets(original), _Offsets(text)
    start, end = old.of(edit.span.line, edit.span.column), old.of(edit.span.end_line, edit.span.end_column)
    shift = 0
    for each in earlier:
        first = old.of(each.span.line, each.span.column)
        last = old.of(each.span.end_line, each.span.end_column)
        if max(first, start) < min(last, end) or (first <= start and end <= last):
            return None
        if last <= start:
            shift += len(each.text) - (last - first)
    return Edit(edit.path, new.span(start + shift, end + shift), edit.text)


class _Offsets:
    """Lines and columns of a text as offsets, and back."""

    def __init__(self, text: str) -> None:
        lengths = [len(line) + 1 for line in text.split("\n")]
        self._starts = [0, *accumulate(lengths)]

    def of(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column - 1

    def span(self, start: int, end: int) -> Span:
        return Span(*self._place(start), *self._place(end))

    def _place(self, offset: int) -> tuple[int, int]:
        line = max(n for n, start in enumerate(self._starts[:-1]) if start <= offset)
        return line + 1, offset - self._starts[line] + 1
