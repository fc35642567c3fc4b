"""From an assignment to a plan: each task solved once on the solution, its truth from the reference.

Where the solution's scenario has been solved, all that is left of it are programs and shapes. What is true of
the arguments of a probe comes from the reference cell alone; the solution is then graded like any submission.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from rnnlint.deadline import Deadline
from rnnlint.gradients import PreparedCheck, prepare
from rnnlint.gradients.answers import ProbeFailedError
from rnnlint.gradients.callables import Library
from rnnlint.gradients.clipping import clipping_functions
from rnnlint.gradients.draft import BACKWARD, FORWARD, Draft
from rnnlint.gradients.drawing import probe_of
from rnnlint.gradients.forms import SCALE, drawn
from rnnlint.gradients.measure import Measurement, measure
from rnnlint.gradients.pairing import stem
from rnnlint.gradients.probe import Probe as SolvedProbe
from rnnlint.gradients.probe import returned_codes
from rnnlint.gradients.reference import Match, match, sequence_of
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, HIDDEN, INPUT, OUTPUT, TIME
from rnnlint.gradients.trees import leaves, like
from rnnlint.grading.assignment import Assignment, AssignmentError, Task
from rnnlint.grading.convention import (
    Array,
    Convention,
    ConventionError,
    Indices,
    Quantities,
    adjoints_of,
    convention_of,
    filled,
    numbers,
)
from rnnlint.grading.plan import Plan, Probe, TaskPlan
from rnnlint.grading.statements import statements
from rnnlint.grading.unrolling import unrolled
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace
from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import Value
from rnnlint.source import Source, UnreadableSourceError, read_source

_SIZES = {TIME: 4, BATCH: 2, HIDDEN: 3, INPUT: 5, OUTPUT: 6}
"""The sizes of the probes where the code leaves them open: all different, and the same in every task."""
_PATIENCE = 120.0
"""Seconds for a task to be solved: once for all submissions, on however busy a machine."""
_SOLVING_SEED = 11
"""Of the probe on which the solution's arrays are found among the reference's; it is never graded on."""


def make_plan(assignment: Assignment, runner: Runner, seed: int, *, needs_sandbox: bool = True) -> Plan:
    """The plan of an assignment; ``seed`` is the master seed of the hidden probes.

    With ``needs_sandbox`` a worker whose machine lacks a protection runs nothing.

    Raises :class:`AssignmentError` where a task cannot be solved on the solution.
    """
    sources = _solution(assignment)
    solved = {task.name: SolvedTask.of(assignment, task, sources, runner) for task in assignment.tasks}
    tasks: list[TaskPlan] = []
    for number, task in enumerate(assignment.tasks):
        own = solved[task.name]
        probes = [own.drawn(_rng(seed, number, probe)) for probe in range(assignment.hidden_probes + 1)]
        plan = own.plan(probes, assignment.loss)
        if task.follow_through is not None:
            unrolling = unrolled(solved[task.follow_through], own, probes, assignment.loss)
            plan = replace(plan, unrolling=unrolling)
        tasks.append(plan)
    trees = {source.path: ast.parse(source.text) for source in sources.values()}
    return Plan(
        files=assignment.files,
        provided={name: sources[name].text for name in assignment.provided},
        neutral=clipping_functions(Library(trees)),
        tasks=tuple(tasks),
        require_forward=assignment.require_forward,
        any_scale=assignment.any_scale,
        tolerance=assignment.tolerance,
        seconds=assignment.limits.seconds,
        memory_mb=assignment.limits.memory_mb,
        needs_sandbox=needs_sandbox,
        detail=assignment.detail.value,
        seed_id=seed_id(seed),
        assignment_sha256=assignment.sha256,
    )


def seed_id(seed: int) -> str:
    """A name for a seed that does not tell it, as long as the seed itself is not guessed."""
    return hashlib.sha256(f"rnnlint hidden probes {seed}".encode()).hexdigest()[:12]


def _rng(seed: int, task: int, probe: int) -> np.random.Generator:
    """Of probe 0, the public one, the same in every run."""
    return np.random.default_rng([task, 0] if probe == 0 else [task, probe, seed])


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(rng.normal(0.0, SCALE, shape))


def _solution(assignment: Assignment) -> dict[str, Source]:
    """The solution's files by their names in the assignment."""
    found: dict[str, Source] = {}
    for name in (*assignment.files, *assignment.provided):
        try:
            source = read_source(assignment.solution / name)
        except UnreadableSourceError as error:
            raise AssignmentError(f"{assignment.path}: the solution lacks a file: {error}") from None
        if source.problem is not None:
            raise AssignmentError(
                f"{assignment.path}: the solution's {name} is no Python (line {source.problem.line})."
            )
        found[name] = source
    return found


