"""GitLab's code quality report: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from rnnlint.findings import Severity
from rnnlint.fingerprints import fingerprints
from rnnlint.results import FileReport, RunReport
from rnnlint.stored_places import stored_span

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.ADVICE: "info"}


def render(report: RunReport) -> str:
    """A JSON list with one object a finding; a file that cannot be read is a blocker on its first line."""
    rows = [row for file in report.files for row in _rows(file)]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _rows(file: FileReport) -> Iterator[dict[str, Any]]:
    if file.problem:
        mark = sha256(f"{file.path.as_posix()}\0{file.problem}".encode()).hexdigest()[:32]
        yield _row("rnnlint", file.problem, "blocker", mark, file.path, (1, 1))
    marks = fingerprints(file, file.findings, Path().absolute())
    for finding, mark in zip(file.findings, marks, strict=True):
        span = stored_span(file.source, finding.span) if file.source is not None else finding.span
        name = f"{finding.code} {finding.name}"
        lines = (span.line, span.end_line)
        yield _row(name, finding.message, _SEVERITIES[finding.severity], mark, finding.path, lines)


def _row(
    name: str, description: str, severity: str, mark: str, path: Path, lines: tuple[int, int]
) -> dict[str, Any]:
    return {
        "check_name": name,
        "description": description,
        "severity": severity,
        "fingerprint": mark,
        "location": {"path": path.as_posix(), "lines": {"begin": lines[0], "end": lines[1]}},
    }
