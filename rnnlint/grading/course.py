"""Grading as one call: an assignment, its submissions, where to run them, and what came of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint import __version__
from rnnlint.beside import processors
from rnnlint.grading.assignment import Assignment
from rnnlint.grading.executors import LocalPool, dask_cluster
from rnnlint.grading.protection import unprotected
from rnnlint.grading.results import Detail, GradeBook, PartDescription, StudentResult, TaskDescription
from rnnlint.grading.submissions import Submission
from rnnlint.records import dataclass
from rnnlint.results import SandboxMode
from rnnlint.sandbox import LAYERS, Runner

if TYPE_CHECKING:
    from rnnlint.grading.batch import Pool
    from rnnlint.grading.plan import Plan

SENT_AHEAD = 4
"""Chunks for each worker of a cluster: none of them waits for the next, and not all submissions lie there."""
SPARE = 1
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
    with _workforce(course, without) as workforce:
        with Runner(without=without) as runner:
            plan = _plan(course, runner)
            workforce.begin()
            layers = runner.layers
            from rnnlint.grading.selftest import check_selftest

            plan = check_selftest(course.assignment, plan, runner)
        for note in plan.notes:
            noted(note)
        from rnnlint.grading.batch import Batch
        from rnnlint.grading.journal import Journal
        from rnnlint.grading.results_folder import JOURNAL

        repeated = plan.seed_id if course.seed is not None else None
        with Journal(course.folder / JOURNAL, plan.assignment_sha256, repeated) as journal:
            students = Batch(
                plan, course.submissions, workforce.pool, workforce.workers, workforce.spare, without, told
            ).grade(journal)
    return book_of(course, plan, students, layers)


def _plan(course: Course, runner: Runner) -> Plan:
    """The plan, once the machine's layers allow one. The imports are made while the runner starts."""
    from rnnlint.grading.solving import make_plan

    needs_sandbox = course.sandbox is SandboxMode.REQUIRE
    lacking = unprotected(runner.layers)
    if lacking and needs_sandbox:
        reasons = ", ".join(f"{layer} ({reason})" for layer, reason in runner.missing_layers)
        raise UnprotectedError(
            f"This machine does not protect {', '.join(lacking)}, so no submission is run; "
            f"it does not offer {reasons}."
        )
    seed = secrets.randbelow(_LARGEST_SEED) if course.seed is None else course.seed
    return make_plan(course.assignment, runner, seed, needs_sandbox=needs_sandbox)


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


@dataclass(frozen=True, slots=True)
class _Workforce:
    """Who grades: an executor, how many chunks are out at once, how many more while some wait for long."""

    pool: Pool
    workers: int
    spare: int = 0
    begin: Callable[[], None] = lambda: None


@contextmanager
def _workforce(course: Course, without: tuple[str, ...]) -> Iterator[_Workforce]:
    """Processes of this machine, which begin to import what they need, or the workers of a cluster."""
    if course.scheduler is not None:
        ahead = (course.workers or processors()) * SENT_AHEAD
        yield _Workforce(partial(dask_cluster, course.scheduler), ahead)
        return
    workers = course.workers or processors() + 1  # while one waits for a child, the others compute
    workers = min(workers, max(1, len(course.submissions)))
    spare = workers * SPARE
    with LocalPool(workers + spare) as pool:

        def begin() -> None:
            from rnnlint.grading.worker import begin as ready

            pool.begin(workers, ready, without)

        yield _Workforce(pool.opened, workers, spare, begin)
