"""Ties findings to wrong gradients: what each costs, what the numbers alone say, which fixes are proven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnlint.deadline import NEVER, SECONDS_A_FILE, Deadline
from rnnlint.diagnosis.differing import differing_forwards
from rnnlint.diagnosis.measured import measured_findings
from rnnlint.diagnosis.prove import Proof, Rerunnable, prove
from rnnlint.records import dataclass, replace
from rnnlint.verdicts import Reason, Status

if TYPE_CHECKING:
    from rnnlint.diagnosis.places import Places
    from rnnlint.findings import Finding
    from rnnlint.model.project import Project
    from rnnlint.verdicts import GradientCheck

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, static and measured, the checks, and the checks with every helpful fix applied."""

    findings: tuple[Finding, ...]
    checks: tuple[GradientCheck, ...] = ()
    fixed: tuple[GradientCheck, ...] = ()


SECONDS_TO_PROVE = 1.5
"""Of the time for a file, what the search leaves to the proof of what it finds."""


def diagnose(
    project: Project,
    findings: Sequence[Finding],
    scenarios: Sequence[Rerunnable],
    deadline: Deadline = NEVER,
) -> Diagnosis:
    """Weigh the static findings by the numbers, search repairs for what they leave wrong, add what is
    measured.

    The search ends with the time that there is; then that is said of every check with wrong gradients.
    """
    search_ends = deadline.less(SECONDS_TO_PROVE)
    differing = differing_forwards(project, scenarios, search_ends)
    findings = [*findings, *differing.repairs]
    proof = prove(project, findings, scenarios)
    if any(map(_is_open, proof.fixed or [scenario.check for scenario in scenarios])):
        from rnnlint.diagnosis.repaired import joined, searched

        found = searched(project, proof.findings, proof.fixed, scenarios, search_ends)
        scenarios = found.scenarios
        if found.findings:
            proof = prove(project, joined(proof.findings, found.findings), scenarios)
            proof = _without_what_changes_nothing(proof, found.findings)
    checks = tuple(scenario.check for scenario in scenarios)
    if search_ends.has_passed:
        checks = tuple(_cut_short(check) if check.wrong else check for check in checks)
    repaired = {
        check.id for check in proof.fixed if check.status is not Status.NOT_CHECKED and not check.wrong
    }
    measured = measured_findings(checks, proof.findings, _places(project, checks), repaired)
    weighed = proof.findings
    if checks and weighed:
        from rnnlint.diagnosis.refuted import with_refuted_lowered

        weighed = with_refuted_lowered(project, weighed, proof.fixed or checks)
    return Diagnosis((*weighed, *measured, *differing.findings), differing.said_of(checks), proof.fixed)


def _without_what_changes_nothing(proof: Proof, found: Sequence[Finding]) -> Proof:
    """The proof without edits of the search that turned out to be of no help: they accuse a right line."""
    useless = {id(each) for each in found if each.fix is not None and each.evidence is None}
    return replace(proof, findings=tuple(each for each in proof.findings if id(each) not in useless))


def _cut_short(check: GradientCheck) -> GradientCheck:
    said = f"The search for repairs ended with the time for a file, {SECONDS_A_FILE:g} seconds."
    return replace(check, notes=(*check.notes, said))


def _is_open(check: GradientCheck) -> bool:
    """Whether a search may have something to add."""
    return bool(check.wrong) or (check.status is Status.NOT_CHECKED and check.reason_code is Reason.NO_ORACLE)


def _places(project: Project, checks: Sequence[GradientCheck]) -> Places:
    if not any(check.wrong for check in checks):
        return {}
    from rnnlint.diagnosis.places import places_of_gradients

    return places_of_gradients(project, checks)
