"""A task whose scenario has been solved: its program, and the reference cell in its convention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from rnnlint.gradients.draft import BACKWARD, FORWARD, Draft
from rnnlint.gradients.forms import SCALE, drawn
from rnnlint.gradients.pairing import stem
from rnnlint.gradients.probe import Probe as SolvedProbe
from rnnlint.gradients.reference import Match, sequence_of
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, HIDDEN, INPUT, TIME
from rnnlint.gradients.trees import leaves, like
from rnnlint.grading.assignment import AssignmentError, Task
from rnnlint.grading.convention import (
    Array,
    Convention,
    ConventionError,
    Indices,
    Quantities,
    adjoints_of,
    filled,
    numbers,
)
from rnnlint.grading.plan import Probe, TaskPlan, Unrolling
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Value


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(rng.normal(0.0, SCALE, shape))


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

    def plan(self, probes: Sequence[Probe]) -> TaskPlan:
        """The task's programs with these probes."""
        pass_ = self.draft.pass_
        stated = bool(self.draft.gradients)
        return TaskPlan(
            name=self.task.name,
            entry=self.entry,
            forward_title=pass_.forward.title if pass_.forward is not None else "",
            backward_title=pass_.backward.title,
            ahead=self.probe.scenario((), backward=False).program,
            back="\n".join(self.draft.backward),
            outputs=self.output_codes,
            backward=self.draft.stated_gradients if stated else BACKWARD,
            returned=() if stated else self.task.scenario.backward.results,
            points=dict(self.task.points),
            probes=tuple(probes),
            gates=self.matched.order,
            stacked=self._stacked,
            follow_through=self.task.follow_through,
        )

    @property
    def dimensions(self) -> dict[str, int]:
        """How many steps, units and features there are, and how large the batch is."""
        steps, units, batch = self.matched.trace.h.shape
        return {TIME: steps, BATCH: batch, HIDDEN: units, INPUT: inputs_of(self.probe, self.where).shape[1]}

    def has_program_of(self, other: SolvedTask) -> bool:
        """Whether what is run is the same, up to the values of the arguments."""
        mine, theirs = (each.plan(()) for each in (self, other))
        return mine == theirs and self.output_codes == other.output_codes

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

    @property
    def arguments(self) -> dict[str, Value]:
        """Everything that the reference's numbers are found in: holes and arrays that are filled."""
        return arguments_of(self.probe)

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
        vector, _ = numbers(arguments_of(probe))
        inputs = inputs_of(probe, self.where)
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

    def with_truth(self, probe: SolvedProbe, loss: str, unrolling: Unrolling | None = None) -> Probe:
        """A probe with what is true of it."""
        trace, quantities = self.trace(probe)
        found = self.convention.gradients(trace, self.adjoints(probe, trace, quantities, loss))
        flat = self.convention.on_arguments(found)
        arguments = arguments_of(probe)
        gradients = {part: self._filled(code, arguments, flat) for part, code in self.argument_of.items()}
        outputs = self._outputs(quantities)
        return Probe(self._given(probe), outputs, gradients, probe.sizes, unrolling)

    def true_outputs(self, probe: SolvedProbe) -> dict[str, Value]:
        """The forward's results on a probe, as the reference has them."""
        return self._outputs(self.trace(probe)[1])

    def _outputs(self, quantities: Quantities) -> dict[str, Value]:
        return {
            name: filled(self.base[name], (quantities.vector[each] for each in indices))
            for name, indices in self.output_indices.items()
        }

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


def arguments_of(probe: SolvedProbe) -> dict[str, Value]:
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


def inputs_of(probe: SolvedProbe, where: str) -> Array:
    """A probe's input as the reference takes it, (T, D, B)."""
    for hole, form in probe.draft.holes.items():
        if role_of(hole.removeprefix("_in_")) in (Role.INPUT, Role.UNKNOWN):
            found = sequence_of(form, probe.holes[hole], probe.sizes)
            if found is not None:
                return found
    raise AssignmentError(f"{where}: which argument of the forward is its input is not seen; call it x.")
