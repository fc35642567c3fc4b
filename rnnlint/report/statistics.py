"""How often each rule speaks, the most frequent first: what to look at in a folder of many files."""

from __future__ import annotations

from collections import Counter

from rnnlint.report import wording
from rnnlint.results import RunReport


def render(report: RunReport) -> str:
    """A line a rule: its findings, code, name, severity, and how many of them have a repair; then the sum."""
    findings = tuple(report.findings)
    counts = Counter(finding.code for finding in findings)
    repairs = Counter(finding.code for finding in findings if finding.fix is not None)
    first = {finding.code: finding for finding in reversed(findings)}
    widest = max((len(finding.name) for finding in first.values()), default=0)
    rows = [
        f"{count:5}  {code}  {first[code].name:{widest}}  {first[code].severity.value:7}"
        + (f"  {repairs[code]} fixable" if repairs[code] else "")
        for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return "".join(f"{row.rstrip()}\n" for row in (*rows, _sum(report)))


def _sum(report: RunReport) -> str:
    figures = report.summary
    found = wording.count(sum(1 for _ in report.findings), "finding")
    said = f"{found} in {wording.count(figures.files, 'file')}."
    if figures.checked_parameters:
        gradients = wording.count(figures.checked_parameters, "gradient")
        said += f" {figures.wrong_parameters} of {gradients} wrong."
    return said
