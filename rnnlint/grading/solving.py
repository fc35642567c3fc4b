"""From an assignment to a plan: each task solved once on the solution, its truth from the reference.

Where the solution's scenario has been solved, all that is left of it are programs and shapes. What is true of
the arguments of a probe comes from the reference cell alone; the solution is then graded like any submission.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping

import numpy as np

from rnnlint.deadline import Deadline
from rnnlint.gradients import PreparedCheck, prepare
from rnnlint.gradients.answers import ProbeFailedError
from rnnlint.gradients.draft import FORWARD
from rnnlint.gradients.drawing import probe_of
from rnnlint.gradients.measure import Measurement, measure
from rnnlint.gradients.probe import returned_codes
from rnnlint.gradients.reference import Match, match
from rnnlint.gradients.sizes import BATCH, HIDDEN, INPUT, OUTPUT, TIME
from rnnlint.grading.assignment import Assignment, AssignmentError, Task
from rnnlint.grading.clips import Clips
from rnnlint.grading.convention import ConventionError, convention_of
from rnnlint.grading.own_globals import with_own_globals
from rnnlint.grading.plan import Plan, TaskPlan
from rnnlint.grading.solved_task import SolvedTask, arguments_of, inputs_of
from rnnlint.grading.statements import statements
from rnnlint.grading.unrolling import unrolled
from rnnlint.model.project import Project
from rnnlint.records import replace
from rnnlint.sandbox import Runner
from rnnlint.source import Source, UnreadableSourceError, read_source

_SIZES = {TIME: 4, BATCH: 2, HIDDEN: 3, INPUT: 5, OUTPUT: 6}
"""The sizes of the probes where the code leaves them open: all different, and the same in every task."""
_PATIENCE = 120.0
"""Seconds for a task to be solved: once for all submissions, on however busy a machine."""
_SOLVING_SEED = 11
"""Of the probe on which the solution's arrays are found among the reference's; it is never graded on."""


def make_plan(assignment: Assignment, runner: Runner, seed: int, *, needs_sandbox: bool = True) -> Plan:
    """The plan of an assignment; ``seed`` is the master seed of the hidden probes.

    With ``needs_sandbox`` a worker whose machine lacks a protection runs nothing.

    Raises :class:`AssignmentError` where a task cannot be solved on the solution.
    """
    sources = _solution(assignment)
    solved = {task.name: _solve(assignment, task, sources, runner) for task in assignment.tasks}
    tasks: list[TaskPlan] = []
    for number, task in enumerate(assignment.tasks):
        own = solved[task.name]
        probes = [own.drawn(_rng(seed, number, probe)) for probe in range(assignment.hidden_probes + 1)]
        plan = own.plan(probes, assignment.loss)
        if task.follow_through is not None:
            unrolling = unrolled(solved[task.follow_through], own, probes, assignment.loss)
            plan = replace(plan, unrolling=unrolling)
        tasks.append(plan)
    trees = {source.path: ast.parse(source.text) for source in sources.values()}
    return Plan(
        files=assignment.files,
        provided={name: sources[name].text for name in assignment.provided},
        clips=Clips.of(trees),
        tasks=tuple(tasks),
        require_forward=assignment.require_forward,
        any_scale=assignment.any_scale,
        tolerance=assignment.tolerance,
        seconds=assignment.limits.seconds,
        memory_mb=assignment.limits.memory_mb,
        needs_sandbox=needs_sandbox,
        detail=assignment.detail.value,
        seed_id=seed_id(seed),
        assignment_sha256=assignment.sha256,
    )


def seed_id(seed: int) -> str:
    """A name for a seed that does not tell it, as long as the seed itself is not guessed."""
    return hashlib.sha256(f"rnnlint hidden probes {seed}".encode()).hexdigest()[:12]


def _rng(seed: int, task: int, probe: int) -> np.random.Generator:
    """Of probe 0, the public one, the same in every run."""
    return np.random.default_rng([task, 0] if probe == 0 else [task, probe, seed])


def _solution(assignment: Assignment) -> dict[str, Source]:
    """The solution's files by their names in the assignment."""
    found: dict[str, Source] = {}
    for name in (*assignment.files, *assignment.provided):
        try:
            source = read_source(assignment.solution / name)
        except UnreadableSourceError as error:
            raise AssignmentError(f"{assignment.path}: the solution lacks a file: {error}") from None
        if source.problem is not None:
            raise AssignmentError(
                f"{assignment.path}: the solution's {name} is no Python (line {source.problem.line})."
            )
        found[name] = source
    return found


def _solve(assignment: Assignment, task: Task, sources: Mapping[str, Source], runner: Runner) -> SolvedTask:
    """Solve a task on the solution. Raises :class:`AssignmentError`."""
    where = f"{assignment.path}: [[task]] {task.name}"
    entry = _entry(task.scenario.backward.function, assignment.files, sources, where)
    project = Project.of(sources[entry]).joined_by(sources.values())
    refused, ran = "", False
    for scenario in statements(assignment, task):
        (prepared,) = prepare(
            project,
            sources[entry],
            runner,
            seed=_SOLVING_SEED,
            explicit=[scenario],
            deadline=Deadline.after(_PATIENCE),
        )
        measurement = _measured(prepared)
        matched = match(measurement) if measurement is not None else None
        if measurement is not None and matched is not None and matched.kind == assignment.cell:
            return _solved(assignment, task, entry, measurement, matched, where)
        refused, ran = refused or prepared.check.reason or "", ran or measurement is not None
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


def _measured(prepared: PreparedCheck) -> Measurement | None:
    """The solution's scenario, measured on the sizes that are graded on."""
    if prepared.workshop is None or prepared.solved is None:
        return None
    rng = np.random.default_rng(_SOLVING_SEED)
    try:
        return measure(prepared.workshop, probe_of(prepared.workshop, prepared.solved, rng, _SIZES))
    except ProbeFailedError:
        return None


def _solved(
    assignment: Assignment, task: Task, entry: str, measurement: Measurement, matched: Match, where: str
) -> SolvedTask:
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
