"""The stable report for programs: JSON that ``schema.json`` beside this file describes.

Lines and columns are 1-based, columns in code points; in a notebook lines are relative to their cell.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnlint import __version__
from rnnlint.findings import Edit, Finding, Span
from rnnlint.results import FileReport, Origin, RunReport
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Reason

if TYPE_CHECKING:
    from rnnlint.source import Source

VERSION = 1

Sources = Mapping[Path, "Source"]


def render(report: RunReport) -> str:
    """The report as one JSON document, indented, with a final newline."""
    return json.dumps(document(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def document(report: RunReport) -> dict[str, Any]:
    """The report as plain dictionaries and lists."""
    sources = {file.path.absolute(): file.source for file in report.files if file.source is not None}
    return {
        "version": VERSION,
        "tool": f"rnnlint {__version__}",
        "files": [_file(file, sources) for file in report.files],
        "summary": asdict(report.summary),
    }


def _file(file: FileReport, sources: Sources) -> dict[str, Any]:
    return {
        "path": file.path.as_posix(),
        "origin": "project" if file.origin is Origin.PROJECT else "named",
        "problem": file.problem,
        "notes": list(file.notes),
        "findings": [_finding(finding, number, sources) for number, finding in enumerate(file.findings)],
        "gradients": [
            _check(check, sources)
            for check in file.gradients
            if check.reason_code is not Reason.NO_BACKWARD  # the contract: no entry where there is no pass
        ],
        "fixed": [_check(check, sources) for check in file.fixed],
        "hidden": len(file.hidden),
    }


def _finding(finding: Finding, number: int, sources: Sources) -> dict[str, Any]:
    return {
        "id": f"{finding.path.as_posix()}#{number}",
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.full_message,
        "path": finding.path.as_posix(),
        **_span(finding.span, finding.path, sources),
        "group": None
        if finding.group is None
        else {
            "key": finding.group.key,
            "title": finding.group.title,
            "explanation": finding.group.explanation,
        },
        "fix": None
        if finding.fix is None
        else {
            "description": finding.fix.description,
            "safe": finding.fix.safe,
            "edits": [_edit(edit, sources) for edit in finding.fix.edits],
        },
        "related": [
            {
                "path": related.path.as_posix(),
                "message": related.message,
                **_span(related.span, related.path, sources),
            }
            for related in finding.related
        ],
        "evidence": None
        if finding.evidence is None
        else {
            "gradient": finding.evidence.gradient,
            "parameters": list(finding.evidence.parameters),
            "error_if_left": _figure(finding.evidence.error_if_left),
        },
    }


def _edit(edit: Edit, sources: Sources) -> dict[str, Any]:
    return {"path": edit.path.as_posix(), **_span(edit.span, edit.path, sources), "text": edit.text}


def _span(span: Span, path: Path, sources: Sources) -> dict[str, Any]:
    source = sources.get(path.absolute())
    if source is None:
        start, end, cell = span.line, span.end_line, None
    else:
        place = source.place(span.line)
        start, cell = place.line, place.cell
        end = start + span.end_line - span.line
    return {
        "line": start,
        "column": span.column,
        "end_line": end,
        "end_column": span.end_column,
        "cell": cell,
    }


def _check(check: GradientCheck, sources: Sources) -> dict[str, Any]:
    source = sources.get(check.path.absolute())
    place = source.place(check.line) if source is not None else None
    return {
        "id": check.id,
        "status": check.status.value,
        "reason": check.reason,
        "reason_code": check.reason_code.value if check.reason_code else None,
        "advice": check.advice,
        "kind": check.kind,
        "entry": check.entry,
        "path": check.path.as_posix(),
        "line": place.line if place else check.line,
        "cell": place.cell if place else None,
        "call": check.call,
        "forward": check.forward,
        "difference": check.difference,
        "oracles": list(check.oracles),
        "loss": check.loss,
        "scale": _figure(check.scale),
        "scale_name": check.scale_name,
        "convention": check.convention,
        "tolerance": check.tolerance,
        "seed": check.seed,
        "sandbox": list(check.sandbox),
        "missing_layers": list(check.missing_layers),
        "parameters": [_parameter(parameter) for parameter in check.parameters],
        "notes": list(check.notes),
    }


def _parameter(parameter: ParameterVerdict) -> dict[str, Any]:
    worst = parameter.worst
    return {
        "name": parameter.name,
        "gradient": parameter.gradient,
        "shape": list(parameter.shape),
        "verdict": parameter.verdict.value,
        "relative_error": _figure(parameter.relative_error),
        "cosine": _figure(parameter.cosine),
        "ratio": _figure(parameter.ratio),
        "worst": None
        if worst is None
        else {"index": list(worst.index), "got": _figure(worst.got), "expected": _figure(worst.expected)},
    }


def _figure(value: float | None) -> float | None:
    """JSON has no NaN and no infinity: both are null, and the verdict is ``not-finite``."""
    return value if value is not None and math.isfinite(value) else None