@dataclass(frozen=True)
class SolvedTask:
    """A task with its program, and the reference in its convention."""

    task: Task
    entry: str
    draft: Draft
    probe: SolvedProbe
    matched: Match
    convention: Convention
    base: Mapping[str, Value]  # what the solution's forward returned on the probe, by name
    where: str

    @staticmethod
    def of(assignment: Assignment, task: Task, sources: Mapping[str, Source], runner: Runner) -> SolvedTask:
        """Solve a task on the solution. Raises :class:`AssignmentError`."""
        where = f"{assignment.path}: [[task]] {task.name}"
        entry = _entry(task.scenario.backward.function, assignment.files, sources, where)
        project = Project.of(sources[entry]).joined_by(sources.values())
        refused, ran = "", False
        for scenario in statements(assignment, task):
            (prepared,) = prepare(
                project,
                sources[entry],
                runner,
                seed=_SOLVING_SEED,
                explicit=[scenario],
                deadline=Deadline.after(_PATIENCE),
            )
            measurement = _measured(prepared)
            matched = match(measurement) if measurement is not None else None
            if measurement is not None and matched is not None and matched.kind == assignment.cell:
                return _solved(assignment, task, entry, measurement, matched, where)
            refused, ran = refused or prepared.check.reason or "", ran or measurement is not None
        if refused and not ran:
            raise AssignmentError(f"{where}: the solution could not be run: {refused}")
        raise AssignmentError(f"{where}: the forward pass of the solution is no {assignment.cell.upper()}.")

    def plan(self, probes: Sequence[SolvedProbe], loss: str) -> TaskPlan:
        """The task's programs, and its probes with what is true of them."""
        pass_ = self.draft.pass_
        stated = bool(self.draft.gradients)
        return TaskPlan(
            name=self.task.name,
            entry=self.entry,
            forward_title=pass_.forward.title if pass_.forward is not None else "",
            backward_title=pass_.backward.title,
            whole=self.probe.scenario(()).program,
            ahead=self.probe.scenario((), backward=False).program,
            outputs=self.output_codes,
            backward=self.draft.stated_gradients if stated else BACKWARD,
            returned=() if stated else self.task.scenario.backward.results,
            points=dict(self.task.points),
            probes=tuple(self._truth(probe, loss) for probe in probes),
            gates=self.matched.order,
            stacked=self._stacked,
            follow_through=self.task.follow_through,
        )

    @property
    def _stacked(self) -> dict[str, int]:
        """The gradients of all gates side by side, with the axis along which the gates stand."""
        width = len(self.matched.order) * self.matched.trace.h.shape[1]
        shapes = {part: np.shape(_at(code, self.arguments)) for part, code in self.argument_of.items()}
        several = len(self.matched.order) > 1
        return {part: shape.index(width) for part, shape in shapes.items() if several and width in shape}

    @cached_property
    def output_codes(self) -> dict[str, str]:
        """Python for each of the forward's results that is judged."""
        results = self.draft.pass_.forward.results if self.draft.pass_.forward is not None else ()
        return {name: _forward_code(results, name) for name in self.output_indices}

    def arguments_of(self, probe: SolvedProbe) -> dict[str, Value]:
        """As :attr:`arguments`, of other values."""
        return _arguments(probe)

    @property
    def arguments(self) -> dict[str, Value]:
        """Everything that the reference's numbers are found in: holes and arrays that are filled."""
        return _arguments(self.probe)

    @cached_property
    def quantities(self) -> Quantities:
        """Those of the probe that was solved, with the output layer's, which the match does not need."""
        return self.trace(self.probe)[1]

    @cached_property
    def output_indices(self) -> dict[str, list[Indices]]:
        """Where the numbers of each of the forward's results stand among the quantities, array by array."""
        found: dict[str, list[Indices]] = {}
        for name, value in self.base.items():
            indices = [self.quantities.find(leaf.array) for leaf in leaves(value, name)]
            whole = [each for each in indices if each is not None]
            if whole and len(whole) == len(indices):
                found[name] = whole
        return found

    @property
    def begins_with_initial_state(self) -> bool:
        """Whether a result of the forward is a sequence of states with the one before step 0 in front."""
        initial = [self.quantities.span(name) for name in ("h_0", "C_0") if name in self.quantities.spans]
        firsts = [arrays[0] for arrays in self.output_indices.values() if len(arrays) > 1]
        firsts += [arrays[0][0] for arrays in self.output_indices.values() if arrays[0].ndim]
        return any(
            bool(np.all((span.start <= first) & (first < span.stop))) for first in firsts for span in initial
        )

    def trace(self, probe: SolvedProbe) -> tuple[Any, Quantities]:
        """The reference on a probe's arguments."""
        vector, _ = numbers(_arguments(probe))
        inputs = _inputs_of(probe, self.where)
        trace = self.convention.run(vector, None if "inputs" in self.convention.sources else inputs)
        return trace, Quantities.of_trace(trace, inputs)

    def adjoints(self, probe: SolvedProbe, trace: Any, quantities: Quantities, loss: str) -> dict[str, Array]:
        """How the loss of a probe enters the reference. Raises :class:`AssignmentError`."""
        flows: list[tuple[Indices, Array]] = []
        for upstream in self.draft.upstream:
            indices = self._indices_of(upstream.output)
            arrays = [leaf.array for leaf in leaves(probe.upstream[upstream.hole], upstream.hole)]
            flows += list(zip(indices, arrays, strict=True))
        targets = self._targets(probe)
        if not flows and targets is None:
            raise AssignmentError(
                f"{self.where}: the backward gets neither an upstream gradient nor targets."
            )
        try:
            return adjoints_of(trace, quantities, flows, targets, loss)
        except ConventionError as error:
            raise AssignmentError(f"{self.where}: {error}.") from None

    def drawn(self, rng: np.random.Generator) -> SolvedProbe:
        """Fresh arguments of the same shapes."""
        probe = self.probe
        return replace(
            probe,
            holes={hole: drawn(form, probe.sizes, rng) for hole, form in self.draft.holes.items()},
            fills={code: np.asarray(rng.normal(0.0, SCALE, a.shape)) for code, a in probe.fills.items()},
            upstream={hole: like(value, partial(_normal, rng)) for hole, value in probe.upstream.items()},
        )

    def _truth(self, probe: SolvedProbe, loss: str) -> Probe:
        trace, quantities = self.trace(probe)
        found = self.convention.gradients(trace, self.adjoints(probe, trace, quantities, loss))
        flat = self.convention.on_arguments(found)
        arguments = _arguments(probe)
        gradients = {part: self._filled(code, arguments, flat) for part, code in self.argument_of.items()}
        outputs = {
            name: filled(self.base[name], (quantities.vector[each] for each in indices))
            for name, indices in self.output_indices.items()
        }
        return Probe(self._given(probe), outputs, gradients)

    def _given(self, probe: SolvedProbe) -> dict[str, Value]:
        """The names that a program of the probe refers to, with their values."""
        held = probe.scenario(()).holes
        return {name: value for name, value in held.items() if not name.startswith("_given_")}

    @cached_property
    def argument_of(self) -> dict[str, str]:
        """For each gradient that points are given for, the code of the argument that it belongs to."""
        return {part: self._argument_of(part) for part in self.task.gradients}

    def _argument_of(self, part: str) -> str:
        code = self.argument_for(part)
        if code is None:
            raise AssignmentError(
                f"{self.where}: points are given for {part}, and no argument is called so without its d; "
                f"there are {', '.join(sorted(self._codes))}."
            )
        if not self._is_of_cell(code):
            raise AssignmentError(
                f"{self.where}: the argument that {part} belongs to is no array of the cell."
            )
        return code

    def argument_for(self, gradient: str) -> str | None:
        """The code of the argument that a gradient is that of, by its name."""
        stated = gradient in self.task.scenario.gradients
        for name, code in self._codes.items():
            if name == gradient if stated else name.replace("_", "").lower() == stem(gradient):
                return code
        return None

    @cached_property
    def _codes(self) -> dict[str, str]:
        """The arguments by their names."""
        by_name = {place.name: place.code for place in self.probe.places}
        return by_name | {hole.removeprefix("_in_"): hole for hole in self.draft.holes}

    def _is_of_cell(self, code: str) -> bool:
        """Whether all numbers of an argument are the reference's."""
        known = np.concatenate([np.asarray(each).reshape(-1) for each in self.convention.sources.values()])
        places = self.places_of(code)
        return bool(places.size) and bool(np.all(np.isin(places, known)))

    def places_of(self, code: str) -> Indices:
        """Where the numbers of an argument stand among all arguments' numbers."""
        starts = self.convention.starts
        found = [
            np.arange(starts[leaf.code], starts[leaf.code] + leaf.array.size)
            for leaf in leaves(_at(code, self.arguments), code)
        ]
        return np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    def size_of(self, code: str) -> int:
        """How many numbers an argument holds."""
        return int(self.places_of(code).size)

    def _filled(self, code: str, arguments: Mapping[str, Value], flat: Array) -> Value:
        """Numbers of ``flat`` in the shape of an argument."""
        value = _at(code, arguments)
        starts = self.convention.starts
        return filled(
            value,
            (
                flat[starts[leaf.code] : starts[leaf.code] + leaf.array.size].reshape(leaf.array.shape)
                for leaf in leaves(value, code)
            ),
        )

    def _indices_of(self, output: str) -> list[Indices]:
        """Those of the forward's result that Python for an output names."""
        for name, code in self.output_codes.items():
            if output == code:
                return self.output_indices[name]
        raise AssignmentError(
            f"{self.where}: the upstream gradient belongs to a result that is no quantity of the cell."
        )

    def _targets(self, probe: SolvedProbe) -> Array | None:
        for hole, form in self.draft.holes.items():
            if role_of(hole.removeprefix("_in_")) is Role.TARGET:
                found = sequence_of(form, probe.holes[hole], probe.sizes)
                if found is None:
                    raise AssignmentError(
                        f"{self.where}: the layout of {hole.removeprefix('_in_')} is not understood."
                    )
                return found
        return None


