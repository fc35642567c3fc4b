"""SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

Alerts are compared from one run to the next, so nothing here depends on the seed or on where a line has
moved to. URIs are relative to the folder that rnnlint ran in. In a notebook a place is one of its JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rnnlint import __version__
from rnnlint.findings import Confidence, Edit, Finding, Fix, Severity, Span
from rnnlint.fingerprints import fingerprints
from rnnlint.results import FileReport, RuleText, RunReport
from rnnlint.stored_places import stored_edit, stored_span

if TYPE_CHECKING:
    from rnnlint.source import Source

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}
_PROBLEM_SEVERITIES = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.ADVICE: "recommendation",
}
_RANKS = {Confidence.POSSIBLE: 25.0, Confidence.LIKELY: 75.0, Confidence.PROVEN: 100.0}

Sources = Mapping[Path, "Source"]


def render(report: RunReport) -> str:
    """The report as one SARIF log with one run."""
    return json.dumps(_log(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _log(report: RunReport) -> dict[str, Any]:
    sources = {file.path.absolute(): file.source for file in report.files if file.source is not None}
    indices = {rule.code: index for index, rule in enumerate(report.rules)}
    problems = [_notification(file) for file in report.files if file.problem]
    run = {
        "tool": {
            "driver": {
                "name": "rnnlint",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in report.rules],
            }
        },
        "automationDetails": {"id": "rnnlint/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The folder that rnnlint ran in."}}},
        "invocations": [{"executionSuccessful": not problems, "toolExecutionNotifications": problems}],
        "results": [result for file in report.files for result in _results(file, indices, sources)],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: RuleText) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["correctness", "gradients"],
            "precision": "high",
            "problem.severity": _PROBLEM_SEVERITIES[rule.severity],
        },
    }


def _notification(file: FileReport) -> dict[str, Any]:
    location = {"physicalLocation": {"artifactLocation": _artifact(file.path)}}
    return {"level": "error", "message": {"text": file.problem}, "locations": [location]}


def _results(file: FileReport, indices: Mapping[str, int], sources: Sources) -> Iterator[dict[str, Any]]:
    marks = fingerprints(file, file.findings, Path().absolute())
    for finding, mark in zip(file.findings, marks, strict=True):
        title = finding.name.replace("-", " ").capitalize()
        result: dict[str, Any] = {
            "ruleId": finding.code,
            "level": _LEVELS[finding.severity],
            "rank": _RANKS[finding.confidence],
            "message": {
                "text": finding.message,
                "markdown": f"**{title} ({finding.code}).** {finding.message}",
            },
            "locations": [{"physicalLocation": _place(finding.path, finding.span, sources)}],
            "partialFingerprints": {"rnnlintStatement/v1": mark, "primaryLocationLineHash": f"{mark}:1"},
            "properties": {"confidence": finding.confidence.value},
        }
        if finding.code in indices:
            result["ruleIndex"] = indices[finding.code]
        if finding.related:
            result["relatedLocations"] = [
                {
                    "id": number,
                    "physicalLocation": _place(related.path, related.span, sources),
                    "message": {"text": related.message},
                }
                for number, related in enumerate(finding.related, start=1)
            ]
        if finding.fix is not None and (changes := _changes(finding, finding.fix, sources)):
            result["fixes"] = [{"description": {"text": finding.fix.description}, "artifactChanges": changes}]
        yield result


def _changes(finding: Finding, fix: Fix, sources: Sources) -> list[dict[str, Any]]:
    """The edits by file; none at all where one of them cannot be told as places of a file."""
    replacements: dict[Path, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        source = sources.get(edit.path.absolute())
        stored: Edit | None = stored_edit(source, edit) if source is not None else edit
        if stored is None:
            return []
        replacement: dict[str, Any] = {"deletedRegion": _region(stored.span)}
        if stored.text:
            replacement["insertedContent"] = {"text": stored.text}
        replacements.setdefault(edit.path, []).append(replacement)
    return [
        {"artifactLocation": _artifact(path), "replacements": made} for path, made in replacements.items()
    ]


def _place(path: Path, span: Span, sources: Sources) -> dict[str, Any]:
    source = sources.get(path.absolute())
    stored = stored_span(source, span) if source is not None else span
    return {"artifactLocation": _artifact(path), "region": _region(stored)}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _artifact(path: Path) -> dict[str, str]:
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": ROOT}
