"""The JSON report of a child process read back as findings and checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnnlint.findings import (
    Confidence,
    Edit,
    Evidence,
    Finding,
    Fix,
    Misunderstanding,
    Related,
    Severity,
    Span,
)
from rnnlint.records import dataclass
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Status, Verdict


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run has found out about a document.

    ``findings`` are its own, ``elsewhere`` the errors of the files it works with; ``fixed`` holds the checks
    with every fix made.
    """

    findings: tuple[Finding, ...] = ()
    elsewhere: tuple[Finding, ...] = ()
    checks: tuple[GradientCheck, ...] = ()
    fixed: tuple[GradientCheck, ...] = ()


def measured(document: Mapping[str, Any], path: Path, folder: Path) -> Measured:
    """The report ``document`` as it concerns ``path``; its relative paths are of ``folder``."""
    own: list[Finding] = []
    elsewhere: list[Finding] = []
    checks: list[GradientCheck] = []
    fixed: list[GradientCheck] = []
    for file in document["files"]:
        findings = [_finding(each, folder) for each in file["findings"]]
        own += [finding for finding in findings if finding.path == path]
        elsewhere += [f for f in findings if f.path != path and f.severity is Severity.ERROR]
        checks += [_check(each, folder) for each in file["gradients"]]
        fixed += [_check(each, folder) for each in file["fixed"]]
    return Measured(tuple(own), tuple(elsewhere), tuple(checks), tuple(fixed))


def _span(found: Mapping[str, Any]) -> Span:
    return Span(found["line"], found["column"], found["end_line"], found["end_column"])


def _finding(found: Mapping[str, Any], folder: Path) -> Finding:
    group, fix, evidence = found["group"], found["fix"], found["evidence"]
    return Finding(
        found["code"],
        found["name"],
        Severity(found["severity"]),
        Confidence(found["confidence"]),
        found["message"],
        folder / found["path"],
        _span(found),
        group=Misunderstanding(group["key"], group["title"], group["explanation"]) if group else None,
        fix=_fix(fix, folder) if fix else None,
        related=tuple(
            Related(folder / each["path"], _span(each), each["message"]) for each in found["related"]
        ),
        evidence=Evidence(evidence["gradient"], tuple(evidence["parameters"]), evidence["error_if_left"])
        if evidence
        else None,
    )


def _fix(found: Mapping[str, Any], folder: Path) -> Fix:
    edits = tuple(Edit(folder / each["path"], _span(each), each["text"]) for each in found["edits"])
    return Fix(found["description"], edits, found["safe"])


def _check(found: Mapping[str, Any], folder: Path) -> GradientCheck:
    return GradientCheck(
        found["id"],
        Status(found["status"]),
        folder / found["path"],
        found["line"],
        entry=found["entry"],
        ran=found["entry"],
        reason=found["reason"],
        advice=found["advice"],
        seed=found["seed"],
        tolerance=found["tolerance"],
        parameters=tuple(
            ParameterVerdict(
                each["name"],
                each["gradient"],
                tuple(each["shape"]),
                Verdict(each["verdict"]),
                each["relative_error"],
                each["cosine"],
                each["ratio"],
            )
            for each in found["parameters"]
        ),
        notes=tuple(found["notes"]),
    )
