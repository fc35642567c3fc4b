"""Runs the rules on one file: builds the model, hands out its subjects, makes findings of the reports."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from rnnlint.findings import Edit, Finding, Fix, Related, Span
from rnnlint.model.file_model import FileModel, build_model
from rnnlint.model.project import Project
from rnnlint.rules.registry import FixDraft, RelatedDraft, Report, Rule, Where, all_rules
from rnnlint.rules.subjects import subjects
from rnnlint.source import Source


def run_rules(project: Project, source: Source, families: Collection[str] = ()) -> list[Finding]:
    """As :func:`rnnlint.rules.lint`. A file that does not parse is only asked about as a file."""
    model = None if source.problem else build_model(project, source)
    findings = {
        (finding.code, finding.span): finding
        for each in all_rules()
        if not families or each.family in families
        for subject in subjects(each.subject, source, model)
        for finding in findings_on(each, subject, source.path, model)
    }
    return sorted(_one_voice_a_site(list(findings.values())), key=lambda finding: finding.order)


def _one_voice_a_site(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Leave out what a more particular rule explains at an overlapping place."""
    overrules = {each.code: each.overrules for each in all_rules()}
    for finding in findings:
        speaking = (other for other in findings if finding.code in overrules[other.code])
        if not any(_overlap(finding.span, other.span) for other in speaking):
            yield finding


def _overlap(first: Span, second: Span) -> bool:
    start = max((first.line, first.column), (second.line, second.column))
    return start < min((first.end_line, first.end_column), (second.end_line, second.end_column))


def findings_on(each: Rule, subject: Any, path: Path, model: FileModel | None = None) -> Iterator[Finding]:
    """What one rule finds in one subject of the file at ``path``."""
    for report in each(subject):
        yield _finding(each, report, path, model)


def _finding(each: Rule, report: Report, path: Path, model: FileModel | None) -> Finding:
    return Finding(
        code=each.code,
        name=each.name,
        severity=report.severity or each.severity,
        confidence=report.confidence,
        message=report.message,
        path=path,
        span=_span(report.where, model),
        group=report.group,
        remark=report.remark,
        fix=_fix(report.fix, path, model) if report.fix else None,
        related=tuple(_related(draft, path, model) for draft in report.related),
    )


def _fix(draft: FixDraft, path: Path, model: FileModel | None) -> Fix:
    edits = (Edit(path, _span(each.where, model), each.text) for each in draft.replacements)
    return Fix(draft.description, tuple(edits), draft.safe)


def _related(draft: RelatedDraft, path: Path, model: FileModel | None) -> Related:
    return Related(draft.path or path, _span(draft.where, model), draft.message)


def _span(where: Where, model: FileModel | None) -> Span:
    if isinstance(where, Span):
        return where
    if model is None:
        raise TypeError("a rule on a file without a model reports spans, not nodes")
    return model.module.span(where)
