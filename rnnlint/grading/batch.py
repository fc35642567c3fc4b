"""All submissions of an assignment, graded in chunks; what is finished is noted, and never done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import AbstractContextManager
from itertools import islice
from time import monotonic

from rnnlint.grading.journal import Journal
from rnnlint.grading.marking import blank_result, fingerprint, nothing
from rnnlint.grading.plan import Plan
from rnnlint.grading.results import StudentResult, SubmissionStatus
from rnnlint.grading.submissions import Handed, Submission
from rnnlint.grading.worker import Chunk, chunk, grade_chunk, results_of
from rnnlint.records import dataclass, field

CHUNK = 4
"""Most submissions in a chunk: few, as a chunk whose worker dies is begun again."""
CHUNKS_A_WORKER = 4
"""At least so many chunks for each worker, where there are submissions enough: all end at about one time."""
PATIENCE = 0.5
"""Seconds after which a chunk is taken to wait for a submission that does not end."""
MOST_DEATHS = 2
"""After so many deaths of a worker that graded nothing else, a submission is taken for the reason."""

_DEATH = "The process that graded it ended, several times."


@dataclass(frozen=True, slots=True)
class _Out:
    """A chunk that is being graded."""

    members: Sequence[Submission]
    since: float


Pool = Callable[[], AbstractContextManager[Executor]]
"""Opens an executor; again, where one has broken."""


@dataclass(frozen=True)
class Batch:
    """What is graded, by what plan, where, and who is told of each result.

    ``workers`` chunks are out at once, and up to ``spare`` more while as many have waited for long: a
    submission that runs until it is stopped holds nobody up.
    """

    plan: Plan
    submissions: Sequence[Submission]
    pool: Pool
    workers: int
    spare: int = 0
    without: tuple[str, ...] = ()
    told: Callable[[StudentResult], None] = field(default=lambda result: None)

    def grade(self, journal: Journal) -> list[StudentResult]:
        """A result for every submission, in their order; those that the journal knows are not run again."""
        results: dict[str, StudentResult] = {}
        sent = self.plan.to_bytes()

        def settle(result: StudentResult) -> None:
            results[result.student_id] = result
            self.told(result)

        waiting = list(self._waiting(journal, settle))
        deaths: dict[
            str, int
        ] = {}  # of workers, while they graded this one alone; 0 where it was one of many
        while waiting:
            calm = [each for each in waiting if each.student_id not in deaths]
            unfinished: dict[str, str] = {}
            with self.pool() as executor:
                for done in self._run(executor, sent, calm or waiting, unfinished, alone=not calm):
                    for result in done:
                        journal.note(result)
                        settle(result)
            for each in (each for each in waiting if each.student_id in unfinished):
                why = unfinished[each.student_id]
                deaths[each.student_id] = deaths.get(each.student_id, 0) + (not calm)
                if deaths[each.student_id] == MOST_DEATHS or (why and not calm):
                    settle(self._given_up(each.read(self.plan.files), why or _DEATH))
            waiting = [each for each in waiting if each.student_id not in results]
        return [results[each.student_id] for each in self.submissions]

    def _waiting(self, journal: Journal, settle: Callable[[StudentResult], None]) -> Iterator[Submission]:
        """The submissions that the journal does not know; those it knows are settled."""
        from rnnlint.records import replace

        for each in self.submissions:
            handed = each.read(self.plan.files)
            known = None
            if handed.files and not handed.problem:
                known = journal.known(fingerprint(handed.files), each.student_id, each.place)
            if known is None:
                yield each
            else:
                review = dict.fromkeys((*each.review, *known.needs_review))
                settle(replace(known, needs_review=tuple(review)))

    def _run(
        self,
        executor: Executor,
        plan: bytes,
        waiting: Sequence[Submission],
        unfinished: dict[str, str],
        *,
        alone: bool,
    ) -> Iterator[list[StudentResult]]:
        """The results of each chunk as it ends; students whose chunk broke are ``unfinished``, and why.

        ``alone`` grades one submission at a time, to find the one that breaks whatever grades it.
        """
        chunks = iter([[each] for each in waiting] if alone else self._dealt(waiting))
        running: dict[Future[list[dict[str, object]]], _Out] = {}
        broken = False
        try:
            while True:
                room = self._room([out.since for out in running.values()], alone=alone)
                for members in islice(chunks, 0 if broken else room):
                    task = self._chunk(plan, members)
                    try:
                        running[executor.submit(grade_chunk, task)] = _Out(members, monotonic())
                    except BrokenExecutor:
                        broken = True
                        break
                if not running:
                    return
                seldom = PATIENCE if self.spare else None
                done, _ = wait(running, timeout=seldom, return_when=FIRST_COMPLETED)
                for future in done:
                    members = running.pop(future).members
                    error = future.exception()
                    if error is None:
                        yield results_of(future.result())
                    else:
                        dead = isinstance(error, BrokenExecutor)
                        broken = broken or dead
                        why = "" if dead else f"rnnlint itself failed on it: {type(error).__name__}: {error}"
                        unfinished |= {each.student_id: why for each in members}
        finally:
            for future in running:
                future.cancel()

    def _dealt(self, waiting: Sequence[Submission]) -> list[Sequence[Submission]]:
        """The submissions in chunks, dealt like cards: neighbours are alike, and so are those that hang.

        The last ones go out one by one, so that nobody is at a chunk still when all others have gone home.
        """
        size = min(CHUNK, max(1, len(waiting) // (self.workers * CHUNKS_A_WORKER)))
        count = -(-len(waiting) // size)
        chunks = [waiting[n::count] for n in range(count)]
        whole = max(0, count - self.workers)
        return [*chunks[:whole], *([each] for last in chunks[whole:] for each in last)]

    def _room(self, since: Sequence[float], *, alone: bool) -> int:
        """How many more chunks may go out, beside those that went out at these times."""
        if alone:
            return 1 - len(since)
        waiting = sum(monotonic() - each > PATIENCE for each in since)
        return max(0, self.workers + min(waiting, self.spare) - len(since))

    def _chunk(self, plan: bytes, members: Sequence[Submission]) -> Chunk:
        return chunk(plan, self.without, (each.read(self.plan.files) for each in members))

    def _given_up(self, handed: Handed, reason: str) -> StudentResult:
        blank = blank_result(handed.student_id, handed.place, handed.files, self.plan)
        return nothing(blank, self.plan, SubmissionStatus.NOT_CHECKED, reason)
