"""From an assignment to a plan: each task solved once on the solution, its truth from the reference.

Where the solution's scenario has been solved, all that is left of it are programs and shapes. What is true of
the arguments of a probe comes from the reference cell alone; the solution is then graded like any submission.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from rnnlint.gradients.probe import Probe as SolvedProbe
from rnnlint.grading import sizes
from rnnlint.grading.assignment import Assignment, AssignmentError, Task
from rnnlint.grading.clips import Clips
from rnnlint.grading.plan import OTHERWISE_SIZED, Plan, Probe, TaskPlan, Unrolling
from rnnlint.grading.solution import solve
from rnnlint.grading.solved_task import SolvedTask
from rnnlint.grading.unrolling import unrolled
from rnnlint.records import dataclass
from rnnlint.sandbox import Runner
from rnnlint.source import Source, UnreadableSourceError, read_source


def make_plan(assignment: Assignment, runner: Runner, seed: int, *, needs_sandbox: bool = True) -> Plan:
    """The plan of an assignment; ``seed`` is the master seed of the hidden probes.

    With ``needs_sandbox`` a worker whose machine lacks a protection runs nothing.

    Raises :class:`AssignmentError` where a task cannot be solved on the solution.
    """
    sources = _solution(assignment)
    solutions = {task.name: solve(assignment, task, sources, runner) for task in assignment.tasks}
    at_public = {name: solution.solved for name, solution in solutions.items()}
    drawn = sizes.others(seed)
    at_others = {
        name: found
        for name, solution in solutions.items()
        if assignment.other_sizes and (found := solution.resized(drawn)) is not None
    }
    tasks: list[TaskPlan] = []
    notes: list[str] = []
    for number, task in enumerate(assignment.tasks):
        public = _sized(task, at_public, assignment.loss)
        other = _sized_otherwise(task, at_others, assignment.loss)
        by_probe = [public] * (assignment.hidden_probes + 1)
        by_probe[OTHERWISE_SIZED] = other or public
        probes = [each.probe(_rng(seed, number, probe)) for probe, each in enumerate(by_probe)]
        tasks.append(public.solved.plan(probes))
        if assignment.other_sizes:
            notes += _of_kept_sizes(task, public.solved, by_probe[OTHERWISE_SIZED].solved)
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
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Sized:
    """A task on arrays of certain sizes, and what drives the step that it may be right by."""

    solved: SolvedTask
    loss: str
    unrolled: Callable[[SolvedProbe], Unrolling] | None

    def probe(self, rng: np.random.Generator) -> Probe:
        """A probe on fresh numbers, with what is true of them."""
        drawn = self.solved.drawn(rng)
        return self.solved.with_truth(drawn, self.loss, self.unrolled(drawn) if self.unrolled else None)


def _sized(task: Task, solved: Mapping[str, SolvedTask], loss: str) -> _Sized:
    """Raises :class:`AssignmentError` where the step that it follows does not lead to it."""
    own, step = solved[task.name], task.follow_through
    return _Sized(own, loss, unrolled(solved[step], own, loss) if step is not None else None)


def _sized_otherwise(task: Task, solved: Mapping[str, SolvedTask], loss: str) -> _Sized | None:
    """The same on what runs at other sizes; None where the task, or the step that it follows, does not."""
    if not {task.name, task.follow_through or task.name} <= solved.keys():
        return None
    try:
        return _sized(task, solved, loss)
    except AssignmentError:
        return None


def _of_kept_sizes(task: Task, public: SolvedTask, other: SolvedTask) -> Iterator[str]:
    """What the teacher is told of sizes that no hidden probe changes."""
    kept = sizes.kept(public.dimensions, other.dimensions)
    if kept:
        yield (
            f"[[task]] {task.name}: the number of {' and of '.join(kept)} is the same in all probes, as the "
            "assignment or the solution allows no other; code that is written for it alone gets its points."
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
