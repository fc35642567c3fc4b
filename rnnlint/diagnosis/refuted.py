"""Findings that the numbers speak against: where every gradient is right, as the code stands or with the
proven fixes, what else was said of the same passes accuses right lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rnnlint.diagnosis.suspects import backward_texts
from rnnlint.findings import Confidence, Finding, Severity
from rnnlint.model.project import Project
from rnnlint.records import replace
from rnnlint.verdicts import GradientCheck, Status, Verdict


def with_refuted_lowered(
    project: Project, findings: Sequence[Finding], outcome: Sequence[GradientCheck]
) -> tuple[Finding, ...]:
    """``findings``, those only ``possible`` that stand in passes which are right without their repair.

    ``outcome`` are the checks with the proven fixes applied, or as the code stands where there are none. A
    finding on a line that a proven fix changes may say the same in other words, and is left as it is.
    """
    right = [check for check in outcome if _is_all_right(check)]
    if not right:
        return tuple(findings)
    inside = {place for check in right for place in _lines_of(project, check)}
    inside -= {place for check in outcome if check not in right for place in _lines_of(project, check)}
    mended = {place for finding in findings if finding.evidence for place in _changed_lines(finding)}
    return tuple(
        replace(each, confidence=Confidence.POSSIBLE) if _is_refuted(each, inside, mended) else each
        for each in findings
    )


def _is_all_right(check: GradientCheck) -> bool:
    return (
        check.status is Status.CHECKED
        and bool(check.parameters)
        and all(each.verdict in (Verdict.RIGHT, Verdict.SCALED) for each in check.parameters)
    )


def _is_refuted(finding: Finding, inside: set[tuple[Path, int]], mended: set[tuple[Path, int]]) -> bool:
    if finding.severity is not Severity.ERROR or finding.evidence or finding.code.startswith("RNN0"):
        return False
    lines = {(finding.path, line) for line in range(finding.span.line, finding.span.end_line + 1)}
    return lines <= inside and not lines & mended


def _changed_lines(finding: Finding) -> Iterator[tuple[Path, int]]:
    for edit in finding.fix.edits if finding.fix is not None else ():
        for line in range(edit.span.line, edit.span.end_line + 1):
            yield edit.path, line


def _lines_of(project: Project, check: GradientCheck) -> Iterable[tuple[Path, int]]:
    """The statements of a backward pass and of what it calls."""
    for text in backward_texts(project, check):
        for suspect in text.suspects:
            for line in range(suspect.node.lineno, (suspect.node.end_lineno or suspect.node.lineno) + 1):
                yield text.program.path, line
