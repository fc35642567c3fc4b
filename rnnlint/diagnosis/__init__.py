"""Ties findings to wrong gradients: what each costs, what the numbers alone say, which fixes are proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlint.diagnosis.measured import measured_findings
from rnnlint.diagnosis.prove import Rerunnable, prove

if TYPE_CHECKING:
    from rnnlint.findings import Finding
    from rnnlint.model.project import Project
    from rnnlint.verdicts import GradientCheck

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, static and measured, and the checks with every helpful fix applied."""

    findings: tuple[Finding, ...]
    fixed: tuple[GradientCheck, ...] = ()


def diagnose(project: Project, findings: Sequence[Finding], scenarios: Sequence[Rerunnable]) -> Diagnosis:
    """Weigh the static findings by the numbers and add what only the numbers can say."""
    proof = prove(project, findings, scenarios)
    checks = [scenario.check for scenario in scenarios]
    measured = measured_findings(checks, proof.findings)
    return Diagnosis((*proof.findings, *measured), proof.fixed)
