"""The backward pass: its loop, its δ's, what it carries from step to step, and what it reads."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from functools import cached_property

from rnnlint.model.derivatives import Derivatives
from rnnlint.model.discrepancies import Discrepancy, Wrong
from rnnlint.model.forward import ForwardPass, Gate, last_word
from rnnlint.model.gradient_names import gradient_stem, may_be_of, stem_of
from rnnlint.model.heap import Binding, Frame, Heap, SliceKey
from rnnlint.model.program import Definition, Program
from rnnlint.model.sequences import Timeline
from rnnlint.model.steps import Loop
from rnnlint.model.terms import Op, Term, Terms, plain
from rnnlint.model.weight_gradients import WeightGradient, WeightGradients
from rnnlint.records import dataclass, replace


@dataclass(frozen=True, slots=True)
class Delta:
    """What the backward pass takes for the adjoint of ``gate``'s pre-activation, and where it uses it.

    ``kept_in`` is the loop that makes it, where it is kept there and used later."""

    gate: Gate
    term: Term
    use: Term
    binding: Binding
    kept_in: Loop | None = None

    @property
    def loop(self) -> Loop | None:
        """The loop over the steps that it belongs to."""
        return self.kept_in or self.binding.loop


class BackwardPass:
    """One backward pass, joined to its forward pass where one was found."""

    def __init__(
        self,
        program: Program,
        definition: Definition | None,
        heap: Heap,
        terms: Terms,
        frame: Frame,
        timeline: Timeline,
        noted_before: tuple[int, int] = (0, 0),
    ) -> None:
        """``noted_before``: how many bindings and stores the heap held when the backward pass began."""
        self.program, self.module = program, program.target
        self.definition, self.heap, self.terms = definition, heap, terms
        self.frame, self.timeline = frame, timeline
        self._first_binding = noted_before[0]
        self.forward = ForwardPass(terms, heap, timeline, *noted_before)
        self.derivatives = Derivatives(self.forward, timeline)

    @property
    def name(self) -> str:
        """The function's name; a file's top level has none."""
        return self.definition.name if self.definition else "the training loop"

    # --- its parts -----------------------------------------------------------------------------------

    @cached_property
    def bindings(self) -> tuple[Binding, ...]:
        """The assignments that are no part of the forward pass's loops."""
        forward = self.timeline.forward_loops
        own = self.heap.bindings[self._first_binding :]
        return tuple(each for each in own if not (each.loop and each.loop.number in forward))

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        """The loops of the pass that hold its δ's."""
        numbers = {each.loop.number for each in self.bindings if each.loop and self._holds_delta(each.value)}
        return tuple(loop for loop in self.heap.loops if loop.number in numbers)

    def _holds_delta(self, term: Term) -> bool:
        products = self.derivatives.products_in(term)
        return any(any(self.derivatives.is_adjoint(side) for side in each.args) for each in products)

    @cached_property
    def _products(self) -> WeightGradients:
        return WeightGradients(self.forward, self.derivatives, self.heap, self.bindings)

    @property
    def weight_gradients(self) -> tuple[WeightGradient, ...]:
        """Every product of a δ that goes into a weight's gradient."""
        return self._products.all

    @cached_property
    def deltas(self) -> tuple[Delta, ...]:
        """The δ's of gates: by the weight that they are multiplied with or whose gradient they enter."""
        found: dict[tuple[int, int], Delta] = {}
        for each in self._deltas():
            found.setdefault((each.gate.value.key, each.term.key), each)
        return tuple(found.values())

    def _deltas(self) -> Iterator[Delta]:
        if not self.forward.gates:
            return
        for gradient in self.weight_gradients:
            delta = self.timeline.of_a_step(gradient.delta)
            if delta is None or self._is_of_an_output(gradient):
                continue
            for gate, term in self._shares(self.forward.gates_of(gradient.weight), delta.value):
                yield Delta(gate, term, gradient.delta, gradient.binding, delta.loop)
        biases = {stem_of(last_word(bias)): bias for gate in self.forward.gates for bias in gate.biases}
        for binding in self.bindings:
            bias = biases.get(gradient_stem(binding.target) or "")
            delta = self.timeline.of_a_step(plain(binding.value))
            if (
                bias is None
                or not may_be_of(binding.target, str(bias.data))
                or delta is None
                or delta.value.op in (Op.FILLED, Op.LAST)  # what a loop summed is judged in the loop
                or self._products.is_reworked(binding)
            ):
                continue
            if self.derivatives.is_adjoint(delta.value):
                for gate, term in self._shares(self.forward.gates_with_bias(bias), delta.value):
                    yield Delta(gate, term, delta.value, binding, delta.loop)
        for binding in self.bindings:
            for product in self.derivatives.products_in(binding.value):
                pair = self.forward.weighted_of(product)
                if pair is None or self._outside_gates(pair.weight):
                    continue  # which of its uses a tied weight's product goes back through is not seen
                if self.derivatives.is_adjoint(pair.operand):
                    for gate, term in self._shares(self.forward.gates_of(pair.weight), pair.operand):
                        yield Delta(gate, term, product, binding)

    def _is_of_an_output(self, gradient: WeightGradient) -> bool:
        """Whether a tied weight's gradient meets what the weight multiplies in no gate."""
        outside = self._outside_gates(gradient.weight)
        return any(self.derivatives.same_value(gradient.operand, each) for each in outside)

    def _outside_gates(self, weight: Term) -> tuple[Term, ...]:
        """What a gate's weight multiplies elsewhere: an embedding's that makes the outputs, too."""
        gates = self.forward.gates_of(weight)
        inside = {pair.operand for gate in gates for pair in gate.weighted if pair.weight == weight}
        return tuple(each for each in self.forward.operands_of(weight) if inside and each not in inside)

    def _shares(self, gates: tuple[Gate, ...], delta: Term) -> Iterator[tuple[Gate, Term]]:
        """Whose δ it is: the one gate's, or, stacked, each gate's own piece."""
        if len(gates) == 1 and gates[0].part is None:
            yield gates[0], plain(delta)
            return
        stack = plain(delta)
        if not gates or any(gate.part is None or gate.part != gates[0].part for gate in gates):
            return
        if stack.op is not Op.STACK or len(stack.args) != len(gates):
            return
        if isinstance(stack.data, tuple):
            by_place = {_place_in_stack(gate.preactivation.data): gate for gate in gates}
            for keys, piece in zip(stack.data, stack.args, strict=True):
                if _place_in_stack(keys) in by_place:
                    yield by_place[_place_in_stack(keys)], plain(piece)
        else:
            in_order = sorted(gates, key=lambda gate: _place_in_stack(gate.preactivation.data))
            yield from zip(in_order, map(plain, stack.args), strict=True)

    @cached_property
    def deltas_of_gates(self) -> tuple[tuple[Term, Gate], ...]:
        """Every δ with its gate."""
        return tuple((delta.term, delta.gate) for delta in self.deltas)

    # --- derivatives and reads -----------------------------------------------------------------------

    @cached_property
    def discrepancies(self) -> tuple[Discrepancy, ...]:
        """Every factor that is not the forward pass's, each place once."""
        found: dict[tuple[object, ...], Discrepancy] = {}
        if not self._concerns_recurrence:
            return ()
        for delta in self.deltas:
            if self._is_of_the_loss(delta):
                continue
            for discrepancy in self.derivatives.compare(delta.term, delta.gate):
                each = replace(discrepancy, use=delta.use)
                place = tuple(id(term.origin) for term in each.observed) or (delta.gate.value.key,)
                found.setdefault((each.wrong, place, each.read.key if each.read else None), each)
        misread = {each.read.key for each in found.values() if each.read and self._is_record(each.read, each)}
        told = [each for each in found.values() if not self._is_of_record(each, misread)]
        mixed_up = any(each.wrong in (Wrong.SPURIOUS, Wrong.PARTNER) for each in told)
        return tuple(each for each in told if not (mixed_up and each.wrong is Wrong.NODE))

    def _is_record(self, read: Term, each: Discrepancy) -> bool:
        """Whether the δ takes single values out of ``read``, an entry of a sequence of records."""
        return any(self.timeline.record_of(term) == read for term in each.delta.walk())

    @staticmethod
    def _is_of_record(each: Discrepancy, misread: set[int]) -> bool:
        """Whether a δ is made of another step's record: that alone is told, for it makes every factor
        wrong."""
        told = each.wrong is Wrong.STEP and each.read is not None and each.read.key in misread
        return bool(misread) and not told and any(term.key in misread for term in each.delta.walk())

    def _is_of_the_loss(self, delta: Delta) -> bool:
        """Whether it is an output less its target: what becomes of it is the loss's to say."""
        value = delta.gate.value
        differences = [term.args for term in delta.term.walk() if term.op is Op.SUBTRACT]
        sides = [*differences, *(sides[::-1] for sides in differences)]
        return not self.forward.is_multiplied(value) and any(
            self.forward.now(output) == value and self.derivatives.is_adjoint(target)
            for output, target in sides
        )

    @cached_property
    def _concerns_recurrence(self) -> bool:
        """Whether its gates are those of a recurrent network: a step function's take a state by its name."""
        if self.forward.is_recurrent:
            return True
        weighted = (pair for gate in self.forward.gates for pair in gate.weighted)
        values = (value for pair in weighted for value, _ in self.forward.pieces(pair.operand))
        names = [last_word(value) for value in values if value.op is Op.SYMBOL]
        return any(_STATE_NAME.search(name) for name in names)

    @cached_property
    def right_gates(self) -> frozenset[int]:
        """The keys of gates for which some use of a δ is right."""
        return frozenset(d.gate.value.key for d in self.deltas if self.derivatives.is_right(d.term, d.gate))

    # --- what is carried -----------------------------------------------------------------------------

    @cached_property
    def step_loops(self) -> tuple[Loop, ...]:
        """The loops over the steps: those in which a gate's δ is used."""
        found = {each.loop.number: each.loop for each in self.deltas if each.loop}
        return tuple(found.values())

    @cached_property
    def carried_adjoints(self) -> tuple[tuple[Loop, str], ...]:
        """The places by which an adjoint flows from one round of a loop over the steps to the next."""
        return tuple(
            (loop, place)
            for loop in self.step_loops
            for place, carried in loop.carried.items()
            if carried.key in self.live
            and loop.next[place] != carried
            and self.derivatives.is_adjoint(loop.next[place])
        )

    def sharing(self, loop: Loop, place: str) -> tuple[str, ...]:
        """The places of a loop whose carries add up to the adjoint of one state, ``place`` among them."""
        states = {
            each: self.derivatives.state_of_root(loop.carried[each], self.deltas_of_gates)
            for own, each in self.carried_adjoints
            if own is loop
        }
        state = states.get(place)
        return tuple(each for each in states if states[each] == state) if state is not None else (place,)

    @cached_property
    def live(self) -> frozenset[int]:
        """The keys of everything that the gates' δ's are made of."""
        return frozenset(term.key for delta in self.deltas for term in delta.term.walk())

    @property
    def carries(self) -> bool:
        """Whether any adjoint may flow from one step of a loop to the next; True where that is not seen."""
        numbers = {loop.number for loop in self.step_loops}
        if any(each.loop is not None and each.loop.number in numbers for each in self.heap.unknown_calls):
            return True
        return any(self._carries_in(loop) for loop in self.step_loops)

    def _carries_in(self, loop: Loop) -> bool:
        for place, carried in loop.carried.items():
            after = loop.next[place]
            if carried.key in self.live and after != carried and self.derivatives.is_adjoint(after):
                return True
        stored = {each.sequence.key for each in self.heap.stores if each.loop is loop}
        read = {r.term.args[0].key for r in self.heap.reads if r.loop is loop and r.term.key in self.live}
        return bool(stored & read)


def _place_in_stack(keys: Hashable) -> int:
    """Where a slice of an array that several gates share begins."""
    if isinstance(keys, tuple) and keys and keys[0] == "element":
        return int(keys[1])
    slices = [key for key in keys if isinstance(key, SliceKey)] if isinstance(keys, tuple) else []
    return max((key.begin or 0 for key in slices), default=0)


_STATE_NAME = re.compile(r"prev|state|hidden|^h|^a$|^s_", re.IGNORECASE)