def _arguments(probe: SolvedProbe) -> dict[str, Value]:
    """The arguments whose numbers may be the reference's: all but the targets."""
    holes = {h: v for h, v in probe.holes.items() if role_of(h.removeprefix("_in_")) is not Role.TARGET}
    return {**holes, **probe.fills}


def _at(code: str, arguments: Mapping[str, Value]) -> Value:
    """An argument, or the array inside one that ``code`` leads to."""
    if code in arguments:
        return arguments[code]
    return next(
        leaf.array for hole, value in arguments.items() for leaf in leaves(value, hole) if leaf.code == code
    )


def _forward_code(results: tuple[str, ...], name: str) -> str:
    return f"{FORWARD}[{results.index(name)}]" if len(results) > 1 else FORWARD


def _entry(function: str, files: tuple[str, ...], sources: Mapping[str, Source], where: str) -> str:
    """The file of the solution that defines the backward."""
    wanted = function.partition(".")[0]
    for name in files:
        for node in ast.parse(sources[name].text).body:
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and node.name == wanted
            ):
                return name
    raise AssignmentError(f"{where}: the solution defines no {wanted} in {', '.join(files)}.")


def _measured(prepared: PreparedCheck) -> Measurement | None:
    """The solution's scenario, measured on the sizes that are graded on."""
    if prepared.workshop is None or prepared.solved is None:
        return None
    rng = np.random.default_rng(_SOLVING_SEED)
    try:
        return measure(prepared.workshop, probe_of(prepared.workshop, prepared.solved, rng, _SIZES))
    except ProbeFailedError:
        return None


