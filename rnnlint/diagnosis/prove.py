"""Proof by numbers: which findings make the gradient wrong, and what each costs.

Every fix is applied in memory; where all gradients then agree, one fix at a time is taken back, and the error
that returns is what that finding costs. Never one fix at a time from the broken side: bugs hide one another,
and repairing one alone may raise the error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from rnnlint.diagnosis.forward_repairs import forward_repairs
from rnnlint.findings import Confidence, Edit, Evidence, Finding, Severity
from rnnlint.fixes import Applied, apply_fixes
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace
from rnnlint.verdicts import GradientCheck, Status, Verdict

NOTICEABLE = 1e-5
"""A change of a parameter's relative error below this is noise of the differences, not a cost."""


class Rerunnable(Protocol):
    """A solved scenario: its verdict, and the same scenario on other texts of the project."""

    @property
    def check(self) -> GradientCheck: ...

    def reruns(self, variants: Sequence[Sequence[Edit]]) -> list[GradientCheck]: ...

    def measured_on(self, project: Project) -> Rerunnable: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """Findings with what was proven of them, and the checks with every helpful fix applied.

    ``fixed`` stands in the order of the scenarios given; it is empty where there was nothing to fix.
    """

    findings: tuple[Finding, ...]
    fixed: tuple[GradientCheck, ...] = ()


def prove(project: Project, findings: Sequence[Finding], scenarios: Sequence[Rerunnable]) -> Proof:
    """Weigh every fixable finding by the numbers of the scenarios that are wrong."""
    fixable = [finding for finding in findings if is_fixable(finding, project)]
    measured = [scenario for scenario in scenarios if scenario.check.status is not Status.NOT_CHECKED]
    if not fixable or not any(scenario.check.wrong for scenario in measured):
        return Proof(tuple(findings))
    proven = dict[int, Finding]()
    fixed: list[GradientCheck] = []
    for scenario in scenarios:
        if not scenario.check.wrong:
            fixed.append(scenario.check)
            continue
        helpful, best, without = _helpful(project, fixable, scenario)
        fixed.append(best)
        for finding, left in zip(helpful, without, strict=True):
            weighed = _weigh(finding, left, best)
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
    return project.overlay(_applied(project, findings).texts)


def applied_edits(project: Project, findings: Iterable[Finding]) -> list[Edit]:
    """The edits of the findings' fixes that can stand together."""
    return [edit for edits in _applied(project, findings).edits.values() for edit in edits]


def _applied(project: Project, findings: Iterable[Finding]) -> Applied:
    fixes = [finding.fix for finding in findings if finding.fix is not None]
    touched = {edit.path for fix in fixes for edit in fix.edits}
    texts = {path: project.files[path].text for path in touched if path in project.files}
    return apply_fixes(texts, fixes)


def is_fixable(finding: Finding, project: Project) -> bool:
    """Whether the finding has a fix that can be tried, and may concern a gradient."""
    if finding.fix is None or finding.severity is Severity.ADVICE:
        return False
    return all(edit.path in project.files for edit in finding.fix.edits)


def _helpful(
    project: Project, fixable: Sequence[Finding], scenario: Rerunnable
) -> tuple[list[Finding], GradientCheck, list[GradientCheck]]:
    """The fixes that together bring the gradients nearest to right, the check with them applied, and those
    with all but one of them.

    Starts from all of them; while some are wrong, takes back the one whose absence helps most.
    """
    kept = list(fixable)
    best, *without = _checks(project, [kept, *_all_but_one(kept)], scenario)
    while kept and not agrees(best):
        nearest = min(range(len(kept)), key=lambda index: _distance(without[index]))
        if _distance(without[nearest]) >= _distance(best) - NOTICEABLE:
            break
        best = without[nearest]
        del kept[nearest]
        without = _checks(project, _all_but_one(kept), scenario)
    spare = [finding for finding, left in zip(kept, without, strict=True) if agrees(left)]
    if len(spare) > 1 and agrees(best):
        fewer = _without_doubles(project, kept, spare, scenario)
        if len(fewer) < len(kept):
            best, *without = _checks(project, [fewer, *_all_but_one(fewer)], scenario)
            kept = fewer
    return kept, best, without


def _without_doubles(
    project: Project, kept: Sequence[Finding], spare: Sequence[Finding], scenario: Rerunnable
) -> list[Finding]:
    """``kept`` without those of ``spare`` that stand in for one another: each could go, and not all of
    them."""
    fewer = [finding for finding in kept if finding not in spare]
    if agrees(_checks(project, [fewer], scenario)[0]):
        return list(kept)
    fewer = list(kept)
    for finding in reversed(spare):
        others = [other for other in fewer if other is not finding]
        if agrees(_checks(project, [others], scenario)[0]):
            fewer = others
    return fewer


def _all_but_one(findings: Sequence[Finding]) -> list[list[Finding]]:
    return [[other for other in findings if other is not finding] for finding in findings]


def check_with(project: Project, findings: Sequence[Finding], scenario: Rerunnable) -> GradientCheck:
    """The scenario with the fixes of the findings."""
    (check,) = _checks(project, [findings], scenario)
    return check


def _checks(
    project: Project, trials: Sequence[Sequence[Finding]], scenario: Rerunnable
) -> list[GradientCheck]:
    """The scenario with the fixes of each trial; measured anew where they change the forward pass."""
    tried = {id(finding): finding for findings in trials for finding in findings}
    anew = {id(each) for each in forward_repairs(project, scenario.check, tried.values())}
    usual = [findings for findings in trials if not any(id(each) in anew for each in findings)]
    checks = iter(scenario.reruns([applied_edits(project, findings) for findings in usual]))
    return [
        scenario.measured_on(fixed_project(project, findings)).check
        if any(id(each) in anew for each in findings)
        else next(checks)
        for findings in trials
    ]


def _distance(check: GradientCheck) -> float:
    """How far from right: wrong parameters first, then their summed error."""
    if check.status is Status.NOT_CHECKED or not check.judged:
        return float("inf")
    return 10.0 * len(check.wrong) + sum(errors_of(check).values())


def _weigh(finding: Finding, left: GradientCheck, best: GradientCheck) -> Finding | None:
    """``finding`` with what it alone costs, or None where leaving it in, as in ``left``, changes nothing."""
    before, after = errors_of(best), errors_of(left)
    if left.status is Status.NOT_CHECKED:
        return None
    worse = {name: error for name, error in after.items() if error > before.get(name, 0.0) + NOTICEABLE}
    if not worse or finding.fix is None:
        return None
    costliest_first = sorted(worse, key=lambda name: -worse[name])
    evidence = Evidence(best.id, tuple(costliest_first), worse[costliest_first[0]])
    if not agrees(best):
        return replace(finding, evidence=evidence)
    return replace(
        finding,
        severity=Severity.ERROR,  # wrong in some call: in this one, by the numbers
        confidence=Confidence.PROVEN,
        evidence=evidence,
        fix=replace(finding.fix, safe=True),
    )


def _costlier(weighed: Finding, known: Finding | None) -> bool:
    if known is None or known.evidence is None:
        return True
    return weighed.evidence is not None and weighed.evidence.error_if_left > known.evidence.error_if_left
