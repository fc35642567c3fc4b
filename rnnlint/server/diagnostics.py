"""Findings and gradient checks as an editor underlines them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lsprotocol import types
from pygls import uris

from rnnlint.findings import Finding, Severity, Span
from rnnlint.server.positions import Lines
from rnnlint.server.reading import Measured
from rnnlint.verdicts import GradientCheck, Verdict

SOURCE = "rnnlint"

_SEVERITIES = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
    Severity.ADVICE: types.DiagnosticSeverity.Information,
}


def diagnostic(finding: Finding, lines: Lines) -> types.Diagnostic:
    """One finding: its message, what leaving it costs, and the places it rests on."""
    return types.Diagnostic(
        lines.visible(finding.span),
        said(finding),
        severity=_SEVERITIES[finding.severity],
        code=finding.code,
        source=SOURCE,
        related_information=[_related(each.path, each.span, each.message) for each in finding.related],
    )


def said(finding: Finding) -> str:
    """The message with its confidence, or with the proof where there is one."""
    if finding.evidence is not None:
        name, error = next(iter(finding.evidence.parameters), ""), finding.evidence.error_if_left
        return f"{finding.message} (Proven: left alone, the error of {name} is {error:.2g}.)"
    return finding.message


def of_checks(run: Measured, path: Path, lines: Lines) -> Iterator[types.Diagnostic]:
    """A diagnostic on every pass whose gradients are wrong, at its first line."""
    for check in run.checks:
        if not check.wrong or check.path != path:
            continue
        yield types.Diagnostic(
            lines.visible(Span(check.line, 1, check.line, 1)),
            _verdict(check, run.fixed),
            severity=types.DiagnosticSeverity.Error,
            source=SOURCE,
            related_information=[
                _related(each.path, each.span, f"{each.code}: {each.message}") for each in run.elsewhere
            ],
        )


def _verdict(check: GradientCheck, fixed: Sequence[GradientCheck]) -> str:
    figures = {p.name: p.relative_error for p in check.wrong}
    wrong = ", ".join(name if error is None else f"{name} {error:.2f}" for name, error in figures.items())
    text = f"{len(check.wrong)} of {len(check.judged)} gradients are wrong (relative errors): {wrong}."
    if any(other.id == check.id and other.judged and not other.wrong for other in fixed):
        text += " With all fixes they are right."
    return text


def _related(path: Path, span: Span, message: str) -> types.DiagnosticRelatedInformation:
    """A place in a file that is not at hand: its columns are taken as they are, right for ASCII."""
    start = types.Position(span.line - 1, span.column - 1)
    end = types.Position(span.end_line - 1, span.end_column - 1)
    uri = uris.from_fs_path(str(path)) or path.as_uri()
    return types.DiagnosticRelatedInformation(types.Location(uri, types.Range(start, end)), message)


def table(check: GradientCheck) -> str:
    """The parameters of a check as a Markdown table."""
    rows = ["| parameter | gradient | error |", "|---|---|---|"]
    for parameter in check.parameters:
        error = "" if parameter.relative_error is None else f"{parameter.relative_error:.2g}"
        word = "right" if parameter.verdict is Verdict.SCALED else parameter.verdict.value
        rows.append(f"| `{parameter.name}` | {word} | {error} |")
    return "\n".join(rows)


def at(position: types.Position, findings: Iterable[Finding], lines: Lines) -> list[Finding]:
    """The findings that are underlined at ``position``."""
    return [finding for finding in findings if touches(lines.visible(finding.span), position)]


def touches(range_: types.Range, position: types.Position) -> bool:
    """Whether ``position`` lies in the range or at its end, where a cursor stands after typing."""
    start, end = range_.start, range_.end
    return (start.line, start.character) <= (position.line, position.character) <= (end.line, end.character)
