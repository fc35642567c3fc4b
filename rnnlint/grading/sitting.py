"""A submission's code, run, with what became of it noted.

Jobs share a child while nothing happens to it, unless each is to have its own. Nothing here knows an answer;
:mod:`.judging` compares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from functools import partial

from rnnlint.gradients.draft import FORWARD
from rnnlint.grading.plan import Plan, TaskPlan
from rnnlint.grading.submission import Program
from rnnlint.grading.unrolling import GRADIENTS, OUTPUTS
from rnnlint.records import dataclass, field, replace
from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import Act, Failure, Job, Ran, Scenario, Trouble, Value

MOST_TIMEOUTS = 2
"""After so many runs that never ended, a submission's further runs are left out."""
SECONDS_AFTERWARDS = 1.0
"""What is left for the other tasks once a run has used up its seconds: a hundred times what they need."""
COMPUTING_AFTERWARDS = 0.25
"""For so much of it a processor may be theirs: what does not end once often never does."""
_COUNTING = ("<calls>",)
"""No function's name: calls are counted and nothing is recorded."""
_ENDING = frozenset({Failure.TIMEOUT, Failure.CRASH, Failure.MEMORY, Failure.VIOLATION})
NOT_RUN = Trouble(Failure.TIMEOUT, message="not run")


class Way(Enum):
    """How a task is run."""

    WHOLE = auto()  # forward and backward: the outputs in a list, and what the backward returned
    AHEAD = auto()  # the forward alone: the outputs in a list, or None where it returned nothing
    LED = auto()  # the submission's step driven over the sequence, forward and back
    LED_TWICE = auto()  # the same with twice the gradient from above
    LED_AHEAD = auto()  # forward alone


@dataclass
class Sitting:
    """One submission in the sandbox, for as many jobs as it takes."""

    runner: Runner
    plan: Plan
    program: Program
    left_out: tuple[str, ...]  # the clipping that does nothing here
    failures: dict[Failure, None] = field(default_factory=dict)
    attempts: dict[Act, None] = field(default_factory=dict)
    seconds: int = 0
    _timeouts: int = 0

    def apart(self, left_out: Sequence[str] | None = None, program: Program | None = None) -> Sitting:
        """The same submission with nothing noted yet, perhaps with other clipping left out or other text."""
        chosen = self.left_out if left_out is None else tuple(left_out)
        return Sitting(self.runner, self.plan, program or self.program, chosen)

    @property
    def is_calm(self) -> bool:
        """Whether no run has ended a child or used up what it had."""
        return self.failures.keys().isdisjoint(_ENDING)

    def run(
        self,
        probe: int,
        *,
        whole: Sequence[TaskPlan] = (),
        ahead: Sequence[TaskPlan] = (),
        led: Sequence[TaskPlan] = (),
        counting: bool = False,
        fresh: bool = False,
        again: bool = False,
    ) -> Mapping[tuple[Way, str], Ran]:
        """Tasks of one probe run in these ways, by way and task; tasks of one file share a child. ``again``
        has another pass before each that is run whole.

        That child is a ``fresh`` one, or any that has loaded the file for an earlier probe.
        """
        made = partial(_again if again else _whole, counting=counting)
        asked = [((Way.WHOLE, task), made(task, probe)) for task in whole]
        asked += [((Way.AHEAD, task), _ahead(task, probe)) for task in ahead]
        for task in led:
            asked += [((way, task), scenario) for way, scenario in _led(task, probe).items()]
        found: dict[tuple[Way, str], Ran] = {}
        for entry in dict.fromkeys(self._entry(way, task) for (way, task), _ in asked):
            chosen = [(key, scenario) for key, scenario in asked if self._entry(*key) == entry]
            runs = self._runs(entry, [scenario for _, scenario in chosen], fresh=fresh)
            found |= {(way, task.name): ran for ((way, task), _), ran in zip(chosen, runs, strict=True)}
        return found

    def run_alone(self, step: TaskPlan, given: Sequence[Mapping[str, Value]], *, ahead: bool) -> list[Ran]:
        """A step run by itself on each of these arguments, whole or its forward alone."""
        once = _ahead(step, 0) if ahead else _whole(step, 0, False)
        return self._runs(step.entry, [replace(once, holes=arguments) for arguments in given], fresh=False)

    def _entry(self, way: Way, task: TaskPlan) -> str:
        """The file whose functions are run: of a task that is led, that of its step."""
        led = way not in (Way.WHOLE, Way.AHEAD) and task.follow_through is not None
        return self.plan.task(task.follow_through or task.name).entry if led else task.entry

    def _runs(self, entry: str, scenarios: Sequence[Scenario], *, fresh: bool) -> list[Ran]:
        """A run for each scenario. What ends a job costs the later ones nothing: they have another job."""
        runs: list[Ran] = []
        while len(runs) < len(scenarios):
            if self._timeouts >= MOST_TIMEOUTS:
                return [*runs, *(Ran(trouble=NOT_RUN) for _ in scenarios[len(runs) :])]
            rest = scenarios[len(runs) :]
            found, trouble = self._run(entry, rest, fresh=fresh)
            runs += found
            if len(found) == len(rest):
                break
            if trouble is None or trouble.failure is Failure.LOAD:
                ended = trouble or Trouble(Failure.OUTPUT, message="it answered less than it was asked")
                return [*runs, *(Ran(trouble=ended) for _ in scenarios[len(runs) :])]
            runs.append(Ran(trouble=trouble))
        return runs

    def _run(
        self, entry: str, scenarios: Sequence[Scenario], *, fresh: bool
    ) -> tuple[tuple[Ran, ...], Trouble | None]:
        modules = self.program.modules
        afterwards = self._timeouts > 0
        job = Job(
            modules=modules,
            entry=next(number for number, module in enumerate(modules) if module.path == entry),
            scenarios=tuple(scenarios),
            neutral=tuple(dict.fromkeys(self.left_out)),
            imports_of_user=self.program.unprovided,
            seconds=min(self.plan.seconds, SECONDS_AFTERWARDS) if afterwards else self.plan.seconds,
            memory_mb=self.plan.memory_mb,
        )
        most_computed = COMPUTING_AFTERWARDS if afterwards else math.inf
        outcome = self.runner.run(job, fresh=fresh, most_computed=most_computed)
        self.attempts |= dict.fromkeys(outcome.attempts)
        if outcome.trouble is not None:
            self.failures[outcome.trouble.failure] = None
            if outcome.trouble.failure is Failure.TIMEOUT:
                self._timeouts += 1
                self.seconds = math.ceil(self.plan.seconds)
        self.failures |= dict.fromkeys(ran.trouble.failure for ran in outcome.runs if ran.trouble is not None)
        runs = tuple(_as_asked(ran, scenario) for ran, scenario in zip(outcome.runs, scenarios, strict=False))
        return runs, outcome.trouble


