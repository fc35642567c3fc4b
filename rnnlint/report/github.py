"""Annotations of a GitHub Actions run: workflow commands, one a finding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnlint.findings import Finding, Severity
from rnnlint.results import FileReport, RunReport

if TYPE_CHECKING:
    from rnnlint.source import Source

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "notice"}


def render(report: RunReport) -> str:
    """``::error file=…,line=…,title=RNN102 off-by-one-state::…`` for every finding and every wrong check."""
    return "".join(f"{row}\n" for file in report.files for row in _rows(file))


def _rows(file: FileReport) -> list[str]:
    if file.problem:
        return [_command("error", {"file": file.path.as_posix(), "title": "rnnlint"}, file.problem)]
    rows = [_finding(finding, file.source) for finding in file.findings]
    for check in file.gradients:
        if check.wrong:
            names = ", ".join(parameter.name for parameter in check.wrong)
            said = f"{len(check.wrong)} of {len(check.judged)} gradients are wrong: {names}."
            place = {"file": check.path.as_posix()}
            if file.source is None or not file.source.notebook:
                place["line"] = str(check.line)
            rows.append(_command("error", {**place, "title": "wrong gradients"}, said))
    return rows


def _finding(finding: Finding, source: Source | None) -> str:
    properties = {"file": finding.path.as_posix()}
    message = finding.full_message
    if source is not None and source.notebook:  # a line of a notebook's JSON would mean nothing to a reader
        place = source.place(finding.span.line)
        message = f"Cell {place.cell}, line {place.line}: {message}"
    else:
        span = finding.span
        properties["line"] = str(span.line)
        properties["endLine"] = str(span.end_line)
        if span.line == span.end_line:
            properties["col"] = str(span.column)
            properties["endColumn"] = str(span.end_column)
    properties["title"] = f"{finding.code} {finding.name}"
    return _command(_LEVELS[finding.severity], properties, message)


def _command(level: str, properties: Mapping[str, str], message: str) -> str:
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {said}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
