"""A task's scenario with the shapes that the assignment's convention implies: they need no solving."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.explicit import Arrangement, ExplicitScenario, StatedShape, StatedSize
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, HIDDEN, INPUT, TIME
from rnnlint.grading.assignment import Assignment, Task
from rnnlint.records import replace

_SEQUENCES = {Arrangement.BATCH_FIRST: (BATCH, TIME, INPUT), Arrangement.TIME_FIRST: (TIME, BATCH, INPUT)}


def statements(assignment: Assignment, task: Task) -> Iterator[ExplicitScenario]:
    """The scenario as it may be meant, likely ones first, as stated last.

    Under a layout of batches of rows the input is the whole sequence or one step, states are (B, H), and with
    the gates' order stated so are stacked weights; a vanilla RNN has but one.
    """
    scenario = task.scenario
    batched = [word for word in scenario.layout if word in _SEQUENCES]
    if batched and scenario.forward is not None:
        sequence, step = _SEQUENCES[batched[0]], (BATCH, INPUT)
        of_a_step = any("prev" in (argument.name or "") for argument in scenario.forward.arguments)
        for axes in (step, sequence) if of_a_step else (sequence, step):
            shapes = {**_shapes(assignment, scenario, axes), **scenario.shapes}
            yield replace(scenario, shapes=shapes, layout=())
    yield scenario


def _shapes(
    assignment: Assignment, scenario: ExplicitScenario, inputs: tuple[str, ...]
) -> dict[str, StatedShape]:
    assert scenario.forward is not None
    found: dict[str, StatedShape] = {}
    gates = 1 if assignment.cell == "rnn" else len(assignment.gates or "")
    for argument in scenario.forward.arguments:
        name = argument.name
        role = role_of(name) if name is not None else None
        if name is None:
            continue
        if role is Role.INPUT:
            found[name] = _shape(*(StatedSize(((axis, 1),)) for axis in inputs))
        elif role in (Role.HIDDEN_STATE, Role.CELL_STATE):
            found[name] = _shape(StatedSize(((BATCH, 1),)), StatedSize(((HIDDEN, 1),)))
        elif gates and role in (Role.WEIGHT, Role.BIAS):
            stacked = _stacked(name, role, gates)
            if stacked is not None:
                found[name] = stacked
    return found


def _stacked(name: str, role: Role, gates: int) -> StatedShape | None:
    """All gates side by side: (D, 4H) on the input, (H, 4H) on the state, (4H,) for the bias."""
    width = StatedSize(((HIDDEN, gates),))
    if role is Role.BIAS:
        return _shape(width)
    fed = re.fullmatch(r"[WUwu]_?(?P<fed>[xh])\w{0,2}", name)
    if fed is None:
        return None
    return _shape(StatedSize(((INPUT if fed["fed"] == "x" else HIDDEN, 1),)), width)


def _shape(*axes: StatedSize) -> StatedShape:
    return StatedShape(axes)
