"""A task solved on the teacher's solution: on the sizes of the public probe, and on any others."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import numpy as np

from rnnlint.deadline import Deadline
from rnnlint.gradients import PreparedCheck, prepare
from rnnlint.gradients.answers import ProbeFailedError, first_run
from rnnlint.gradients.draft import FORWARD
from rnnlint.gradients.drawing import probe_of
from rnnlint.gradients.measure import Measurement, measure
from rnnlint.gradients.probe import returned_codes
from rnnlint.gradients.reference import Match, match
from rnnlint.grading import sizes
from rnnlint.grading.assignment import Assignment, AssignmentError, Task
from rnnlint.grading.comparing import verdict
from rnnlint.grading.convention import ConventionError, convention_of
from rnnlint.grading.own_globals import with_own_globals
from rnnlint.grading.results import PartVerdict
from rnnlint.grading.solved_task import SolvedTask, arguments_of, inputs_of
from rnnlint.grading.statements import statements
from rnnlint.model.project import Project
from rnnlint.records import dataclass
from rnnlint.sandbox import Runner
from rnnlint.source import Source

_PATIENCE = 120.0
"""Seconds for a task to be solved: once for all submissions, on however busy a machine."""
_SOLVING_SEEDS = (11, 12, 13, 14)
"""Of the probes on which the solution's arrays are found among the reference's, until no two numbers look
alike by chance. Nothing is graded on them.
"""
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Solution:
    """A task as it was solved, with what solved it."""

    assignment: Assignment
    solved: SolvedTask
    _prepared: PreparedCheck
    _measurement: Measurement

    def resized(self, drawn: Mapping[str, int]) -> SolvedTask | None:
        """The same program on arrays of other sizes, as near to those drawn as it runs on and is as right as
        before; None where there are no such.
        """
        assert self._prepared.solved is not None
        for chosen in sizes.choices(drawn, self._prepared.solved.axes):
            for seed in _SOLVING_SEEDS:
                found = self._at(chosen, seed)
                if found is not None:
                    return found if found.dimensions != self.solved.dimensions else None
        return None

    def _at(self, chosen: Mapping[str, int], seed: int) -> SolvedTask | None:
        measurement = _measured(self._prepared, chosen, seed)
        matched = match(measurement) if measurement is not None else None
        if measurement is None or matched is None or matched.kind != self.assignment.cell:
            return None
        if measurement.judged.wrong > self._measurement.judged.wrong:
            return None
        try:
            found = _solved(self.assignment, self.solved.task, self.solved.entry, measurement, matched)
        except AssignmentError:
            return None
        return found if found.has_program_of(self.solved) and _holds(found, self._prepared) else None


def solve(assignment: Assignment, task: Task, sources: Mapping[str, Source], runner: Runner) -> Solution:
    """Solve a task on the solution. Raises :class:`AssignmentError`."""
    where = _where(assignment, task)
    entry = _entry(task.scenario.backward.function, assignment.files, sources, where)
    project = Project.of(sources[entry]).joined_by(sources.values())
    refused, ran = "", False
    for scenario in statements(assignment, task):
        (prepared,) = prepare(
            project,
            sources[entry],
            runner,
            seed=_SOLVING_SEEDS[0],
            explicit=[scenario],
            deadline=Deadline.after(_PATIENCE),
        )
        last: Solution | None = None
        for seed in _SOLVING_SEEDS:
            measurement = _measured(prepared, sizes.PUBLIC, seed)
            matched = match(measurement) if measurement is not None else None
            if measurement is None or matched is None or matched.kind != assignment.cell:
                refused, ran = refused or prepared.check.reason or "", ran or measurement is not None
                break
            solved = _solved(assignment, task, entry, measurement, matched)
            last = Solution(assignment, solved, prepared, measurement)
            if _holds(solved, prepared):
                break
        if last is not None:
            return last
    if refused and not ran:
        raise AssignmentError(f"{where}: the solution could not be run: {refused}")
    raise AssignmentError(f"{where}: the forward pass of the solution is no {assignment.cell.upper()}.")


def _entry(function: str, files: tuple[str, ...], sources: Mapping[str, Source], where: str) -> str:
    """The file of the solution that defines the backward."""
    wanted = function.partition(".")[0]
    for name in files:
        for node in ast.parse(sources[name].text).body:
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and node.name == wanted
            ):
                return name
    raise AssignmentError(f"{where}: the solution defines no {wanted} in {', '.join(files)}.")


def _where(assignment: Assignment, task: Task) -> str:
    return f"{assignment.path}: [[task]] {task.name}"


def _holds(solved: SolvedTask, prepared: PreparedCheck) -> bool:
    """Whether the solution's forward gives what the reference says on other numbers, too."""
    if prepared.workshop is None:
        return False
    probe = solved.drawn(np.random.default_rng(_SOLVING_SEEDS))
    codes = list(solved.output_codes.values())
    try:
        ran = first_run(prepared.workshop.run([probe.scenario(codes, backward=False)]))
    except ProbeFailedError:
        return False
    true = solved.true_outputs(probe)
    verdicts = (verdict(value, true[name], _TOLERANCE) for name, value in zip(true, ran.values, strict=True))
    return all(each is PartVerdict.RIGHT for each in verdicts)


def _measured(prepared: PreparedCheck, chosen: Mapping[str, int], seed: int) -> Measurement | None:
    """The solution's scenario, measured on these sizes where it leaves them open."""
    if prepared.workshop is None or prepared.solved is None:
        return None
    rng = np.random.default_rng(seed)
    try:
        return measure(prepared.workshop, probe_of(prepared.workshop, prepared.solved, rng, chosen))
    except ProbeFailedError:
        return None


def _solved(
    assignment: Assignment, task: Task, entry: str, measurement: Measurement, matched: Match
) -> SolvedTask:
    where = _where(assignment, task)
    _check_convention(assignment, matched, where)
    draft, probe = measurement.probe.draft, measurement.probe
    codes = returned_codes(draft)
    forward = measurement.base.values[codes.index(FORWARD)] if FORWARD in codes else None
    results = draft.pass_.forward.results if draft.pass_.forward is not None else ()
    values = forward if len(results) > 1 and forward is not None else (forward,)
    base = {name: value for name, value in zip(results, values, strict=False) if name}
    try:
        convention = convention_of(matched, arguments_of(probe), inputs_of(probe, where))
    except ConventionError as error:
        raise AssignmentError(f"{where}: the solution's convention is not understood: {error}.") from None
    own = with_own_globals(probe)
    found = SolvedTask(task, entry, own.draft, own, matched, convention, base, where)
    if forward is not None and not found.output_indices:
        raise AssignmentError(f"{where}: no result of the solution's forward is a quantity of the cell.")
    if assignment.initial_state_first and not found.begins_with_initial_state:
        raise AssignmentError(f"{where}: no list of the solution begins with its initial state, as stated.")
    return found


def _check_convention(assignment: Assignment, match: Match, where: str) -> None:
    """What the assignment states of the cell must be what the solution has."""
    if assignment.gates is not None and match.order != assignment.gates:
        raise AssignmentError(
            f"{where}: the solution's gates stand in the order {match.order}, and the assignment says "
            f"{assignment.gates}."
        )
    if assignment.input_first is not None and match.input_first != assignment.input_first:
        stated, found = ("x,h", "h,x") if assignment.input_first else ("h,x", "x,h")
        raise AssignmentError(
            f'{where}: the solution concatenates "{found}", and the assignment says "{stated}".'
        )
