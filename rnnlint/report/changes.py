"""What the fixes change: a diff to read or to apply, and one sentence about it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from rnnlint.report import wording
from rnnlint.results import Change


def diffs(changes: Sequence[Change]) -> str:
    """A unified diff of every file, as ``patch -p1`` takes it."""
    return "".join(_diff(change) for change in changes)


def _diff(change: Change) -> str:
    name = change.path.as_posix()
    rows = difflib.unified_diff(
        change.before.splitlines(keepends=True),
        change.after.splitlines(keepends=True),
        _side("a", change.path, name),
        _side("b", change.path, name),
    )
    return "".join(row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)


def _side(side: str, path: Path, name: str) -> str:
    return name if path.is_absolute() else f"{side}/{name}"


def summary(changes: Sequence[Change]) -> str:
    """``Wrote 9 fixes to 2 files.``, or ``Would fix 9 bugs in 2 files: --fix writes them.``"""
    if not changes:
        return "Nothing to fix."
    fixes = wording.count(sum(change.fixes for change in changes), "fix", "fixes")
    files = wording.count(len(changes), "file")
    if all(change.written for change in changes):
        return f"Wrote {fixes} to {files}."
    return f"Would write {fixes} to {files}: --fix does."
