"""Where a stretch of a program stands in its file as it is stored: for a notebook in its JSON."""

from __future__ import annotations

import json

from rnnlint.findings import Edit, Span
from rnnlint.hunks import after_the_line_before
from rnnlint.notebook_json import cell_line_offsets
from rnnlint.records import replace
from rnnlint.source import Source


def stored_span(source: Source, span: Span) -> Span:
    """``span`` of the program's text as lines and columns of the file.

    Raises :class:`LookupError` where it begins or ends outside every cell of a notebook.
    """
    if not source.notebook:
        return span
    start = _stored(source, span.line, span.column)
    end = _stored(source, span.end_line, span.end_column)
    return Span(*start, *end)


def stored_edit(source: Source, edit: Edit) -> Edit | None:
    """``edit`` as a change of the file's text; None where only :mod:`rnnlint.rewriting` can make it.

    That is in a program that was converted from Python 2, whose lines are not the file's, and across cells.
    """
    if source.python2:
        return None
    if not source.notebook:
        return edit
    edit = after_the_line_before(edit, source.text.split("\n"))
    if source.place(edit.span.line).cell != source.place(edit.span.end_line).cell:
        return None
    text = json.dumps(edit.text, ensure_ascii=source.original.isascii())[1:-1]
    return replace(edit, span=stored_span(source, edit.span), text=text)


def _stored(source: Source, line: int, column: int) -> tuple[int, int]:
    """A place in a cell as one in the notebook's JSON; a column beyond the line's end is its end."""
    cell = next(c for c in source.cells if c.number == source.place(line).cell)
    offsets = cell_line_offsets(source.original, cell.index)[line - cell.first_line]
    offset = offsets[min(column, len(offsets)) - 1]
    before = source.original[:offset].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n")
