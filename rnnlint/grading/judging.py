"""What a submission's values are worth on one probe: a verdict for the forward and for each gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.sizes import BATCH, OUTPUT, TIME
from rnnlint.gradients.trees import leaves
from rnnlint.gradients.verdict import norm
from rnnlint.grading.comparing import as_array, by_name, compared, shared_factor, verdict
from rnnlint.grading.convention import filled
from rnnlint.grading.plan import Plan, Probe, TaskPlan, Unrolling
from rnnlint.grading.results import FORWARD, PartVerdict
from rnnlint.grading.sitting import NOT_RUN, Way
from rnnlint.records import dataclass, field
from rnnlint.sandbox.job import Failure, Ran, Trouble, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

ENDINGS = frozenset({"SystemExit", "KeyboardInterrupt", "RecursionError", "GeneratorExit"})
"""Exceptions that end a process where nobody catches them, or use up its stack."""
_PROPORTIONAL = 1e-6
_DIVIDING = (TIME, BATCH, OUTPUT)
"""The sizes over which a loss is a mean or a sum."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts on one task and probe, the values they are of, and why there are none.

    ``errors`` are the relative errors of the gradients that are right.
    """

    verdicts: Mapping[str, PartVerdict]
    outputs: Mapping[str, Value] = field(default_factory=dict)
    gradients: Mapping[str, Value] = field(default_factory=dict)
    factor: float = 1.0
    trouble: Trouble | None = None
    returned_otherwise: bool = False  # the backward did not return what the assignment says
    errors: Mapping[str, float] = field(default_factory=dict)

    @property
    def earns(self) -> bool:
        """Whether some part could get points."""
        return any(each.earns for each in self.verdicts.values())

    @property
    def is_right(self) -> bool:
        """Whether every part could."""
        return all(each.earns for each in self.verdicts.values())


def judge(
    plan: Plan, task: TaskPlan, probe: int, whole: Ran | None, ahead: Ran | None, factor: float | None
) -> Judgement:
    """The verdicts on a task's runs; ``ahead`` is that of the forward alone, where the whole did not run.

    ``factor`` is the common factor that holds, None where it is to be found, if the assignment allows one.
    Made of the public probe's sizes, it is another at other sizes.
    """
    truth = task.probes[probe]
    if factor != 1.0 and not task.is_sized_as_the_public(probe):
        factor = None
    names = gradient_names(task)
    if whole is not None and whole.trouble is None:
        outputs = _named(task, whole.values[0])
        returned = by_name(whole.values[1], task.returned or names)
        forward = _forward(plan, truth, outputs)
        if returned is None:
            wrong = dict.fromkeys(names, PartVerdict.WRONG_SHAPE)
            return Judgement({FORWARD: forward, **wrong}, outputs, returned_otherwise=True)
        gradients = {name: returned[name] for name in names}
        if factor is None:
            pairs = [(gradients[name], truth.gradients[name]) for name in names]
            sizes = {axis: truth.sizes[axis] for axis in _DIVIDING if axis in truth.sizes}
            factor = shared_factor(pairs, sizes, plan.tolerance) if plan.any_scale else 1.0
        found = {
            name: compared(gradients[name], truth.gradients[name], plan.tolerance, factor) for name in names
        }
        verdicts = {FORWARD: forward, **{name: each for name, (each, _) in found.items()}}
        errors = {name: error for name, (_, error) in found.items()}
        return Judgement(verdicts, outputs, gradients, factor, errors=errors)
    trouble = whole.trouble if whole is not None else None
    worth = _of_trouble(trouble) if trouble is not None else PartVerdict.NOT_RUN
    outputs, forward = {}, worth
    if ahead is not None and ahead.trouble is not None:
        forward = _of_trouble(ahead.trouble)
    elif ahead is not None and ahead.values[0] is None:
        forward = PartVerdict.UNIMPLEMENTED
    elif ahead is not None:
        outputs = _named(task, ahead.values[0])
        forward = _forward(plan, truth, outputs)
    if forward is PartVerdict.UNIMPLEMENTED and worth is PartVerdict.RAISES:
        worth = PartVerdict.NEEDS_FORWARD
    nothing = {FORWARD: forward, **dict.fromkeys(names, worth)}
    return Judgement(nothing, outputs, factor=factor or 1.0, trouble=trouble)


def judge_all(
    plan: Plan,
    probe: int,
    tasks: Sequence[TaskPlan],
    runs: Mapping[tuple[Way, str], Ran],
    factors: Mapping[str, float],
) -> dict[str, Judgement]:
    """The verdicts on these tasks' runs on a probe, by task; ``factors`` are those that hold, by task."""
    return {
        task.name: judge(
            plan,
            task,
            probe,
            runs.get((Way.WHOLE, task.name)),
            runs.get((Way.AHEAD, task.name)),
            factors.get(task.name),
        )
        for task in tasks
    }


