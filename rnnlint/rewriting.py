"""The way back from a program's text to its file; encoding, newlines, mode and a notebook's JSON stay.

Only the lines that an edit touches are written anew; every other line, and everything of a notebook that is
not such a line, keeps its characters.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from rnnlint.atomic import write_all
from rnnlint.findings import Edit
from rnnlint.fixes import apply_edits
from rnnlint.hunks import Hunk, hunks_of, replace_lines
from rnnlint.notebook_json import replace_cell_lines
from rnnlint.source import Source, UnreadableSourceError, decode_source


class UnwritableFixError(Exception):
    """The fixed program cannot be put back; the message is one sentence that names the file."""


def write_fixed(source: Source, edits: Sequence[Edit]) -> None:
    """Make ``edits`` in the file that ``source`` was read from, in one atomic step.

    Raises :class:`UnwritableFixError` where the file has changed since, cannot be written, would lose a
    comment, or would not read back as the fixed program (a magic on the edited line, a character its encoding
    lacks).
    """
    path = source.path.resolve()
    try:
        now = path.read_bytes()
        same = decode_source(source.path, now).original == source.original
    except (OSError, UnreadableSourceError):
        same = False
    if not same:
        raise UnwritableFixError(f"{source.path}: has changed since it was read; nothing was written.")
    fixed = apply_edits(source.text, edits)
    content = _encoded(source, rewritten(source, edits), now)
    if decode_source(source.path, content).text != fixed:
        raise UnwritableFixError(
            f"{source.path}: the fixed program would not read back as it should; nothing was written."
        )
    _refuse_to_lose_comments(source, fixed)
    try:
        write_all({path: content})
    except OSError as error:
        raise UnwritableFixError(f"{source.path}: cannot be written ({error.strerror or error}).") from None


def _refuse_to_lose_comments(source: Source, fixed: str) -> None:
    from rnnlint.concrete import NotConcreteError, lost_comments

    try:
        lost = lost_comments(source.text, fixed)
    except NotConcreteError as error:
        raise UnwritableFixError(
            f"{source.path}: libcst does not read it ({error}), so nobody can say what the fix would lose; "
            "nothing was written. Make the change by hand: --diff shows it."
        ) from None
    if lost:
        raise UnwritableFixError(
            f"{source.path}: the fix would lose the comment {lost[0]!r}; nothing was written. Make the "
            "change by hand: --diff shows it."
        )


def rewritten(source: Source, edits: Sequence[Edit]) -> str:
    """The whole file (for a notebook its JSON) after ``edits``, with its own newlines.

    Raises :class:`UnwritableFixError` where an edit crosses a notebook's cells.
    """
    hunks = list(hunks_of(source.text, edits))
    if not source.notebook:
        return "".join(replace_lines(source.original, hunks, source.newline))
    by_cell: dict[int, list[Hunk]] = {}
    for hunk in hunks:
        index, shifted = _within_cell(source, hunk)
        by_cell.setdefault(index, []).append(shifted)
    return replace_cell_lines(source.original, by_cell)


def _within_cell(source: Source, hunk: Hunk) -> tuple[int, Hunk]:
    """The notebook's index of the hunk's cell, and the hunk in that cell's own lines."""
    for cell in source.cells:
        if cell.first_line <= hunk.first and hunk.last < cell.first_line + cell.line_count:
            above = cell.first_line - 1
            return cell.index, Hunk(hunk.first - above, hunk.last - above, hunk.lines)
    raise UnwritableFixError(f"{source.path}: the fix would reach across cells; nothing was written.")


def _encoded(source: Source, content: str, before: bytes) -> bytes:
    encoding, mark = source.encoding, b""
    if before.startswith(codecs.BOM_UTF16_LE):
        encoding, mark = "utf-16-le", codecs.BOM_UTF16_LE
    elif before.startswith(codecs.BOM_UTF16_BE):
        encoding, mark = "utf-16-be", codecs.BOM_UTF16_BE
    elif source.byte_order_mark:
        mark = codecs.BOM_UTF8
    try:
        return mark + content.encode(encoding)
    except UnicodeEncodeError:
        raise UnwritableFixError(
            f"{source.path}: the fix holds a character that {encoding} lacks; nothing was written."
        ) from None
