"""Forward passes that are nearly a cell that is known: what is said of them, and what mends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.deadline import Deadline
from rnnlint.findings import Finding, Severity, Span
from rnnlint.records import dataclass, replace
from rnnlint.verdicts import GradientCheck, Status

if TYPE_CHECKING:
    from rnnlint.diagnosis.prove import Rerunnable
    from rnnlint.model.project import Project


@dataclass(frozen=True, slots=True)
class DifferingForwards:
    """``repairs`` make a forward pass the cell that it nearly is and every gradient right; ``findings`` say
    of the others where they differ, ``differences`` say so of each check.
    """

    repairs: tuple[Finding, ...] = ()
    findings: tuple[Finding, ...] = ()
    differences: Mapping[str, str] | None = None

    def said_of(self, checks: Sequence[GradientCheck]) -> tuple[GradientCheck, ...]:
        """The checks, those that differ with how they do."""
        said = self.differences or {}
        return tuple(replace(each, difference=said.get(each.id, each.difference)) for each in checks)


def differing_forwards(
    project: Project, scenarios: Sequence[Rerunnable], deadline: Deadline
) -> DifferingForwards:
    """Where forward passes leave the cells that they nearly are, each line once."""
    unknown = [each for each in scenarios if _may_differ(each.check)]
    if not unknown:
        return DifferingForwards()
    from rnnlint.diagnosis.forward_mended import mended
    from rnnlint.diagnosis.forward_mismatch import forward_mismatches, told
    from rnnlint.diagnosis.repaired import Triable

    repairs: dict[tuple[Path, Span], Finding] = {}
    found: dict[tuple[Path, int], Finding] = {}
    differences: dict[str, str] = {}
    for scenario in unknown:
        trials = scenario.trials() if isinstance(scenario, Triable) and not deadline.has_passed else None
        mismatches = forward_mismatches(project, scenario.check, trials) if trials is not None else []
        repair = mended(project, scenario, mismatches) if scenario.check.wrong else None
        if repair is not None:
            repairs.setdefault((repair.path, repair.span), repair)
            continue
        if len({(each.first.watched.number, each.missing) for each in mismatches}) != 1:
            continue
        finding = told(mismatches[0], Severity.WARNING if scenario.check.wrong else Severity.ADVICE)
        found.setdefault((finding.path, finding.span.line), finding)
        label = project.files[finding.path].label(finding.span.line)
        differences[scenario.check.id] = f"{label}: {finding.message}"
    mending = {(path, span.line) for path, span in repairs}
    others = tuple(finding for place, finding in found.items() if place not in mending)
    return DifferingForwards(tuple(repairs.values()), others, differences)


def _may_differ(check: GradientCheck) -> bool:
    measured = check.status is not Status.NOT_CHECKED and check.call == 1
    return measured and check.forward == "unknown" and bool(check.parameters)
