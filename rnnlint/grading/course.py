"""Grading as one call: an assignment, its submissions, where to run them, and what came of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rnnlint import __version__
from rnnlint.beside import processors
from rnnlint.grading.assignment import Assignment
from rnnlint.grading.batch import Batch
from rnnlint.grading.executors import dask_cluster, local_pool, prepare_local_pool
from rnnlint.grading.journal import Journal
from rnnlint.grading.plan import Plan
from rnnlint.grading.protection import unprotected
from rnnlint.grading.results import Detail, GradeBook, PartDescription, StudentResult, TaskDescription
from rnnlint.grading.results_folder import JOURNAL
from rnnlint.grading.selftest import check_selftest
from rnnlint.grading.solving import make_plan
from rnnlint.grading.submissions import Submission
from rnnlint.records import dataclass
from rnnlint.results import SandboxMode
from rnnlint.sandbox import LAYERS, Runner

SENT_AHEAD = 4
"""Chunks for each worker of a cluster: none of them waits for the next, and not all submissions lie there."""
SPARE = 3
"""Processes that may be started for each one here, in place of those that wait for a submission to end."""
_LARGEST_SEED = 2**128


class UnprotectedError(Exception):
    """This machine does not protect what it must; nothing has been run. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be graded and how.

    ``seed`` makes the hidden probes repeatable, None draws fresh ones. ``scheduler`` is that of a Dask
    cluster; without one, ``workers`` processes of this machine do the work. ``folder`` keeps the journal.
    ``detail`` replaces the assignment's.
    """

    assignment: Assignment
    submissions: Sequence[Submission]
    folder: Path
    seed: int | None = None
    sandbox: SandboxMode = SandboxMode.REQUIRE
    workers: int | None = None
    scheduler: str | None = None
    detail: Detail | None = None


def grade(
    course: Course,
    told: Callable[[StudentResult], None] = lambda result: None,
    noted: Callable[[str], None] = lambda sentence: None,
) -> GradeBook:
    """Grade every submission; ``told`` of each result as it comes, ``noted`` of what the teacher should know.

    Raises :class:`rnnlint.grading.assignment.AssignmentError`, :class:`UnprotectedError`, and
    :class:`rnnlint.grading.executors.SchedulerError`; then nothing has been graded.
    """
    without = LAYERS if course.sandbox is SandboxMode.OFF else ()
    if course.scheduler is None and course.submissions:
        prepare_local_pool()
    plan, layers = prepared(course, without)
    for note in plan.notes:
        noted(note)
    workers = course.workers or processors()
    journal = Journal(
        course.folder / JOURNAL, plan.assignment_sha256, plan.seed_id if course.seed is not None else None
    )
    with journal:
        students = _batch(course, plan, workers, without, told).grade(journal)
    return book_of(course, plan, students, layers)


def prepared(course: Course, without: Sequence[str]) -> tuple[Plan, tuple[str, ...]]:
    """The plan, once the machine's layers and the self-test allow one; and the layers in force."""
    seed = secrets.randbelow(_LARGEST_SEED) if course.seed is None else course.seed
    needs_sandbox = course.sandbox is SandboxMode.REQUIRE
    with Runner(without=without) as runner, Runner(without=without) as another:
        lacking = unprotected(runner.layers)
        if lacking and needs_sandbox:
            reasons = ", ".join(f"{layer} ({reason})" for layer, reason in runner.missing_layers)
            raise UnprotectedError(
                f"This machine does not protect {', '.join(lacking)}, so no submission is run; "
                f"it does not offer {reasons}."
            )
        plan = make_plan(course.assignment, runner, seed, needs_sandbox=needs_sandbox)
        layers = runner.layers
        plan = check_selftest(course.assignment, plan, another)
    return plan, layers


def book_of(
    course: Course, plan: Plan, students: Sequence[StudentResult], layers: tuple[str, ...]
) -> GradeBook:
    """The results with what they are results of."""
    tasks = tuple(
        TaskDescription(
            task.name,
            task.forward_title,
            task.backward_title,
            tuple(PartDescription(task.name, part, points) for part, points in task.points.items()),
        )
        for task in plan.tasks
    )
    return GradeBook(
        title=course.assignment.title,
        tasks=tasks,
        students=tuple(students),
        max_score=plan.max_score,
        detail=course.detail or course.assignment.detail,
        assignment_sha256=plan.assignment_sha256,
        rnnlint_version=__version__,
        layers=layers,
        files=plan.files,
    )


def _batch(
    course: Course, plan: Plan, workers: int, without: tuple[str, ...], told: Callable[[StudentResult], None]
) -> Batch:
    if course.scheduler is not None:
        pool = partial(dask_cluster, course.scheduler)
        return Batch(plan, course.submissions, pool, workers * SENT_AHEAD, without=without, told=told)
    workers = min(workers, max(1, len(course.submissions)))
    spare = workers * SPARE
    pool = partial(local_pool, workers + spare)
    return Batch(plan, course.submissions, pool, workers, spare, without, told)