def _solved(
    assignment: Assignment, task: Task, entry: str, measurement: Measurement, matched: Match, where: str
) -> SolvedTask:
    _check_convention(assignment, matched, where)
    draft, probe = measurement.probe.draft, measurement.probe
    codes = returned_codes(draft)
    forward = measurement.base.values[codes.index(FORWARD)] if FORWARD in codes else None
    results = draft.pass_.forward.results if draft.pass_.forward is not None else ()
    values = forward if len(results) > 1 and forward is not None else (forward,)
    base = {name: value for name, value in zip(results, values, strict=False) if name}
    try:
        convention = convention_of(matched, _arguments(probe), _inputs_of(probe, where))
    except ConventionError as error:
        raise AssignmentError(f"{where}: the solution's convention is not understood: {error}.") from None
    found = SolvedTask(task, entry, draft, probe, matched, convention, base, where)
    if forward is not None and not found.output_indices:
        raise AssignmentError(f"{where}: no result of the solution's forward is a quantity of the cell.")
    if assignment.initial_state_first and not found.begins_with_initial_state:
        raise AssignmentError(f"{where}: no list of the solution begins with its initial state, as stated.")
    return found


def _check_convention(assignment: Assignment, match: Match, where: str) -> None:
    """What the assignment states of the cell must be what the solution has."""
    if assignment.gates is not None and match.order != assignment.gates:
        raise AssignmentError(
            f"{where}: the solution's gates stand in the order {match.order}, and the assignment says "
            f"{assignment.gates}."
        )
    if assignment.input_first is not None and match.input_first != assignment.input_first:
        stated, found = ("x,h", "h,x") if assignment.input_first else ("h,x", "x,h")
        raise AssignmentError(
            f'{where}: the solution concatenates "{found}", and the assignment says "{stated}".'
        )


def _inputs_of(probe: SolvedProbe, where: str) -> Array:
    """A probe's input as the reference takes it, (T, D, B)."""
    for hole, form in probe.draft.holes.items():
        if role_of(hole.removeprefix("_in_")) in (Role.INPUT, Role.UNKNOWN):
            found = sequence_of(form, probe.holes[hole], probe.sizes)
            if found is not None:
                return found
    raise AssignmentError(f"{where}: which argument of the forward is its input is not seen; call it x.")
