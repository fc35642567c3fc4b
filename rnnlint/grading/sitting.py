"""A submission's code, run: every job in a child of its own, with what became of it noted.

Nothing here knows an answer; :mod:`.judging` compares.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnlint.gradients.synthesis import FORWARD
from rnnlint.grading.plan import Plan, TaskPlan
from rnnlint.grading.submission import Program
from rnnlint.grading.unrolling import GRADIENTS, OUTPUTS
from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import Act, Failure, Job, Ran, Scenario, Trouble, Value

MOST_TIMEOUTS = 2
"""After so many runs that never ended, a submission's further runs are left out."""
_COUNTING = ("<calls>",)
"""No function's name: calls are counted and nothing is recorded."""
NOT_RUN = Trouble(Failure.TIMEOUT, message="not run")


@dataclass
class Sitting:
    """One submission in the sandbox, for as many jobs as it takes."""

    runner: Runner
    plan: Plan
    program: Program
    failures: dict[Failure, None] = field(default_factory=dict)
    attempts: dict[Act, None] = field(default_factory=dict)
    seconds: int = 0
    _timeouts: int = 0

    def whole(self, tasks: Sequence[TaskPlan], probe: int, *, counting: bool = False) -> list[Ran]:
        """Forward and backward of each task: its outputs in a list, and what its backward returned."""
        frames = _COUNTING if counting else ()
        scenarios = [
            Scenario(
                task.whole,
                task.probes[probe].arguments,
                (_listed(task.outputs.values()), task.backward),
                frames,
            )
            for task in tasks
        ]
        return self._by_entry(tasks, scenarios)

    def ahead(self, tasks: Sequence[TaskPlan], probe: int) -> list[Ran]:
        """The forward of each task alone: its outputs in a list, or None where it returned nothing."""
        scenarios = [
            Scenario(
                task.ahead,
                task.probes[probe].arguments,
                (f"None if {FORWARD} is None else {_listed(task.outputs.values())}",),
            )
            for task in tasks
        ]
        return self._by_entry(tasks, scenarios)

    def unrolled(self, task: TaskPlan, probe: int) -> tuple[Ran, Ran | None]:
        """The submission's step driven over a task's sequence; then with twice the gradient from above.

        Where its backward does not run, the outputs of the forward alone.
        """
        unrolling = task.unrolling
        assert unrolling is not None
        arguments: Mapping[str, Value] = unrolling.arguments[probe]
        twice = [{hole: 2 * flow for hole, flow in step.items()} for step in arguments["_flow"]]
        scenario = Scenario(unrolling.whole, arguments, (OUTPUTS, GRADIENTS))
        entry = self.plan.task(task.follow_through or task.name).entry
        once, doubled = self._runs(entry, [scenario, replace(scenario, holes={**arguments, "_flow": twice})])
        if once.trouble is None:
            return once, doubled
        (forward,) = self._runs(entry, [Scenario(unrolling.ahead, arguments, (OUTPUTS,))])
        return forward, None

    def _by_entry(self, tasks: Sequence[TaskPlan], scenarios: Sequence[Scenario]) -> list[Ran]:
        """A run for each task; tasks whose functions stand in one file share a job."""
        found: dict[int, Ran] = {}
        for entry in dict.fromkeys(task.entry for task in tasks):
            chosen = [number for number, task in enumerate(tasks) if task.entry == entry]
            found |= zip(chosen, self._runs(entry, [scenarios[number] for number in chosen]), strict=True)
        return [found[number] for number in range(len(tasks))]

    def _runs(self, entry: str, scenarios: Sequence[Scenario]) -> list[Ran]:
        """A run for each scenario. What ends a job costs the later ones nothing: they have another job."""
        runs: list[Ran] = []
        while len(runs) < len(scenarios):
            if self._timeouts >= MOST_TIMEOUTS:
                return [*runs, *(Ran(trouble=NOT_RUN) for _ in scenarios[len(runs) :])]
            rest = scenarios[len(runs) :]
            found, trouble = self._run(entry, rest)
            runs += found
            if len(found) == len(rest):
                break
            if trouble is None or trouble.failure is Failure.LOAD:
                ended = trouble or Trouble(Failure.OUTPUT, message="it answered less than it was asked")
                return [*runs, *(Ran(trouble=ended) for _ in scenarios[len(runs) :])]
            runs.append(Ran(trouble=trouble))
        return runs

    def _run(self, entry: str, scenarios: Sequence[Scenario]) -> tuple[tuple[Ran, ...], Trouble | None]:
        modules = self.program.modules
        job = Job(
            modules=modules,
            entry=next(number for number, module in enumerate(modules) if module.path == entry),
            scenarios=tuple(scenarios),
            neutral=tuple(dict.fromkeys((*self.plan.neutral, *self.program.neutral))),
            imports_of_user=self.program.unprovided,
            seconds=self.plan.seconds,
            memory_mb=self.plan.memory_mb,
        )
        began = time.monotonic()
        outcome = self.runner.run(job)
        took = time.monotonic() - began
        self.attempts |= dict.fromkeys(outcome.attempts)
        if outcome.trouble is not None:
            self.failures[outcome.trouble.failure] = None
            if outcome.trouble.failure is Failure.TIMEOUT:
                self._timeouts += 1
                took = self.plan.seconds
        self.failures |= dict.fromkeys(ran.trouble.failure for ran in outcome.runs if ran.trouble is not None)
        self.seconds = max(self.seconds, int(min(took, self.plan.seconds)))
        runs = tuple(_as_asked(ran, scenario) for ran, scenario in zip(outcome.runs, scenarios, strict=False))
        return runs, outcome.trouble


def _as_asked(ran: Ran, scenario: Scenario) -> Ran:
    """A run, or trouble where it does not hold what was asked for: whoever answered was not the guest."""
    if ran.trouble is None and len(ran.values) != len(scenario.returns):
        return Ran(trouble=Trouble(Failure.OUTPUT, message="the answer is not the one that was asked for"))
    return ran


def _listed(codes: Iterable[str]) -> str:
    return f"[{', '.join(codes)}]"
