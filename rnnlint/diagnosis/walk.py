"""What each statement of a backward pass made at each step of the way back, for whoever wants to see it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnlint.diagnosis.prove import Rerunnable
from rnnlint.diagnosis.repaired import Triable
from rnnlint.diagnosis.suspects import backward_texts
from rnnlint.diagnosis.tracing.judged import Made, State
from rnnlint.diagnosis.tracing.trace import traced
from rnnlint.diagnosis.tracing.watched import Part
from rnnlint.model.project import Project
from rnnlint.records import replace
from rnnlint.verdicts import GradientCheck, StepState, WalkedStatement


def with_walk(project: Project, check: GradientCheck, scenarios: Sequence[Rerunnable]) -> GradientCheck:
    """``check`` with its walk, where a gradient of it is wrong and both passes can be watched."""
    scenario = next((each for each in scenarios if each.check.id == check.id), None)
    if not check.wrong or not isinstance(scenario, Triable):
        return check
    trials = scenario.trials()
    trace = traced(project, check, trials) if trials is not None else None
    if trials is None or trace is None:
        return check
    made = trace.made_by(trials, backward_texts(project, check))
    return check if made is None else replace(check, walk=_walk(made))


def _walk(made: Sequence[Made]) -> tuple[WalkedStatement, ...]:
    """A row a result of a statement in a loop, by place; without those that never touch an adjoint."""
    rows: dict[tuple[Path, int, int], list[StepState | None]] = {}
    for each in made:
        watched = each.watched
        if watched.part is Part.RESULT and watched.statement.loops:
            place = watched.statement.path, watched.statement.line, watched.number
            rows.setdefault(place, []).append(_state(each))
    telling = {StepState.TRUE, StepState.FIRST_WRONG, StepState.WRONG}
    return tuple(
        WalkedStatement(path, line, tuple(states))
        for (path, line, _), states in sorted(rows.items())
        if telling.intersection(states)
    )


def _state(made: Made) -> StepState | None:
    if made.state is State.TRUE or made.regrouped:
        return StepState.TRUE
    if made.state is State.ZERO:
        return StepState.ZERO
    if made.state is not State.FALSE:
        return None
    return StepState.FIRST_WRONG if made.is_first else StepState.WRONG
