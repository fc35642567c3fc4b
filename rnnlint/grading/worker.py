"""What a worker does, in this process or on another machine: plain dicts and bytes in, plain dicts out.

Each thread of a worker has one runner and one plan at a time; the runner's zygote and its children are
processes of the worker's own machine, behind that machine's layers.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing.util import Finalize
from typing import Any, NamedTuple

from rnnlint.grading.marking import blank_result, mark, nothing
from rnnlint.grading.plan import Plan
from rnnlint.grading.results import StudentResult, SubmissionStatus
from rnnlint.grading.submissions import Handed
from rnnlint.guest.records import from_tree, to_tree
from rnnlint.sandbox import Runner

Chunk = dict[str, Any]
"""``plan`` (bytes), ``without`` (layers to be left out), ``submissions`` (a list of dicts)."""


def chunk(plan: bytes, without: Sequence[str], submissions: Iterable[Handed]) -> Chunk:
    """A task for :func:`grade_chunk`."""
    return {
        "plan": plan,
        "without": list(without),
        "submissions": [
            {
                "student_id": each.student_id,
                "place": each.place,
                "files": dict(each.files),
                "problem": each.problem,
                "review": list(each.review),
            }
            for each in submissions
        ],
    }


def grade_chunk(task: Chunk) -> list[dict[str, Any]]:
    """Grade the submissions of a chunk, one after the other; a dict a submission, in their order."""
    plan, runner = _plan(task["plan"]), _runner(tuple(task["without"]))
    return [to_tree(grade(_handed(each), plan, runner)) for each in task["submissions"]]


def results_of(answer: Sequence[Mapping[str, Any]]) -> list[StudentResult]:
    """The results that :func:`grade_chunk` gave as dicts."""
    return [from_tree(StudentResult, dict(tree)) for tree in answer]


def grade(handed: Handed, plan: Plan, runner: Runner) -> StudentResult:
    """The marks of what a student handed in."""
    from rnnlint.records import replace

    if handed.problem:
        blank = blank_result(handed.student_id, handed.place, handed.files, plan)
        result = nothing(blank, plan, SubmissionStatus.NOT_CHECKED, handed.problem)
    else:
        result = mark(handed.student_id, handed.place, handed.files, plan, runner)
    return replace(result, needs_review=(*handed.review, *result.needs_review))


def _handed(tree: Mapping[str, Any]) -> Handed:
    return Handed(tree["student_id"], tree["place"], tree["files"], tree["problem"], tuple(tree["review"]))


class _Desk(NamedTuple):
    key: bytes
    plan: Plan


class _Workplace(threading.local):
    """What a thread keeps from one chunk to the next."""

    without: tuple[str, ...] = ()
    runner: Runner | None = None
    desk: _Desk | None = None


_HERE = _Workplace()


def begin(without: tuple[str, ...]) -> None:
    """Have the sandbox stand before the first chunk comes."""
    _ = _runner(without).layers


def _plan(sent: bytes) -> Plan:
    key = hashlib.sha256(sent).digest()
    if _HERE.desk is None or _HERE.desk.key != key:
        _HERE.desk = _Desk(key, Plan.from_bytes(sent))
    return _HERE.desk.plan


def _runner(without: tuple[str, ...]) -> Runner:
    if _HERE.runner is None or _HERE.without != without:
        if _HERE.runner is not None:
            _HERE.runner.close()
        _HERE.runner, _HERE.without = Runner(without=without, busy_machine=True).start(), without
        Finalize(None, _HERE.runner.close, exitpriority=0)  # in forked workers, too, where atexit is nothing
    return _HERE.runner
