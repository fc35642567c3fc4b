"""Many submissions: whoever does the work, in whatever order, broken off or not, the grades are the same."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnnlint.grading import batch
from rnnlint.grading.api import shard_of
from rnnlint.grading.assignment import Assignment
from rnnlint.grading.batch import Batch
from rnnlint.grading.course import Course, book_of
from rnnlint.grading.gradebook import csv_text
from rnnlint.grading.journal import Journal
from rnnlint.grading.plan import Plan
from rnnlint.grading.results import GradeBook, StudentResult, SubmissionStatus
from rnnlint.grading.results_folder import ResultsError, merged, read_book, write_results
from rnnlint.grading.submissions import Submission, locate
from rnnlint.grading.worker import grade_chunk
from tests.grading.cohort import write_cohort

WANTED = ("rnn_layers.py",)


@pytest.fixture(scope="module")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> list[Submission]:
    root = tmp_path_factory.mktemp("cohort") / "submissions"
    write_cohort(root, 10, ("honest", "exit_zero"))
    return locate(root, WANTED)


@contextmanager
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


class Graded:
    """Runs batches of the layers' assignment, and counts what is really run."""

    def __init__(self, assignment: Assignment, plan: Plan) -> None:
        self.assignment = assignment
        self.plan = plan
        self.ran = 0

    @contextmanager
    def counting(self) -> Iterator[Executor]:
        with ThreadPoolExecutor(2) as pool:
            yield _Counting(pool, self)

    def book(self, submissions: Sequence[Submission], journal: Path, pool: Any = None) -> GradeBook:
        with Journal(journal, self.plan.assignment_sha256, self.plan.seed_id) as notes:
            whole_batch = Batch(self.plan, submissions, pool or self.counting, 2)
            students = whole_batch.grade(notes)
        return book_of(Course(self.assignment, (), journal.parent), self.plan, students, ())


class _Counting(Executor):
    def __init__(self, pool: Executor, graded: Graded) -> None:
        self._pool = pool
        self._graded = graded

    def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        self._graded.ran += len(args[0]["submissions"])
        return self._pool.submit(function, *args, **named)


@pytest.fixture
def graded(layers: Assignment, layers_plan: Plan) -> Graded:
    return Graded(layers, layers_plan)


