"""Applying fixes to program texts: which can stand together, and whether Python is left.

Pure; :mod:`rnnlint.rewriting` puts the result back into files and notebooks.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rnnlint.findings import Edit, Fix, Span
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class Applied:
    """Texts with fixes in them.

    ``texts`` holds every text that was given, changed or not; ``edits`` those of ``applied``, by file.
    ``skipped`` are the fixes that overlap an earlier one, reach into a file that was not given, or would
    leave something that is not Python.
    """

    texts: Mapping[Path, str]
    edits: Mapping[Path, tuple[Edit, ...]]
    applied: tuple[Fix, ...]
    skipped: tuple[Fix, ...]


def apply_fixes(texts: Mapping[Path, str], fixes: Iterable[Fix]) -> Applied:
    """Apply as many of ``fixes`` as can stand together, the earlier ones first, each whole or not at all.

    Two fixes that share an edit to the letter share it. Every changed text still parses.
    """
    accepted: list[Fix] = []
    skipped: list[Fix] = []
    for fix in fixes:
        fits = all(edit.path in texts for edit in fix.edits) and not _clashes(fix, accepted)
        (accepted if fits else skipped).append(fix)
    if not _all_parse(texts, accepted):
        accepted, broken = _those_that_parse(texts, accepted)
        skipped += broken
    edits = _edits_by_path(accepted)
    return Applied(_edited(texts, edits), edits, tuple(accepted), tuple(skipped))


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """``text`` with the edits made; insertions at one place stand in the order given.

    Raises :class:`ValueError` where two edits overlap or one lies outside the text.
    """
    starts = _line_starts(text)
    pieces: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda each: (_start(each.span), _end(each.span))):
        begin, end = (_offset(starts, place, text) for place in (_start(edit.span), _end(edit.span)))
        if begin < done or end < begin:
            raise ValueError(f"overlapping edits at line {edit.span.line}")
        pieces += [text[done:begin], edit.text]
        done = end
    return "".join([*pieces, text[done:]])


def _clashes(fix: Fix, accepted: Sequence[Fix]) -> bool:
    others = [edit for each in accepted for edit in each.edits]
    return any(_overlap(mine, other) for mine in fix.edits for other in others)


def _overlap(first: Edit, second: Edit) -> bool:
    if first.path != second.path or first == second:
        return False
    for insertion, other in ((first, second), (second, first)):
        if _start(insertion.span) == _end(insertion.span):  # beside another edit, or inside it
            return _start(other.span) < _start(insertion.span) < _end(other.span)
    return max(_start(first.span), _start(second.span)) < min(_end(first.span), _end(second.span))


def _those_that_parse(texts: Mapping[Path, str], fixes: Sequence[Fix]) -> tuple[list[Fix], list[Fix]]:
    kept: list[Fix] = []
    broken: list[Fix] = []
    for fix in fixes:
        (kept if _all_parse(texts, [*kept, fix]) else broken).append(fix)
    return kept, broken


def _all_parse(texts: Mapping[Path, str], fixes: Sequence[Fix]) -> bool:
    edits = _edits_by_path(fixes)
    return all(_parses(apply_edits(texts[path], changes)) for path, changes in edits.items())


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _edits_by_path(fixes: Sequence[Fix]) -> dict[Path, tuple[Edit, ...]]:
    found: defaultdict[Path, dict[Edit, None]] = defaultdict(dict)
    for fix in fixes:
        for edit in fix.edits:
            found[edit.path][edit] = None
    return {path: tuple(edits) for path, edits in found.items()}


def _edited(texts: Mapping[Path, str], edits: Mapping[Path, tuple[Edit, ...]]) -> dict[Path, str]:
    return {path: apply_edits(text, edits.get(path, ())) for path, text in texts.items()}


def _start(span: Span) -> tuple[int, int]:
    return span.line, span.column


def _end(span: Span) -> tuple[int, int]:
    return span.end_line, span.end_column


def _line_starts(text: str) -> list[int]:
    starts = [0]
    while (newline := text.find("\n", starts[-1])) >= 0:
        starts.append(newline + 1)
    return starts


def _offset(starts: Sequence[int], place: tuple[int, int], text: str) -> int:
    line, column = place
    if not 1 <= line <= len(starts) or column < 1:
        raise ValueError(f"no line {line}, column {column} in this text")
    limit = starts[line] - 1 if line < len(starts) else len(text)
    offset = starts[line - 1] + column - 1
    if offset > limit:
        raise ValueError(f"no line {line}, column {column} in this text")
    return offset
