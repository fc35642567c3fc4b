"""Proof by numbers: which findings make the gradient wrong, and what each costs.

Every fix is applied in memory; where all gradients then agree, one fix at a time is taken back, and the error
that returns is what that finding costs. Never one fix at a time from the broken side: bugs hide one another,
and repairing one alone may raise the error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rnnlint.findings import Confidence, Evidence, Finding, Severity
from rnnlint.fixes import apply_fixes
from rnnlint.model.project import Project
from rnnlint.verdicts import GradientCheck, Status, Verdict

NOTICEABLE = 1e-5
"""A change of a parameter's relative error below this is noise of the differences, not a cost."""


class Rerunnable(Protocol):
    """A solved scenario: its verdict, and the same scenario on other texts of the project."""

    @property
    def check(self) -> GradientCheck: ...

    def rerun(self, project: Project) -> GradientCheck: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """Findings with what was proven of them, and the checks with every helpful fix applied.

    ``fixed`` stands in the order of the scenarios given; it is empty where there was nothing to fix.
    """

    findings: tuple[Finding, ...]
    fixed: tuple[GradientCheck, ...] = ()


def prove(project: Project, findings: Sequence[Finding], scenarios: Sequence[Rerunnable]) -> Proof:
    """Weigh every fixable finding by the numbers of the scenarios that are wrong."""
    fixable = [finding for finding in findings if _is_fixable(finding, project)]
    measured = [scenario for scenario in scenarios if scenario.check.status is not Status.NOT_CHECKED]
    if not fixable or not any(scenario.check.wrong for scenario in measured):
        return Proof(tuple(findings))
    proven = dict[int, Finding]()
    fixed: list[GradientCheck] = []
    for scenario in scenarios:
        if not scenario.check.wrong:
            fixed.append(scenario.check)
            continue
        helpful, best = _helpful(project, fixable, scenario)
        fixed.append(best)
        for finding in helpful:
            weighed = _weigh(project, finding, helpful, scenario, best)
            if weighed is not None and _costlier(weighed, proven.get(id(finding))):
                proven[id(finding)] = weighed
    return Proof(tuple(proven.get(id(finding), finding) for finding in findings), tuple(fixed))


def agrees(check: GradientCheck) -> bool:
    """Whether every gradient that could be judged is right (a common factor is not wrong)."""
    return bool(check.judged) and not check.wrong and check.status is not Status.NOT_CHECKED


def errors_of(check: GradientCheck) -> Mapping[str, float]:
    """Each judged parameter's relative error; a gradient that is not finite counts as reversed (2)."""
    return {
        parameter.name: 2.0
        if parameter.verdict is Verdict.NOT_FINITE or parameter.relative_error is None
        else parameter.relative_error
        for parameter in check.judged
    }


def fixed_project(project: Project, findings: Iterable[Finding]) -> Project:
    """``project`` with the findings' fixes applied in memory; an overlapping one is left out."""
    fixes = [finding.fix for finding in findings if finding.fix is not None]
    touched = {edit.path for fix in fixes for edit in fix.edits}
    texts = {path: project.files[path].text for path in touched if path in project.files}
    return project.overlay(apply_fixes(texts, fixes).texts)


def _is_fixable(finding: Finding, project: Project) -> bool:
    if finding.fix is None or finding.severity is Severity.ADVICE:
        return False
    return all(edit.path in project.files for edit in finding.fix.edits)


def _helpful(
    project: Project, fixable: Sequence[Finding], scenario: Rerunnable
) -> tuple[list[Finding], GradientCheck]:
    """The fixes that together bring the gradients nearest to right, and the check with them applied.

    Starts from all of them; while some are wrong, takes back the one whose absence helps most.
    """
    kept = list(fixable)
    best = scenario.rerun(fixed_project(project, kept))
    while kept and not agrees(best):
        trials = [[other for other in kept if other is not finding] for finding in kept]
        checks = [scenario.rerun(fixed_project(project, trial)) for trial in trials]
        nearest = min(range(len(trials)), key=lambda index: _distance(checks[index]))
        if _distance(checks[nearest]) >= _distance(best) - NOTICEABLE:
            break
        kept, best = trials[nearest], checks[nearest]
    return kept, best


def _distance(check: GradientCheck) -> float:
    """How far from right: wrong parameters first, then their summed error."""
    if check.status is Status.NOT_CHECKED or not check.judged:
        return float("inf")
    return 10.0 * len(check.wrong) + sum(errors_of(check).values())


def _weigh(
    project: Project,
    finding: Finding,
    helpful: Sequence[Finding],
    scenario: Rerunnable,
    best: GradientCheck,
) -> Finding | None:
    """``finding`` with what it alone costs, or None where taking its fix back changes nothing."""
    others = [other for other in helpful if other is not finding]
    left = scenario.rerun(fixed_project(project, others))
    before, after = errors_of(best), errors_of(left)
    if left.status is Status.NOT_CHECKED:
        return None
    worse = {name: error for name, error in after.items() if error > before.get(name, 0.0) + NOTICEABLE}
    if not worse or finding.fix is None:
        return None
    costliest_first = sorted(worse, key=lambda name: -worse[name])
    evidence = Evidence(scenario.check.id, tuple(costliest_first), worse[costliest_first[0]])
    if not agrees(best):
        return replace(finding, evidence=evidence)
    return replace(
        finding,
        confidence=Confidence.PROVEN,
        evidence=evidence,
        fix=replace(finding.fix, safe=True),
    )


def _costlier(weighed: Finding, known: Finding | None) -> bool:
    if known is None or known.evidence is None:
        return True
    return weighed.evidence is not None and weighed.evidence.error_if_left > known.evidence.error_if_left
