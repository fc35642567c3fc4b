"""A report with its paths as someone in a given folder would type them."""

from __future__ import annotations

import re
from pathlib import Path

from rnnlint.findings import Finding, Fix
from rnnlint.records import replace
from rnnlint.results import FileReport, RunReport
from rnnlint.verdicts import GradientCheck


def as_seen_from(report: RunReport, folder: Path) -> RunReport:
    """Absolute paths below ``folder`` made relative to it; all others stay."""
    home = folder.absolute()
    return replace(
        report,
        files=tuple(_file(file, home) for file in report.files),
        changes=tuple(replace(change, path=_seen(change.path, home)) for change in report.changes),
    )


def _seen(path: Path, home: Path) -> Path:
    return path.relative_to(home) if path.is_absolute() and path.is_relative_to(home) else path


def _said(text: str, home: Path) -> str:
    """A sentence that names files below ``home``."""
    return re.sub(rf"{re.escape(str(home))}/(?=\S)", "", text)


def _file(file: FileReport, home: Path) -> FileReport:
    return replace(
        file,
        path=_seen(file.path, home),
        findings=tuple(_finding(finding, home) for finding in file.findings),
        hidden=tuple(_finding(finding, home) for finding in file.hidden),
        gradients=tuple(_check(check, home) for check in file.gradients),
        fixed=tuple(_check(check, home) for check in file.fixed),
        problem=None if file.problem is None else _said(file.problem, home),
        notes=tuple(_said(note, home) for note in file.notes),
    )


def _finding(finding: Finding, home: Path) -> Finding:
    return replace(
        finding,
        path=_seen(finding.path, home),
        fix=None if finding.fix is None else _fix(finding.fix, home),
        related=tuple(replace(related, path=_seen(related.path, home)) for related in finding.related),
    )


def _fix(fix: Fix, home: Path) -> Fix:
    return replace(fix, edits=tuple(replace(edit, path=_seen(edit.path, home)) for edit in fix.edits))


def _check(check: GradientCheck, home: Path) -> GradientCheck:
    return replace(
        check,
        path=_seen(check.path, home),
        reason=None if check.reason is None else _said(check.reason, home),
        advice=None if check.advice is None else _said(check.advice, home),
        notes=tuple(_said(note, home) for note in check.notes),
    )