def gradient_names(task: TaskPlan) -> tuple[str, ...]:
    """The parts of a task that are gradients."""
    return tuple(task.probes[0].gradients)


def wrong_gates(plan: Plan, task: TaskPlan, found: Judgement) -> str:
    """The gates whose part of the stacked gradients is wrong on the public probe, where that is not all."""
    wrong = {gate for gate, is_right in _of_gates(plan, task, 0, found) if not is_right}
    return "".join(gate for gate in task.gates if gate in wrong) if len(wrong) < len(task.gates) else ""


def has_right_gradient(plan: Plan, task: TaskPlan, probe: int, found: Judgement) -> bool:
    """Whether some gradient of a task is right, or what one gate has of it."""
    if any(each.earns for part, each in found.verdicts.items() if part != FORWARD):
        return True
    return any(is_right for _, is_right in _of_gates(plan, task, probe, found))


def _of_gates(plan: Plan, task: TaskPlan, probe: int, found: Judgement) -> Iterator[tuple[str, bool]]:
    """Each gate's part of each stacked gradient: the gate, and whether it is right."""
    for part, axis in task.stacked.items():
        true, got = as_array(task.probes[probe].gradients[part]), as_array(found.gradients.get(part))
        if true is None or got is None or got.shape != true.shape:
            continue
        blocks = (np.split(array, len(task.gates), axis) for array in (got, true))
        for gate, mine, right in zip(task.gates, *blocks, strict=True):
            yield gate, verdict(mine, right, plan.tolerance, found.factor).earns


def given_step(
    plan: Plan, task: TaskPlan, probe: int, found: Judgement, runs: Mapping[tuple[Way, str], Ran]
) -> Judgement:
    """The verdicts with those parts right, too, that are what the submission's own step leads to.

    A step that gives the same at every step, or whose gradients are not proportional to what comes from
    above, leads to nothing.
    """
    once, doubled, ahead = (runs[way, task.name] for way in (Way.LED, Way.LED_TWICE, Way.LED_AHEAD))
    truth = task.probes[probe]
    unrolling = truth.unrolling
    assert unrolling is not None
    if ahead.trouble is not None:
        return found
    verdicts = dict(found.verdicts)
    led = _led_outputs(unrolling, ahead.values[0])
    if led is None:
        return found
    if not verdicts[FORWARD].earns and found.outputs:
        right = all(
            name in unrolling.outputs
            and _is(plan, found.outputs.get(name), _like(truth.outputs[name], led[unrolling.outputs[name]]))
            for name in truth.outputs
        )
        verdicts[FORWARD] = PartVerdict.RIGHT_GIVEN_STEP if right else verdicts[FORWARD]
    returned = plan.task(task.follow_through or "").returned
    sent, twice = (_led_gradients(unrolling, returned, ran) for ran in (once, doubled))
    if sent is None or twice is None or not _is_proportional(sent, twice):
        return Judgement(verdicts, found.outputs, found.gradients, found.factor, found.trouble)
    for name, indices in unrolling.gradients.items():
        if name in verdicts and not verdicts[name].earns and name in found.gradients:
            true = _like(truth.gradients[name], _summed(sent, indices))
            if _is(plan, found.gradients[name], true):
                verdicts[name] = PartVerdict.RIGHT_GIVEN_STEP
    return Judgement(verdicts, found.outputs, found.gradients, found.factor, found.trouble)


def _named(task: TaskPlan, value: Value) -> dict[str, Value]:
    """The forward's results by name; nothing where they are not as many as were asked for."""
    listed = isinstance(value, list) and len(value) == len(task.outputs)
    return dict(zip(task.outputs, value, strict=True)) if listed else {}


