"""What a student's own step functions lead to over a whole sequence: the program that drives them, and where
each number of the sequence's results stands in what they gave.

A sequence is right by its step where it gives the same as the step driven T times forward and back. The truth
of that is the student's, so the program runs in the sandbox like any other; where its numbers belong is known
from the two tasks' conventions, with the reference's arrays in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from rnnlint.gradients.draft import BACKWARD, FORWARD
from rnnlint.gradients.probe import Probe as SolvedProbe
from rnnlint.gradients.trees import leaves
from rnnlint.grading.assignment import AssignmentError
from rnnlint.grading.convention import Array, Convention, Indices, filled, numbers
from rnnlint.grading.plan import Carried, Unrolling
from rnnlint.grading.solved_task import SolvedTask, arguments_of
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Value

STATES = {"h": "h_0", "C": "C_0"}
"""A state, and what takes its place before the first step."""
OUTPUTS, GRADIENTS = "_outputs", "_gradients"
"""The names of the program's results: a list of the step's outputs, and of what its backward returned."""
_HIDDEN = ("_varying", "_flow")
"""The driver's own holes: each step's input, and what flows into its outputs from above."""
_KNOWN = ("zero", "one", "h_0", "C_0", "inputs")
_NOWHERE = -1


def unrolled(step: SolvedTask, sequence: SolvedTask, loss: str) -> Callable[[SolvedProbe], Unrolling]:
    """What drives ``step`` over any probe of ``sequence``. Raises :class:`AssignmentError`."""
    unroller = _Unroller(step, sequence)
    unroller.check()
    outputs = {name: unroller.output(name) for name in sequence.output_indices}
    gradients = {part: unroller.gradient(part) for part in sequence.argument_of}
    of_any = Unrolling(
        whole=unroller.program(backward=True),
        ahead=unroller.program(backward=False),
        steps=unroller.steps,
        arguments={},
        known=np.empty(0),
        outputs={name: found for name, found in outputs.items() if found is not None},
        output_sizes={name: indices.size for name, indices in unroller.step_outputs.items()},
        gradients={part: found for part, found in gradients.items() if found is not None},
        gradient_sizes={part: step.size_of(code) for part, code in unroller.step_gradients.items()},
        carried=unroller.carried,
    )

    def over(probe: SolvedProbe) -> Unrolling:
        trace, quantities = sequence.trace(probe)
        adjoints = sequence.adjoints(probe, trace, quantities, loss)
        inputs = quantities.vector[quantities.span("inputs")].reshape(quantities.spans["inputs"][1])
        return replace(
            of_any,
            arguments=unroller.arguments(numbers(arguments_of(probe))[0], inputs, adjoints),
            known=np.concatenate([quantities.vector[quantities.span(name)] for name in unroller.known]),
        )

    return over


@dataclass(frozen=True)
class _Unroller:
    step: SolvedTask
    sequence: SolvedTask

    def check(self) -> None:
        """Raises :class:`AssignmentError` where the step is none of the sequence's cell, or has no state."""
        where = f"{self.sequence.where}: follow_through"
        if self.step.convention.kind != self.sequence.convention.kind or self.step.probe.fills:
            raise AssignmentError(f"{where} needs a step of the same cell, as functions.")
        ours, theirs = self.step.probe.sizes, self.sequence.probe.sizes
        if any(ours.get(axis) != theirs.get(axis) for axis in "BHD" if axis in ours and axis in theirs):
            raise AssignmentError(f"{where}: the sizes of {self.step.task.name} and of this task differ.")
        if "h" not in self.states or self.steps < 2 or self.step.matched.trace.h.shape[0] != 1:
            raise AssignmentError(
                f"{where}: {self.step.task.name} is no step that takes a state and gives the next."
            )

    @property
    def steps(self) -> int:
        return int(self.sequence.matched.trace.h.shape[0])

    @property
    def known(self) -> tuple[str, ...]:
        """The quantities of the sequence that are no work of its step."""
        return tuple(name for name in _KNOWN if name in self.sequence.quantities.spans)

    @cached_property
    def step_outputs(self) -> dict[str, Indices]:
        """The step's results that are one array."""
        return {name: arrays[0] for name, arrays in self.step.output_indices.items() if len(arrays) == 1}

    @cached_property
    def step_gradients(self) -> dict[str, str]:
        """What the step's backward returns, and the argument that each belongs to."""
        results = self.step.task.scenario.backward.results
        found = {name: self.step.argument_for(name) for name in results if name}
        return {name: code for name, code in found.items() if code is not None}

    @cached_property
    def states(self) -> dict[str, tuple[str, str, str | None]]:
        """For each state: the hole that takes it, the output that gives it, the result that sends back."""
        found: dict[str, tuple[str, str, str | None]] = {}
        for state, initial in STATES.items():
            output = next(
                (name for name, each in self.step_outputs.items() if self._is_all(state, each)), None
            )
            hole = next((hole for hole in self.step.arguments if self._begins(hole, initial)), None)
            if output is not None and hole is not None:
                sent = next((name for name, code in self.step_gradients.items() if code == hole), None)
                found[state] = hole, output, sent
        return found

    @property
    def carried(self) -> tuple[Carried, ...]:
        """The states, and their gradients, on their way."""
        upstream = {each.output: each.hole for each in self.step.draft.upstream}
        return tuple(
            Carried(hole, output, upstream.get(self.step.output_codes[output], ""), result or "")
            for hole, output, result in self.states.values()
        )

    def _is_all(self, quantity: str, indices: Indices) -> bool:
        spans = self.step.quantities.spans
        if quantity not in spans:
            return False
        span = self.step.quantities.span(quantity)
        return bool(np.all((span.start <= indices) & (indices < span.stop)))

    def _begins(self, hole: str, initial: str) -> bool:
        convention = self.step.convention
        if initial not in convention.sources or hole not in convention.starts:
            return False
        places = np.sort(np.asarray(convention.sources[initial]).reshape(-1))
        start = convention.starts[hole]
        return bool(np.array_equal(places, np.arange(start, start + self.step.size_of(hole))))

    def arguments(self, vector: Array, inputs: Array, adjoints: Mapping[str, Array]) -> dict[str, Value]:
        """The program's holes: the step's own, ``_varying`` at each step, ``_flow`` from above at each."""
        own, theirs = self.step.convention, self.sequence.convention
        every = np.zeros(own.length)
        for name, indices in own.sources.items():
            if name != "inputs":
                _put(every, indices, theirs.on_reference(name, vector))
        varying: list[dict[str, Value]] = []
        for t in range(self.steps):
            now = every.copy()
            _put(now, own.sources["inputs"], inputs[t : t + 1])
            varying.append({hole: self._filled(hole, now) for hole in self._input_holes})
        flow = [
            {
                upstream.hole: self._flow(upstream.output, adjoints, t).reshape(
                    np.shape(self.step.probe.upstream[upstream.hole])
                )
                for upstream in self.step.draft.upstream
            }
            for t in range(self.steps)
        ]
        constant = {hole: self._filled(hole, every) for hole in self.step.arguments}
        return {**constant, **flow[-1], "_varying": varying, "_flow": flow}

    @property
    def _input_holes(self) -> tuple[str, ...]:
        """The step's arguments that hold its input."""
        places = np.asarray(self.step.convention.sources["inputs"]).reshape(-1)
        starts = self.step.convention.starts
        return tuple(
            hole
            for hole, value in self.step.arguments.items()
            if any(
                np.any((starts[leaf.code] <= places) & (places < starts[leaf.code] + leaf.array.size))
                for leaf in leaves(value, hole)
            )
        )

    def _filled(self, hole: str, vector: Array) -> Value:
        value = self.step.arguments[hole]
        return filled(value, _slices(self.step.convention, value, hole, vector))

    def _flow(self, output: str, adjoints: Mapping[str, Array], t: int) -> Array:
        """What reaches an output of step ``t`` from above."""
        name = next(name for name, code in self.step.output_codes.items() if code == output)
        indices = self.step_outputs[name].reshape(-1)
        found = np.zeros(indices.size)
        for quantity in STATES:
            if quantity in adjoints and quantity in self.step.quantities.spans:
                span = self.step.quantities.span(quantity)
                inside = (span.start <= indices) & (indices < span.stop)
                found[inside] = adjoints[quantity][t].reshape(-1)[indices[inside] - span.start]
        return found

    def program(self, *, backward: bool) -> str:
        """The program that drives the step. While it runs, nothing is bound that is not when the step is
        judged by itself: the sequence is seen by the driver alone.
        """
        names = ", ".join((FORWARD, BACKWARD, *self.step.arguments, *self.step.probe.upstream))
        driver = [f"global {names}", *self._ahead(), *(self._back() if backward else ())]
        made = f"{OUTPUTS}, {GRADIENTS}" if backward else OUTPUTS
        taken = ", ".join(f"globals().pop({name!r})" for name in _HIDDEN)
        return "\n".join(
            (
                *self.step.draft.setup,
                f"def _drive({', '.join(_HIDDEN)}):",
                *_indented([*driver, f"return {made}"]),
                f"{made} = globals().pop('_drive')({taken})",
            )
        )

    def _ahead(self) -> Iterator[str]:
        """Over the sequence."""
        bound = ", ".join((FORWARD, *self.step.arguments))
        codes = ", ".join(self.step.output_codes[name] for name in self.step_outputs)
        yield f"_kept, {OUTPUTS} = [], []"
        yield f"for _t in range({self.steps}):"
        yield from (f"    {hole} = _varying[_t][{hole!r}]" for hole in self._input_holes)
        yield from _indented(self.step.draft.forward)
        yield f"    _kept.append(({bound},))"
        yield f"    {OUTPUTS}.append({_copy(f'[{codes}]')})"
        yield from (
            f"    {hole} = {self.step.output_codes[output]}" for hole, output, _ in self.states.values()
        )

    def _back(self) -> Iterator[str]:
        """And back over it."""
        bound = ", ".join((FORWARD, *self.step.arguments))
        results = self.step.task.scenario.backward.results
        sent = {
            self.step.output_codes[output]: f"_sent_{state}"
            for state, (_, output, result) in self.states.items()
            if result is not None
        }
        yield f"{GRADIENTS} = []"
        yield from (f"{name} = 0.0" for name in sent.values())
        yield f"for _t in reversed(range({self.steps})):"
        yield f"    {bound}, = _kept[_t]"
        for upstream in self.step.draft.upstream:
            more = f" + {sent[upstream.output]}" if upstream.output in sent else ""
            yield f"    {upstream.hole} = _flow[_t][{upstream.hole!r}]{more}"
        yield from _indented(self.step.draft.backward)
        yield f"    {GRADIENTS}.insert(0, {_copy(BACKWARD)})"
        for state, (_, _, result) in self.states.items():
            if result is not None:
                place = f"[{results.index(result)}]" if len(results) > 1 else ""
                yield f"    _sent_{state} = {BACKWARD}{place}"

    def output(self, name: str) -> Indices | None:
        """Where the numbers of a result of the sequence stand: the known ones, then the step's outputs."""
        quantities = self.sequence.quantities
        known: dict[int, int] = {}
        position = 0
        for quantity in self.known:
            span = quantities.span(quantity)
            known |= {index: position + index - span.start for index in range(span.start, span.stop)}
            position += span.stop - span.start
        made = {
            quantities.span(quantity).start + t * size + place: position + t * self._stride + offset
            for quantity, size, places in self._made
            for t in range(self.steps)
            for place, offset in places.items()
        }
        places = known | made
        wanted = np.concatenate([indices.reshape(-1) for indices in self.sequence.output_indices[name]])
        found = [places.get(index, _NOWHERE) for index in wanted.tolist()]
        return None if _NOWHERE in found else np.array(found, dtype=np.int64)

    @property
    def _stride(self) -> int:
        return sum(indices.size for indices in self.step_outputs.values())

    @cached_property
    def _made(self) -> list[tuple[str, int, dict[int, int]]]:
        """For each state: its numbers a step, and where each stands among the step's outputs."""
        found: list[tuple[str, int, dict[int, int]]] = []
        for quantity in STATES:
            if quantity not in self.step.quantities.spans:
                continue
            span = self.step.quantities.span(quantity)
            places: dict[int, int] = {}
            offset = 0
            for indices in self.step_outputs.values():
                for number, index in enumerate(indices.reshape(-1).tolist()):
                    if span.start <= index < span.stop:
                        places.setdefault(index - span.start, offset + number)
                offset += indices.size
            found.append((quantity, span.stop - span.start, places))
        return found

    def gradient(self, part: str) -> Indices | None:
        """Where the numbers that make up a gradient of the sequence stand among the step's, one row each."""
        inverse = {
            index: (name, flat)
            for name, indices in self.sequence.convention.sources.items()
            for flat, index in enumerate(np.asarray(indices).reshape(-1).tolist())
            if index != _NOWHERE
        }
        rows = [
            self._summands(*inverse[index])
            for index in self.sequence.places_of(self.sequence.argument_of[part]).tolist()
            if index in inverse
        ]
        kept = [row for row in rows if row is not None]
        if len(kept) < len(rows) or not rows:
            return None
        return np.array(kept, dtype=np.int64)

    def _summands(self, name: str, flat: int) -> list[int] | None:
        """The places, over all steps, of the numbers whose sum is the gradient of one of the reference's."""
        if name in STATES.values():
            wanted = {0: flat}
        elif name == "inputs":
            size = int(np.prod(self.sequence.quantities.spans["inputs"][1][1:]))
            wanted = {flat // size: flat % size}
        else:
            wanted = dict.fromkeys(range(self.steps), flat)
        sources = np.asarray(self.step.convention.sources.get(name, np.empty(0))).reshape(-1)
        row = [_NOWHERE] * self.steps
        for t, place in wanted.items():
            if place >= sources.size or int(sources[place]) not in self._returned:
                return None
            row[t] = t * self._returned_size + self._returned[int(sources[place])]
        return row

    @cached_property
    def _returned(self) -> dict[int, int]:
        """Where the gradient of each number of the step's arguments stands in what its backward returns."""
        found: dict[int, int] = {}
        offset = 0
        for code in self.step_gradients.values():
            for index in self.step.places_of(code).tolist():
                found[index] = offset
                offset += 1
        return found

    @cached_property
    def _returned_size(self) -> int:
        return sum(self.step.size_of(code) for code in self.step_gradients.values())


def _put(vector: Array, indices: Indices, values: Array) -> None:
    known = indices != _NOWHERE
    vector[indices[known]] = values[known]


def _slices(convention: Convention, value: Value, code: str, vector: Array) -> Iterator[Array]:
    for leaf in leaves(value, code):
        start = convention.starts[leaf.code]
        yield vector[start : start + leaf.array.size].reshape(leaf.array.shape)


def _copy(code: str) -> str:
    return f"__import__('copy').deepcopy({code})"


def _indented(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield from (f"    {part}" for part in line.split("\n"))
