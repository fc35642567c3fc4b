"""The one limit of time: what it cuts short is no verdict, and that is said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from rnnlint.deadline import Deadline
from rnnlint.diagnosis import diagnose
from rnnlint.gradients import prepare
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import Failure, Job, Outcome, Trouble
from rnnlint.source import read_source
from rnnlint.verdicts import GradientCheck, Reason, Status

FIXTURES = Path(__file__).parents[2] / "fixtures"


@dataclass
class Clock:
    """Runs so many jobs; in the middle of the next one the time is over."""

    runner: Runner
    jobs: int
    asked: int = 0

    def run(self, job: Job, *, fresh: bool = False) -> Outcome:
        self.asked += 1
        if self.asked <= self.jobs:
            return self.runner.run(job, fresh=fresh)
        return Outcome(runs=self.runner.run(job, fresh=fresh).runs[:1], trouble=Trouble(Failure.TIMEOUT))


class DeadlineOfJobs(Deadline):
    """Passes when a clock's jobs have been run."""

    __slots__ = ("clock",)

    def __init__(self, clock: Clock) -> None:
        super().__init__(0.0)
        object.__setattr__(self, "clock", clock)

    @property
    def has_passed(self) -> bool:
        return self.clock.asked > self.clock.jobs  # type: ignore[attr-defined]

    @property
    def left(self) -> float:
        return 0.0 if self.has_passed else 1.0

    def less(self, seconds: float) -> Deadline:
        return self

    share = less


def checks(path: Path, clock: Clock) -> list[GradientCheck]:
    source = read_source(path)
    made = prepare(Project.of(source), source, clock, seed=7, deadline=DeadlineOfJobs(clock))
    return [prepared.check for prepared in made]


@pytest.mark.parametrize("name", ["correct/fit_inline.py", "article/backward.py"])
def test_check_cut_short_is_no_verdict(runner: Runner, name: str) -> None:
    whole = Clock(runner, 1000)
    (full,) = checks(FIXTURES / name, whole)
    assert full.status is Status.CHECKED
    cuts = 0
    for jobs in range(whole.asked):
        (cut,) = checks(FIXTURES / name, Clock(runner, jobs))
        if cut.parameters == full.parameters:  # only a remark was left to be measured
            continue
        assert (cut.status, cut.reason_code) == (Status.NOT_CHECKED, Reason.TIMEOUT), jobs
        assert cut.reason is not None and "no time left" in cut.reason
        cuts += 1
    assert cuts > whole.asked // 2


@dataclass
class Stall:
    """Lets one job stall: of its scenarios only so many come to an end."""

    runner: Runner
    job: int
    reached: int
    asked: int = 0

    def run(self, job: Job, *, fresh: bool = False) -> Outcome:
        self.asked += 1
        outcome = self.runner.run(job, fresh=fresh)
        if self.asked != self.job:
            return outcome
        return Outcome(runs=outcome.runs[: self.reached], trouble=Trouble(Failure.TIMEOUT))


@pytest.mark.parametrize("name", ["correct/min_char_rnn.py", "buggy/transposed/right_classifier.py"])
def test_machine_that_stalls_once_changes_no_verdict(runner: Runner, name: str) -> None:
    source = read_source(FIXTURES / name)
    project = Project.of(source)
    reached = 3
    whole = Stall(runner, 0, reached)
    (full,) = (made.check for made in prepare(project, source, whole, seed=0))
    verdicts = {p.name: p.verdict for p in full.parameters}
    for job in range(1, whole.asked + 1):
        stalled = Stall(runner, job, reached)
        (check,) = (made.check for made in prepare(project, source, stalled, seed=0))
        if check.status is Status.NOT_CHECKED:
            assert check.reason_code is Reason.TIMEOUT, job
        else:
            assert {p.name: p.verdict for p in check.parameters} == verdicts, job


def test_passes_without_time_share_one_entry(runner: Runner) -> None:
    source = read_source(FIXTURES / "correct" / "step_pairs.py")
    project = Project.of(source)
    named = [made.check for made in prepare(project, source, runner, seed=7)]
    assert len(named) > 1
    (late,) = (made.check for made in prepare(project, source, runner, seed=7, deadline=Deadline.after(0)))
    assert late.reason_code is Reason.TIMEOUT and late.reason is not None
    assert named[0].entry in late.reason and late.reason.count("→") > 1


def test_search_without_time_says_so(runner: Runner) -> None:
    source = read_source(FIXTURES / "article" / "backward.py")
    project = Project.of(source)
    made = prepare(project, source, runner, seed=7)
    (check,) = diagnose(project, lint(project, source), made, Deadline.after(0)).checks
    assert check.wrong and any("ended with the time" in note for note in check.notes)
    (check,) = diagnose(project, lint(project, source), made).checks
    assert check.wrong and not any("ended with the time" in note for note in check.notes)