def _whole(task: TaskPlan, probe: int, counting: bool) -> Scenario:
    """The outputs are read before the backward runs: what it writes into them is no forward's."""
    return Scenario(
        task.ahead,
        task.probes[probe].arguments,
        (task.backward,),
        _COUNTING if counting else (),
        early=(_listed(task.outputs.values()),),
        back=task.back,
    )


def _again(task: TaskPlan, probe: int, counting: bool) -> Scenario:
    """The second of two passes: what the first left behind is there. That is on the public probe, or where
    this one has other sizes on the same: room that is kept for some sizes may be too small for others.
    """
    first = task.probes[0 if task.is_sized_as_the_public(probe) else probe]
    once = _whole(task, probe, counting)
    rebound = (f"{name} = _again[{name!r}]" for name in once.holes)
    return replace(
        once,
        program="\n".join((task.ahead, task.back, *rebound, task.ahead)),
        holes={**first.arguments, "_again": once.holes},
    )


def _ahead(task: TaskPlan, probe: int) -> Scenario:
    returns = (f"None if {FORWARD} is None else {_listed(task.outputs.values())}",)
    return Scenario(task.ahead, task.probes[probe].arguments, returns)


def _led(task: TaskPlan, probe: int) -> dict[Way, Scenario]:
    unrolling = task.probes[probe].unrolling
    assert unrolling is not None
    arguments: Mapping[str, Value] = unrolling.arguments
    twice = [{hole: 2 * flow for hole, flow in step.items()} for step in arguments["_flow"]]
    return {
        Way.LED: Scenario(unrolling.whole, arguments, (OUTPUTS, GRADIENTS)),
        Way.LED_TWICE: Scenario(unrolling.whole, {**arguments, "_flow": twice}, (OUTPUTS, GRADIENTS)),
        Way.LED_AHEAD: Scenario(unrolling.ahead, arguments, (OUTPUTS,)),
    }


def _as_asked(ran: Ran, scenario: Scenario) -> Ran:
    """A run, or trouble where it does not hold what was asked for: whoever answered was not the guest."""
    if ran.trouble is None and len(ran.values) != scenario.asked:
        return Ran(trouble=Trouble(Failure.OUTPUT, message="the answer is not the one that was asked for"))
    return ran


def _listed(codes: Iterable[str]) -> str:
    return f"[{', '.join(codes)}]"
