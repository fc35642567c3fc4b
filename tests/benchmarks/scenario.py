"""One scenario at the tiny probe, its sizes solved, in a running process: what it takes beyond its passes.

The passes are counted and timed where they run, in the sandbox's child; the rest is the way there and back,
what is recorded of them, and what the host makes of it.
"""

from __future__ import annotations

from collections import Counter
from statistics import median

from rnnlint.gradients import prepare
from rnnlint.gradients.jobs import JobRunner
from rnnlint.gradients.measure import measure
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace
from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import Job, Outcome, Scenario
from rnnlint.source import read_source
from tests.benchmarks.timing import ROOT, Row, seconds_in

PROGRAM = "fixtures/article/corrected/backward.py"
ROUNDS = 15
TIMES = 100
TARGET = "≤ 0.02 s beyond the passes"
_COUNTING = ("<calls>",)
"""No function's name: calls are counted and nothing is recorded."""


@dataclass
class Counted:
    """A runner that counts how often the jobs' scenarios call what, beside running them."""

    runner: JobRunner
    calls: Counter[str]

    def run(self, job: Job, *, fresh: bool = False) -> Outcome:
        """The job's outcome; it is run once more to count."""
        counting = tuple(replace(each, frames=_COUNTING) for each in job.scenarios)
        for ran in self.runner.run(replace(job, scenarios=counting)).runs:
            self.calls.update(ran.calls)
        return self.runner.run(job, fresh=fresh)


def rows() -> list[Row]:
    """The passes alone, a run that is judged by what is true, and a measurement by both oracles."""
    source = read_source(ROOT / PROGRAM)
    with Runner() as runner:
        (prepared,) = prepare(Project.of(source), source, runner, seed=1)
        measurement, workshop = prepared.measurement, prepared.workshop
        assert measurement is not None and workshop is not None
        base = measurement.base_scenario

        def seconds_of(statement: str) -> float:
            """Of the processor, for one more execution of a statement at the end of the scenario."""
            program = "\n".join(
                [
                    base.program,
                    "from time import process_time as _clock",
                    "_began = _clock()",
                    f"for _ in range({TIMES}):",
                    f"    {statement}",
                    "_took = _clock() - _began",
                ]
            )
            timed = Scenario(program, base.holes, ("_took",))
            return median(float(workshop.run([timed]).runs[0].values[0]) / TIMES for _ in range(ROUNDS))

        forward, backward = map(seconds_of, base.program.splitlines()[-2:])
        counted = Counted(runner, Counter())
        measure(replace(workshop, runner=counted), measurement.probe)
        runs, back = (counted.calls[name] for name in ("forward", "backward"))
        own = runs * forward + back * backward
        again = median(seconds_in(lambda: prepared.reruns([()])) for _ in range(ROUNDS))
        whole = median(seconds_in(lambda: measure(workshop, measurement.probe)) for _ in range(ROUNDS))
    once = forward + backward
    return [
        Row("one forward and one backward pass", once, once / again),
        Row("run once and judged by what is true", again, 1.0, TARGET, f"{again - once:.3f} s beyond"),
        Row(f"{runs} forward and {back} backward passes", own, own / again),
        Row("as many, measured by both oracles", whole, whole / again, TARGET, f"{whole - own:.3f} s beyond"),
    ]