@pytest.fixture(scope="module")
def whole(
    layers: Assignment,
    layers_plan: Plan,
    submissions: list[Submission],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The grade book of all submissions."""
    graded = Graded(layers, layers_plan)
    return csv_text(graded.book(submissions, tmp_path_factory.mktemp("whole") / "journal.jsonl"))


def test_the_order_of_submissions_changes_no_byte(
    graded: Graded, submissions: list[Submission], whole: str, tmp_path: Path
) -> None:
    assert csv_text(graded.book(submissions[::-1], tmp_path / "journal.jsonl")) == whole
    assert graded.ran == len(submissions)


def test_one_crash_costs_only_itself(whole: str) -> None:
    statuses = {row.split(",")[0]: row.split(",")[2] for row in whole.splitlines()[1:]}
    assert statuses["m-exit_zero"] == "crash"
    assert list(statuses.values()).count("crash") == 1
    assert statuses["m-honest"] == "ok"


def test_what_is_noted_is_not_run_again(
    graded: Graded, submissions: list[Submission], whole: str, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    graded.book(submissions[:6], journal)
    with journal.open("a", encoding="utf-8") as stream:
        stream.write('{"assignment": "cut o')  # the power failed here
    assert graded.ran == 6
    assert csv_text(graded.book(submissions, journal)) == whole
    assert graded.ran == len(submissions)


def test_other_files_or_another_assignment_are_graded_anew(
    graded: Graded, submissions: list[Submission], tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    graded.book(submissions[:2], journal)
    result = Journal(journal, graded.plan.assignment_sha256)
    (known,) = {submissions[0].read(WANTED).files["rnn_layers.py"]}
    assert known
    assert Journal(journal, "another")._known == {}
    assert Journal(journal, graded.plan.assignment_sha256, "another seed")._known == {}
    assert len(result._known) == 2


def test_shards_are_merged_to_the_same_bytes(
    graded: Graded, submissions: list[Submission], whole: str, tmp_path: Path
) -> None:
    folders = [tmp_path / f"shard-{number}" for number in (1, 2, 3)]
    for number, folder in enumerate(folders, 1):
        book = graded.book(shard_of(submissions, number, 3), folder / "journal.jsonl")
        write_results(folder, book, ["csv"])
    books = [(folder, read_book(folder)) for folder in folders]
    assert csv_text(merged(books)) == whole
    with pytest.raises(ResultsError, match="is both in"):
        merged([*books, books[0]])
    other = replace(books[1][1], assignment_sha256="other")
    with pytest.raises(ResultsError, match="different assignments"):
        merged([books[0], (folders[1], other)])


def test_a_broken_off_run_leaves_what_is_finished(
    graded: Graded, submissions: list[Submission], whole: str, tmp_path: Path
) -> None:
    seen: list[StudentResult] = []

    def interrupt(result: StudentResult) -> None:
        seen.append(result)
        if len(seen) == 3:
            raise KeyboardInterrupt

    journal = tmp_path / "journal.jsonl"
    with pytest.raises(KeyboardInterrupt), Journal(journal, graded.plan.assignment_sha256) as notes:
        Batch(graded.plan, submissions, threads, 2, told=interrupt).grade(notes)
    lines = journal.read_text("utf-8").splitlines()
    assert len(lines) >= 3
    assert all(json.loads(line)["assignment"] == graded.plan.assignment_sha256 for line in lines)
    assert csv_text(graded.book(submissions, journal)) == whole
    assert graded.ran == len(submissions) - len(lines)


class _Held(Executor):
    """Keeps the first chunk until all others are graded; says whether they were, before patience ended."""

    def __init__(self, pool: Executor, others: int) -> None:
        self._pool, self._others = pool, others
        self._all_others = threading.Event()
        self._is_first = True
        self.overtaken = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        is_first, self._is_first = self._is_first, False
        return self._pool.submit(self._held if is_first else self._counted, *args, **named)

    def _held(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        self.overtaken = self._all_others.wait(60)
        return grade_chunk(task)

    def _counted(self, task: dict[str, Any]) -> list[dict[str, Any]]:
        graded = grade_chunk(task)
        self._others -= len(graded)
        if not self._others:
            self._all_others.set()
        return graded


def test_a_submission_that_does_not_end_holds_nobody_up(
    graded: Graded, submissions: list[Submission], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker, which waits: another one takes its place, and grades the rest."""
    monkeypatch.setattr(batch, "PATIENCE", 0.1)
    with ThreadPoolExecutor(2) as pool, Journal(tmp_path / "journal.jsonl", "any") as notes:
        held = _Held(pool, others=3)
        results = Batch(graded.plan, submissions[:4], lambda: nullcontext(held), 1, spare=1).grade(notes)
    assert held.overtaken
    assert [each.student_id for each in results] == [each.student_id for each in submissions[:4]]


def test_the_last_submissions_go_out_one_by_one(
    graded: Graded, submissions: list[Submission], tmp_path: Path
) -> None:
    """All workers then end at about one time."""
    sizes: list[int] = []

    class Noting(_Counting):
        def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
            sizes.append(len(args[0]["submissions"]))
            return super().submit(function, *args, **named)

    with ThreadPoolExecutor(1) as pool, Journal(tmp_path / "journal.jsonl", "any") as notes:
        Batch(graded.plan, submissions, lambda: nullcontext(Noting(pool, graded)), 1).grade(notes)
    assert sum(sizes) == len(submissions)
    assert sizes[0] > 1
    assert sizes[-2:] == [1, 1]


def _dies_of_exit_zero(task: dict[str, Any]) -> list[dict[str, Any]]:
    if any(each["student_id"] == "m-exit_zero" for each in task["submissions"]):
        os.kill(os.getpid(), signal.SIGKILL)
    return grade_chunk(task)


class _Deadly(Executor):
    """A pool of processes in which one submission kills whoever grades it."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        return self._pool.submit(_dies_of_exit_zero, *args, **named)


@contextmanager
def deadly() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield _Deadly(pool)


@pytest.mark.slow
def test_who_kills_the_workers_is_found_and_the_others_are_graded(
    graded: Graded, submissions: list[Submission], whole: str, tmp_path: Path
) -> None:
    book = graded.book(submissions, tmp_path / "journal.jsonl", deadly)
    (given_up,) = (each for each in book.students if each.student_id == "m-exit_zero")
    assert (given_up.status, given_up.score) == (SubmissionStatus.NOT_CHECKED, None)
    rest = replace(book, students=tuple(each for each in book.students if each is not given_up))
    expected = [row for row in whole.splitlines() if not row.startswith("m-exit_zero")]
    assert csv_text(rest).splitlines() == expected


def _fails(task: dict[str, Any]) -> list[dict[str, Any]]:
    if any(each["student_id"] == "m-honest" for each in task["submissions"]):
        raise LookupError("a bug of ours")
    return grade_chunk(task)


class _Failing(_Counting):
    def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        return super().submit(_fails, *args, **named)


def test_a_failure_of_ours_costs_only_the_submission_it_is_of(
    graded: Graded, submissions: list[Submission], tmp_path: Path
) -> None:
    @contextmanager
    def failing() -> Iterator[Executor]:
        with ThreadPoolExecutor(2) as pool:
            yield _Failing(pool, graded)

    book = graded.book(submissions[:3] + submissions[-1:], tmp_path / "journal.jsonl", failing)
    unknown = [each for each in book.students if each.score is None]
    names = {each.student_id for each in submissions[:3] + submissions[-1:]}
    assert {each.student_id for each in unknown} == names & {"m-honest"}
    assert all("a bug of ours" in each.reason for each in unknown)


@pytest.mark.slow
def test_a_real_cluster_with_a_worker_killed_gives_the_same_bytes(
    graded: Graded, submissions: list[Submission], whole: str, tmp_path: Path
) -> None:
    from rnnlint.grading.executors import dask_cluster
    from tests.grading.cluster import Cluster

    done: list[StudentResult] = []
    with Cluster(workers=2) as cluster:

        def kill_after_the_first(result: StudentResult) -> None:
            done.append(result)
            if len(done) == 1:
                cluster.kill_one()

        with Journal(tmp_path / "journal.jsonl", graded.plan.assignment_sha256) as notes:
            whole_batch = Batch(
                graded.plan, submissions, lambda: dask_cluster(cluster.address), 2, told=kill_after_the_first
            )
            students = whole_batch.grade(notes)
    book = book_of(Course(graded.assignment, (), tmp_path), graded.plan, students, ())
    assert csv_text(book) == whole
