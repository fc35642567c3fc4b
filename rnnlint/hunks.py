"""Edits as whole lines: what a file's lines become, with the newlines that they had."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rnnlint.findings import Edit, Span
from rnnlint.fixes import apply_edits
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines ``first`` to ``last`` (1-based, inclusive) give way to ``lines`` (without newlines)."""

    first: int
    last: int
    lines: tuple[str, ...]


def hunks_of(text: str, edits: Sequence[Edit]) -> Iterator[Hunk]:
    """The stretches of whole lines that ``edits`` touch, with what stands there afterwards."""
    lines = text.split("\n")
    anchored = [after_the_line_before(edit, lines) for edit in edits]
    for first, last in _stretches([(edit.span.line, edit.span.end_line) for edit in anchored]):
        inside = [_moved_up(edit, first - 1) for edit in anchored if first <= edit.span.line <= last]
        block = apply_edits("\n".join(lines[first - 1 : last]), inside)
        yield Hunk(first, last, tuple(block.split("\n")))


def after_the_line_before(edit: Edit, lines: Sequence[str]) -> Edit:
    """An insertion of whole lines belongs to the line it follows: to its cell, with its newline."""
    span = edit.span
    inserts = (span.line, span.column) == (span.end_line, span.end_column)
    if not inserts or span.line == 1 or span.column > 1 or not edit.text.endswith("\n"):
        return edit
    line, column = span.line - 1, len(lines[span.line - 2]) + 1
    return Edit(edit.path, Span(line, column, line, column), "\n" + edit.text[:-1])


def _moved_up(edit: Edit, lines: int) -> Edit:
    span = edit.span
    return Edit(
        edit.path, Span(span.line - lines, span.column, span.end_line - lines, span.end_column), edit.text
    )


def _stretches(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def replace_lines(text: str, hunks: Sequence[Hunk], newline: str) -> list[str]:
    """``text`` by lines, each with its own newline, after ``hunks``; new lines end as the old ones."""
    lines = split_keeping_newlines(text)
    for hunk in sorted(hunks, key=lambda each: each.first, reverse=True):
        old = [_ending(line) for line in lines[hunk.first - 1 : hunk.last]]
        lines[hunk.first - 1 : hunk.last] = map(
            str.__add__, hunk.lines, _endings(old, len(hunk.lines), newline)
        )
    return lines


def _endings(old: Sequence[str], count: int, newline: str) -> Sequence[str]:
    """The newlines of ``count`` lines that stand where lines with the newlines ``old`` stood."""
    if count == len(old):
        return old
    usual = next((ending for ending in old if ending), newline)
    return [*[usual] * (count - 1), old[-1]]


def split_keeping_newlines(text: str) -> list[str]:
    """The lines of ``text``, each with its ``\\n``, ``\\r\\n`` or ``\\r``; the last one may have none."""
    parts = [*re.split(r"(\r\n|\r|\n)", text), ""]
    return [line + newline for line, newline in zip(parts[::2], parts[1::2], strict=True)]


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]
