"""What the fixes change: a diff to read or to apply, and one sentence about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnlint.report import wording
from rnnlint.results import Change, RunReport


def diffs(changes: Sequence[Change]) -> str:
    """A unified diff of every file, as ``patch -p1`` takes it."""
    return "".join(_diff(change) for change in changes)


def _diff(change: Change) -> str:
    import difflib

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


def summary(report: RunReport, *, unsafe: bool) -> str:
    """``Wrote 9 fixes to 2 files.``, or what would be written, and how many repairs no run has verified.

    ``unsafe`` tells that those were asked for too.
    """
    fixes = wording.count(sum(change.fixes for change in report.changes), "fix", "fixes")
    files = wording.count(len(report.changes), "file")
    unverified = sum(finding.fix is not None and not finding.fix.safe for finding in report.findings)
    if not report.changes:
        return "Nothing to fix." if not unverified else f"Nothing was fixed. {_left(unverified)}"
    if all(change.written for change in report.changes):
        done = f"Wrote {fixes} to {files}."
        return f"{done} {_left(unverified)}" if unverified and not unsafe else done
    if not unverified:
        return f"{fixes} in {files}: --fix writes them."
    return f"{fixes} in {files}, {unverified} not verified by a run: --fix --unsafe-fixes writes those too."


def _left(unverified: int) -> str:
    said = wording.count(unverified, "repair is", "repairs are")
    return f"{said} not verified by a run: --unsafe-fixes writes them too."
