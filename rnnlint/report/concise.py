"""One line a finding, for editors and for long lists: ``path:line:column: CODE message``."""

from __future__ import annotations

from rnnlint.findings import Finding
from rnnlint.report import wording
from rnnlint.results import FileReport, RunReport
from rnnlint.verdicts import GradientCheck, Status


def render(report: RunReport) -> str:
    """All files, in their order, then nothing: an empty report is an empty text."""
    return "".join(f"{row}\n" for file in report.files for row in rows(file))


def rows(file: FileReport) -> list[str]:
    """The lines of one file: its problem, or its findings by place and its gradient checks."""
    if file.problem:
        return [file.problem]
    findings = sorted(file.findings, key=lambda finding: finding.order)
    said = {finding.code for finding in findings}
    checks = [check for check in file.gradients if check.judged or "RNN907" not in said]  # 907 says why not
    return [*(_finding(file, finding) for finding in findings), *(_check(file, check) for check in checks)]


def _finding(file: FileReport, finding: Finding) -> str:
    where = f"{wording.place(file.source, finding.span.line)}:{finding.span.column}"
    said = wording.first_sentence(finding.message)
    fixable = " [fixable]" if finding.fix else ""
    return (
        f"{finding.path}:{where}: {finding.code} {finding.severity} ({finding.confidence}): {said}{fixable}"
    )


def _check(file: FileReport, check: GradientCheck) -> str:
    where = f"{check.path}:{wording.place(file.source, check.line)}"
    if check.status is Status.NOT_CHECKED:
        return f"{where}: gradients not checked: {check.reason or 'no gradient was found'}"
    if check.wrong:
        names = ", ".join(parameter.name for parameter in check.wrong)
        return f"{where}: {len(check.wrong)} of {wording.count(len(check.judged), 'gradient')} wrong: {names}"
    return f"{where}: {len(check.judged)} of {wording.count(len(check.parameters), 'gradient')} right"