def _forward(plan: Plan, truth: Probe, outputs: Mapping[str, Value]) -> PartVerdict:
    """The worst verdict on the forward's results."""
    return worst(verdict(outputs.get(name), true, plan.tolerance) for name, true in truth.outputs.items())


def worst(verdicts: Iterator[PartVerdict] | Sequence[PartVerdict]) -> PartVerdict:
    """The first that earns nothing; else by the step, if one is."""
    found = list(verdicts)
    for each in found:
        if not each.earns:
            return each
    return next((each for each in found if each is PartVerdict.RIGHT_GIVEN_STEP), PartVerdict.RIGHT)


def _of_trouble(trouble: Trouble) -> PartVerdict:
    if trouble is NOT_RUN:
        return PartVerdict.NOT_RUN
    match trouble.failure:
        case Failure.TIMEOUT:
            return PartVerdict.TIMEOUT
        case Failure.MEMORY:
            return PartVerdict.MEMORY
        case Failure.CRASH | Failure.VIOLATION:
            return PartVerdict.CRASH
        case _ if trouble.exception == "NotImplementedError":
            return PartVerdict.UNIMPLEMENTED
        case _ if trouble.exception in ENDINGS:
            return PartVerdict.CRASH
        case _:
            return PartVerdict.RAISES


def _is(plan: Plan, got: Value, true: Value) -> bool:
    """Whether a value is what the step leads to; nothing is no evidence."""
    expected = as_array(true)
    if expected is None or not np.all(np.isfinite(expected)) or not np.any(expected):
        return False
    return verdict(got, true, plan.tolerance) is PartVerdict.RIGHT


def _like(template: Value, numbers: Array) -> Value:
    """Numbers in a true value's place."""
    sizes = [leaf.array.shape for leaf in leaves(template, "")]
    ends = np.cumsum([int(np.prod(shape)) for shape in sizes])
    parts = np.split(numbers, ends[:-1])
    return filled(template, (part.reshape(shape) for part, shape in zip(parts, sizes, strict=True)))


def _led_outputs(unrolling: Unrolling, value: Value) -> Array | None:
    """The known numbers and the step's outputs of all steps; None where they tell nothing."""
    steps: list[Array] = []
    if not isinstance(value, list) or len(value) != unrolling.steps:
        return None
    for step in value:
        found = _flat(step, tuple(unrolling.output_sizes.values()))
        if found is None:
            return None
        steps.append(found)
    if all(np.array_equal(step, steps[0]) for step in steps) or not all(np.any(step) for step in steps):
        return None
    return np.concatenate([unrolling.known, *steps])


def _led_gradients(unrolling: Unrolling, names: tuple[str, ...], ran: Ran) -> Array | None:
    """What the step's backward, which returns gradients of these names, gave at all steps, as one vector."""
    if ran.trouble is not None:
        return None
    if len(ran.values) < 2 or not isinstance(ran.values[1], list) or len(ran.values[1]) != unrolling.steps:
        return None
    steps: list[Array] = []
    for value in ran.values[1]:
        named = by_name(value, names)
        sizes = unrolling.gradient_sizes
        found = _flat([named[name] for name in sizes], tuple(sizes.values())) if named is not None else None
        if found is None:
            return None
        steps.append(found)
    return np.concatenate(steps)


def _flat(values: Value, sizes: tuple[int, ...]) -> Array | None:
    if not isinstance(values, list) or len(values) != len(sizes):
        return None
    arrays = [as_array(value) for value in values]
    kept = [array.reshape(-1) for array in arrays if array is not None]
    if [array.size for array in kept] != list(sizes) or not all(np.all(np.isfinite(each)) for each in kept):
        return None
    return np.concatenate(kept)


def _is_proportional(once: Array, twice: Array) -> bool:
    """Whether twice the gradient from above gives twice the gradients, and any at all."""
    size = norm(twice)
    return size > 0 and norm(twice - 2 * once) <= _PROPORTIONAL * size


def _summed(vector: Array, indices: Value) -> Array:
    """The sum over the last axis of the numbers at ``indices``, -1 standing for nothing."""
    padded = np.append(vector, 0.0)
    total: Array = padded[np.asarray(indices)].sum(axis=-1)
    return total
