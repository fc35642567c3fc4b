"""Before anything is graded: the solution must score full marks, the starter none."""

from __future__ import annotations

import math
from pathlib import Path

from rnnlint.grading.assignment import Assignment, AssignmentError
from rnnlint.grading.derivation import RULE
from rnnlint.grading.marking import mark
from rnnlint.grading.plan import Plan
from rnnlint.grading.results import StudentResult, SubmissionStatus
from rnnlint.grading.submissions import Submission
from rnnlint.records import replace
from rnnlint.sandbox import Runner

LEAST_SECONDS = 2.0
"""However fast the solution is: on a busy machine the first second tells little."""


def check_selftest(assignment: Assignment, plan: Plan, runner: Runner) -> Plan:
    """Grade the solution and the starter; the plan, with what the solution tells of itself.

    Raises :class:`AssignmentError` where the points make no sense.
    """
    where = f"{assignment.path}: [selftest]"
    solution = _marked(assignment.solution, plan, runner)
    if solution.status is SubmissionStatus.NO_SANDBOX:
        raise AssignmentError(f"{where}: {solution.reason}")
    if solution.score != plan.max_score or solution.status is not SubmissionStatus.OK:
        lost = [part.key for part in solution.parts if part.points < part.max_points]
        said = [*solution.problems, *([solution.reason] if solution.reason else [])]
        raise AssignmentError(
            f"{where}: the solution scores {solution.score or 0:g} of {plan.max_score:g}, so nothing is "
            f"graded; it loses {', '.join(lost) or 'none of its points'}. {' '.join(said)}".rstrip()
        )
    plan = _allowing(_limited(plan, assignment.limits.times_solution, runner.computed), solution)
    if assignment.starter is None:
        return plan
    starter = _marked(assignment.starter, plan, runner)
    if starter.status is SubmissionStatus.MISSING_FILE:
        raise AssignmentError(f"{where}: the starter lacks a file: {starter.reason}")
    if starter.score:
        earned = [part.key for part in starter.parts if part.points]
        raise AssignmentError(
            f"{where}: the starter scores {starter.score:g} of {plan.max_score:g}, so nothing is graded; "
            f"it has {', '.join(earned)} already: take these points out, or that work out of the starter."
        )

    return plan


def _limited(plan: Plan, times: float | None, computed: float) -> Plan:
    """With as many seconds as ``times`` what the solution ``computed`` makes, if the plan has no fewer.

    They are whole ones, so that the same is found again: a solution computes for a hundredth of a second,
    give or take a half. Where the system does not tell for how long, all seconds stay.
    """
    if times is None or not computed:
        return plan
    return replace(plan, seconds=min(plan.seconds, max(LEAST_SECONDS, float(math.ceil(times * computed)))))


def _allowing(plan: Plan, solution: StudentResult) -> Plan:
    """What the solution does may be done by all."""
    said = [sentence for sentence in solution.needs_review if RULE in sentence]
    if not said:
        return plan
    note = f"[selftest] differences are no reason to review a submission: of the solution, {' '.join(said)}"
    return replace(plan, is_derived=False, notes=(*plan.notes, note))


def _marked(folder: Path, plan: Plan, runner: Runner) -> StudentResult:
    handed = Submission(folder.name, folder.name, folder).read(plan.files)
    return mark(folder.name, folder.name, handed.files, plan, runner)
