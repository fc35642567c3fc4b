"""The backward pass: its loop, its δ's, what it carries from step to step, and what it reads."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from rnnlint.model.derivatives import Derivatives, Discrepancy, Wrong
from rnnlint.model.forward import ForwardPass, Gate, last_word, pieces
from rnnlint.model.heap import Binding, Frame, Heap, Read, SliceKey
from rnnlint.model.helpers import Computes, Contract
from rnnlint.model.program import Definition, Program
from rnnlint.model.sequences import StateSequence, Timeline
from rnnlint.model.steps import Direction, Loop, Where
from rnnlint.model.terms import Op, Term, Terms
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class Delta:
    """What the backward pass takes for the adjoint of ``gate``'s pre-activation, and where it uses it."""

    gate: Gate
    term: Term
    use: Term
    binding: Binding | None = None


@dataclass(frozen=True, slots=True)
class WeightGradient:
    """``delta`` times ``operand``, put into the gradient of ``weight``."""

    weight: Term
    delta: Term
    operand: Term
    binding: Binding


@dataclass(frozen=True, slots=True)
class Misread:
    """Reads of a state sequence that point to another step than their role asks for.

    ``nodes`` are the accesses, ``correction`` what their index lacks, ``role`` the step the role asks for (0:
    this one, −1: the one before)."""

    sequence: StateSequence
    nodes: tuple[tree.Subscript, ...]
    correction: int
    role: int


@dataclass(frozen=True, slots=True)
class WrappedRead:
    """A read of the step before that is, at the first step, of the last one."""

    sequence: StateSequence
    node: tree.Subscript


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
        products = (each for each in term.walk() if each.op is Op.PRODUCT)
        return any(any(self.derivatives.is_adjoint(side) for side in each.args) for each in products)

    @cached_property
    def weight_gradients(self) -> tuple[WeightGradient, ...]:
        """Every product of a δ that goes into a weight's gradient, paired with its weight by name."""
        weights = {stem_of(last_word(pair.weight)): pair.weight for pair in self.forward.outputs}
        found = []
        for binding in self.bindings:
            weight = weights.get(gradient_stem(binding.target) or "")
            if weight is None:
                continue
            for product in _products(binding.value):
                sides = self._sides(product, weight)
                if sides is not None:
                    found.append(WeightGradient(weight, *sides, binding))
        return tuple(found)

    def _sides(self, product: Term, weight: Term) -> tuple[Term, Term] | None:
        """A product in a weight's gradient as δ and operand; None where it is not clear which is which."""
        left, right = (_plain(each) for each in product.args)
        flows = [self.derivatives.is_adjoint(each) for each in (left, right)]
        if flows == [True, False]:
            return left, right
        if flows == [False, True]:
            return right, left
        wanted = self.forward.operands_of(weight)
        same = self.derivatives.same_value
        for delta, operand in ((left, right), (right, left)):
            if any(same(operand, each, timeless=True) for each in wanted):
                return delta, operand
        return None

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
            for gate, term in self._shares(self.forward.gates_of(gradient.weight), gradient.delta):
                yield Delta(gate, term, gradient.delta, gradient.binding)
        biases = {stem_of(last_word(bias)): bias for gate in self.forward.gates for bias in gate.biases}
        for binding in self.bindings:
            bias = biases.get(gradient_stem(binding.target) or "")
            value = _plain(binding.value)
            if bias is not None and value.op is not Op.FILLED and self.derivatives.is_adjoint(value):
                for gate, term in self._shares(self.forward.gates_with_bias(bias), value):
                    yield Delta(gate, term, value, binding)
        for binding in self.bindings:
            for product in (each for each in binding.value.walk() if each.op is Op.PRODUCT):
                pair = self.forward.weighted_of(product)
                if pair is not None and self.derivatives.is_adjoint(pair.operand):
                    for gate, term in self._shares(self.forward.gates_of(pair.weight), pair.operand):
                        yield Delta(gate, term, product, binding)

    def _shares(self, gates: tuple[Gate, ...], delta: Term) -> Iterator[tuple[Gate, Term]]:
        """Whose δ it is: the one gate's, or, stacked, each gate's own piece."""
        if len(gates) == 1 and gates[0].part is None:
            yield gates[0], _plain(delta)
            return
        stack = _plain(delta)
        if not gates or any(gate.part is None or gate.part != gates[0].part for gate in gates):
            return
        if stack.op is not Op.STACK or len(stack.args) != len(gates):
            return
        if isinstance(stack.data, tuple):
            by_place = {_place_in_stack(gate.preactivation.data): gate for gate in gates}
            for keys, piece in zip(stack.data, stack.args, strict=True):
                if _place_in_stack(keys) in by_place:
                    yield by_place[_place_in_stack(keys)], _plain(piece)
        else:
            in_order = sorted(gates, key=lambda gate: _place_in_stack(gate.preactivation.data))
            yield from zip(in_order, map(_plain, stack.args), strict=True)

    # --- derivatives and reads -----------------------------------------------------------------------

    @cached_property
    def discrepancies(self) -> tuple[Discrepancy, ...]:
        """Every factor that is not the forward pass's, each place once."""
        found: dict[tuple[object, ...], Discrepancy] = {}
        if not self._concerns_recurrence:
            return ()
        for delta in self.deltas:
            for discrepancy in self.derivatives.compare(delta.term, delta.gate):
                each = replace(discrepancy, use=delta.use)
                place = tuple(id(term.origin) for term in each.observed) or (delta.gate.value.key,)
                found.setdefault((each.wrong, place, each.read.key if each.read else None), each)
        mixed_up = any(each.wrong in (Wrong.SPURIOUS, Wrong.PARTNER) for each in found.values())
        return tuple(each for each in found.values() if not (mixed_up and each.wrong is Wrong.NODE))

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

    @cached_property
    def incomplete_carries(self) -> tuple[IncompleteCarry, ...]:
        """Carries of h that come back through some of the weights that multiply h, and not through all."""
        hidden = [loop for loop in self.step_loops if loop.carried]
        found = []
        for loop in hidden:
            for place, carried in loop.carried.items():
                missing = self._missing_weights(loop.next[place]) if carried.key in self._live else ()
                found += self._incomplete_carry(loop, place, missing) if missing else []
        return tuple(found)

    def _incomplete_carry(self, loop: Loop, place: str, missing: tuple[Term, ...]) -> list[IncompleteCarry]:
        binding = next((b for b in reversed(self.bindings) if b.place == place and b.loop is loop), None)
        if binding is None:
            return []
        origin = _whole(loop.next[place]).origin
        summed = (
            self.module.statement_of(origin) if origin is not None and self.module.holds(origin) else None
        )
        where = summed if summed is not None else binding.statement
        return [IncompleteCarry(binding, where, missing)] if self.module.holds(where) else []

    def _missing_weights(self, carry: Term) -> tuple[Term, ...]:
        monomials = self.derivatives.monomials(_whole(carry)) or ()
        products = [each.root for each in monomials if each.root.op is Op.PRODUCT]
        pairs = [self.forward.weighted_of(each) for each in products]
        if None in pairs:
            return ()
        seen = {pair.weight for pair in pairs if pair is not None}
        past = [
            pair.weight
            for gate in self.forward.gates
            for pair in gate.weighted
            for value, steps in self.forward.pieces(pair.operand)
            if steps == -1 and self.forward.is_multiplied(value)
        ]
        if not seen & set(past):
            return ()
        cut = {weight for weight in seen if self._is_cut(weight, products)}
        return tuple(weight for weight in dict.fromkeys(past) if weight not in seen - cut)

    def _is_cut(self, weight: Term, products: list[Term]) -> bool:
        """Whether only some of the gates that share a weight come back through it."""
        gates = self.forward.gates_of(weight)
        operands = [p.operand for gate in gates for p in gate.weighted if p.weight == weight]
        if any(gate.part is None for gate in gates) or any(
            len(list(self.forward.pieces(o))) != 1 for o in operands
        ):
            return False
        sides = [_plain(side) for product in products for side in product.args]
        slices = [side for side in sides if side.op is Op.PART and _plain(side.args[0]) == weight]
        keys = [key for part in slices if isinstance(part.data, tuple) for key in part.data]
        ends = [key.end for key in keys if isinstance(key, SliceKey) and (key.begin, key.end) != (None, None)]
        return len(slices) == 1 == len(ends) and ends[0] is not None

    @cached_property
    def misreads(self) -> tuple[Misread, ...]:
        """The reads of another step than their role asks for, those of one sequence and one role together."""
        found: dict[tuple[int, int, int], list[Term]] = {}
        for each in self.discrepancies:
            if each.wrong is Wrong.STEP and each.read is not None and each.read.op is Op.RECALL:
                found.setdefault((each.read.args[0].key, each.steps, each.expected_steps), []).append(
                    each.read
                )
        for read, correction, role in self._misread_operands():
            found.setdefault((read.args[0].key, correction, role), []).append(read)
        misreads = []
        for (_, correction, role), reads in found.items():
            sequence = self.timeline.sequence_of(reads[0])
            nodes = self._accesses(reads)
            if sequence is not None and nodes:
                misreads.append(Misread(sequence, nodes, correction, role))
        return tuple(misreads)

    def _misread_operands(self) -> Iterator[tuple[Term, int, int]]:
        """Reads in a weight's gradient that should be what the weight multiplied, and are of another step."""
        for gradient in self.weight_gradients:
            wanted = self.forward.operands_of(gradient.weight)
            if any(self._same_operand(gradient.operand, each) for each in wanted):
                continue
            for each in wanted:
                yield from self._step_between(gradient.operand, each)

    def _same_operand(self, operand: Term, wanted: Term) -> bool:
        if self.derivatives.same_value(operand, wanted):
            return True
        mine, theirs = list(self.forward.pieces(operand)), list(self.forward.pieces(wanted))
        return mine == theirs

    def _step_between(self, operand: Term, wanted: Term) -> Iterator[tuple[Term, int, int]]:
        mine, theirs = list(pieces(operand)), list(self.forward.pieces(wanted))
        if len(mine) != len(theirs):
            return
        for seen, (value, role) in zip(mine, theirs, strict=True):
            at = self.timeline.at(seen)
            if seen.op is Op.RECALL and at and at.value == value and at.steps != role:
                yield seen, role - at.steps, role

    def _accesses(self, reads: list[Term]) -> tuple[tree.Subscript, ...]:
        """The places in this file where those reads stand in what flows into a gradient."""
        found: dict[int, tree.Subscript] = {}
        for each in reads:
            if isinstance(each.origin, tree.Subscript) and self.module.holds(each.origin):
                found.setdefault(id(each.origin), each.origin)
        return tuple(sorted(found.values(), key=lambda node: self.module.span(node)))

    @cached_property
    def wrapped_reads(self) -> tuple[WrappedRead, ...]:
        """Live reads of the step before that are the last step's where there is no step before."""
        found: dict[int, WrappedRead] = {}
        live = {term.key for delta in self.deltas for term in delta.term.walk()}
        live |= {term.key for gradient in self.weight_gradients for term in gradient.operand.walk()}
        misread = {id(node) for each in self.misreads for node in each.nodes}
        for read in self.heap.reads:
            if (
                read.term.key not in live
                or id(read.node) in misread
                or not isinstance(read.node, tree.Subscript)
            ):
                continue
            sequence, offset = self.timeline.sequence_of(read.term), self.timeline.offset(read.term)
            if sequence is None or offset is None or offset.from_end or not self.module.holds(read.node):
                continue
            skipped = read.loop.skipped if read.loop is not None else 0
            if sequence.wraps_at(offset.steps + skipped) and not self._is_guarded(read, offset.forward):
                found.setdefault(id(read.node), WrappedRead(sequence, read.node))
        return tuple(found.values())

    @cached_property
    def shaped_by_initial_state(self) -> tuple[WrappedRead, ...]:
        """Reads of an initial state that give a carry its shape."""
        found = []
        for binding in self.bindings:
            zeros = binding.value
            if zeros.op is not Op.FILLED or not zeros.args or binding.loop is not None:
                continue
            (shape, *_) = zeros.args
            node = shape.origin
            if shape.op is Op.RECALL and isinstance(node, tree.Subscript) and self.module.holds(node):
                sequence = self.timeline.sequence_of(shape)
                if sequence is not None and sequence.initial_store is not None and shape.args[1].data == 0:
                    found.append(WrappedRead(sequence, node))
        return tuple(found)

    def _is_guarded(self, read: Read, forward: bool) -> bool:
        first = Where.LOWEST if forward else Where.HIGHEST
        for guard in read.guards:
            holds = guard.loop.holds_at(guard.condition, first) if guard.loop else None
            if holds is None or holds is not guard.holds:
                return True
        return False

    # --- what is carried -----------------------------------------------------------------------------

    @cached_property
    def step_loops(self) -> tuple[Loop, ...]:
        """The loops over the steps: those in which a gate's δ is used."""
        found = {
            each.binding.loop.number: each.binding.loop
            for each in self.deltas
            if each.binding and each.binding.loop
        }
        return tuple(found.values())

    @cached_property
    def carried_adjoints(self) -> tuple[tuple[Loop, str], ...]:
        """The places by which an adjoint flows from one round of a loop over the steps to the next."""
        return tuple(
            (loop, place)
            for loop in self.step_loops
            for place, carried in loop.carried.items()
            if carried.key in self._live
            and loop.next[place] != carried
            and self.derivatives.is_adjoint(loop.next[place])
        )

    @cached_property
    def unclean_starts(self) -> tuple[tuple[str, Term], ...]:
        """Carries that begin as ones or random numbers: the place and what it begins as."""
        found = []
        for loop, place in self.carried_adjoints:
            initial = loop.initial[place]
            kind = initial.data[0] if initial.op is Op.FILLED and isinstance(initial.data, tuple) else None
            if (
                kind in ("ones", "random")
                and initial.origin is not None
                and self.module.holds(initial.origin)
            ):
                found.append((place_name(place), initial))
        return tuple(found)

    @cached_property
    def forward_walks(self) -> tuple[Loop, ...]:
        """Loops that carry an adjoint and whose steps go forward in time."""
        return tuple(
            loop
            for loop in dict.fromkeys(loop for loop, _ in self.carried_adjoints)
            if loop.direction is Direction.UP and self._reads_in_order(loop)
        )

    def _reads_in_order(self, loop: Loop) -> bool:
        reads = [each.term for each in self.heap.reads if each.loop is loop and each.term.key in self._live]
        offsets = [
            self.timeline.offset(each) for each in reads if self.timeline.sequence_of(each) is not None
        ]
        return bool(offsets) and all(
            each is not None and each.forward and not each.from_end for each in offsets
        )

    @cached_property
    def stale_values(self) -> tuple[tree.Name, ...]:
        """Variables that a backward loop reads as a step's values and that the forward loop left behind."""
        left: dict[str, Term] = {}
        for binding in self.heap.bindings:
            if binding.loop is not None and binding.loop.number in self.timeline.forward_loops:
                left[binding.place] = binding.value
        factors = [
            factor
            for delta in self.deltas
            for monomial in self.derivatives.monomials(delta.term) or ()
            for factor in monomial.factors
        ]
        factors += [gradient.operand for gradient in self.weight_gradients]
        stale = {
            term.args[0].key
            for factor in factors
            for term in factor.walk()
            if term.op is Op.LAST and term.data in self.timeline.forward_loops
        }
        names = {place_name(place) for place, value in left.items() if value.key in stale}
        found: dict[str, tree.Name] = {}
        for loop in self.step_loops:
            for node in (inner for statement in loop.statement.body for inner in statement.walk()):
                if isinstance(node, tree.Name) and node.id in names and self.module.holds(node):
                    found.setdefault(node.id, node)
        return tuple(found.values())

    @cached_property
    def wrong_carry_slices(self) -> tuple[tree.Expression, ...]:
        """Slices that take the inputs' part of dz for the carry of h."""
        found = []
        for loop, place in self.carried_adjoints:
            carry = loop.next[place]
            keys = carry.data if carry.op is Op.PART and isinstance(carry.data, tuple) else ()
            cuts = [k for k in keys if isinstance(k, SliceKey) and (k.begin, k.end) != (None, None)]
            first = self._is_first_in_stack(_whole(carry))
            if len(cuts) != 1 or first is None or carry.origin is None or not self.module.holds(carry.origin):
                continue
            takes_first = not cuts[0].begin and cuts[0].end is not None
            takes_last = bool(cuts[0].begin) and cuts[0].end is None
            if (takes_last and first) or (takes_first and not first):
                found.append(carry.origin)
        return tuple(found)

    def _is_first_in_stack(self, dz: Term) -> bool | None:
        """Whether h stands first in what the weights of ``dz`` multiply; None where it is no stack of two."""
        answers: set[bool] = set()
        for monomial in self.derivatives.monomials(dz) or ():
            pair = self.forward.weighted_of(monomial.root) if monomial.root.op is Op.PRODUCT else None
            if pair is None:
                return None
            for operand in self.forward.operands_of(pair.weight):
                steps = [steps for _, steps in self.forward.pieces(operand)]
                if len(steps) != 2 or sorted(steps) != [-1, 0]:
                    return None
                answers.add(steps[0] == -1)
        return answers.pop() if len(answers) == 1 else None

    @cached_property
    def rebound_sequences(self) -> tuple[tuple[tree.Assign, str], ...]:
        """Assignments in a loop over the steps that put one step's result in the place of what is indexed."""
        found = []
        for loop in self.heap.loops:
            statement = loop.statement
            if not isinstance(statement, tree.For) or loop.number in self.timeline.forward_loops:
                continue
            counters = {each.id for each in statement.target.walk() if isinstance(each, tree.Name)}
            for node in statement.body:
                if isinstance(node, tree.Assign) and self.module.holds(node):
                    name = _rebinds(node, counters)
                    earlier = statement.body[: statement.body.index(node)]
                    if name is not None and not any(_assigns(each, name) for each in earlier):
                        found.append((node, name))
        return tuple(dict.fromkeys(found))

    @cached_property
    def skipping_loops(self) -> tuple[tuple[Loop, int], ...]:
        """Loops over the steps that leave out the first ones, and how many, where the forward pass takes
        all."""
        forward = [s.loop for s in self.timeline.sequences.values() if s.loop is not None]
        if not forward or any(loop.skipped for loop in forward):
            return ()
        return tuple((loop, loop.skipped) for loop in self.step_loops if loop.skipped)

    @cached_property
    def incomplete_cell(self) -> IncompleteCell | None:
        """The adjoint of the cell state without a part of it; None where it is whole or nothing is known."""
        cells = [each for each in self.forward.states if self._is_cell(each)]
        if len(cells) != 1 or not self.carried_adjoints or len(self.step_loops) != 1:
            return None
        (cell,) = cells
        below = [
            d for d in self.deltas if self.forward.paths(cell, d.gate) and not self._is_output(d.gate, cell)
        ]
        roots: dict[int, Term] = {}
        for delta in below:
            for each in self.derivatives.monomials(delta.term) or ():
                roots.setdefault(each.root.key, each.root)
        kinds = {
            self.derivatives.is_of(root, cell, [(d.term, d.gate) for d in below]) for root in roots.values()
        }
        if len(below) < 2 or None in kinds or len(kinds) == 2:
            return None
        shared = [
            binding
            for binding in self.bindings
            if all(any(term == binding.value for term in d.term.walk()) for d in below)
            and self.derivatives.is_adjoint(binding.value)
            and self.module.holds(binding.statement)
        ]
        return IncompleteCell(shared[-1], lacks_carry=kinds == {False}) if shared and kinds else None

    def _is_cell(self, state: Term) -> bool:
        """A state that is carried on by itself and that no weight multiplies."""
        carried = any(
            loop.number in self.timeline.forward_loops and state in loop.next.values()
            for loop in self.heap.loops
        )
        stored = any(s.value == state for s in self.timeline.sequences.values()) and self._holds_its_past(
            state
        )
        return (carried or stored) and self._holds_its_past(state) and not self.forward.is_multiplied(state)

    def _holds_its_past(self, state: Term) -> bool:
        return any(
            (at := self.timeline.at(t)) is not None and at.steps == -1 and at.value == state
            for t in state.walk()
        )

    def _is_output(self, gate: Gate, cell: Term) -> bool:
        return not self.forward.depends(cell, gate.value)

    @cached_property
    def spurious_output_factors(self) -> tuple[tree.Expression, ...]:
        """Factors on ŷ − y of a softmax whose loss is a logarithm's: together they have none."""
        if not any("log(" in each.text for each in self.program.project.files.values()):
            return ()
        found: dict[int, tree.Expression] = {}
        for gradient in self.weight_gradients:
            delta = _plain(gradient.delta)
            while delta.op is Op.DIVIDE:
                delta = _plain(delta.args[0])
            if self.forward.gates_of(gradient.weight) or delta.op is not Op.MULTIPLY:
                continue
            for difference, factor in (delta.args, delta.args[::-1]):
                node = factor.origin
                is_difference = difference.op is Op.SUBTRACT and self._is_softmax(difference.args[0])
                if (
                    is_difference
                    and self._holds_softmax(factor)
                    and node is not None
                    and self.module.holds(node)
                ):
                    found.setdefault(id(node), node)
        return tuple(found.values())

    def _holds_softmax(self, term: Term) -> bool:
        return any(self._is_softmax(each) for each in term.walk())

    def _is_softmax(self, term: Term) -> bool:
        value = self.derivatives.resolved(term)
        if value.op is Op.RECALL:  # a step of what was computed for all steps at once
            value = value.args[0]
        if value.op is Op.APPLY and isinstance(value.data, Contract):
            return value.data.computes is Computes.SOFTMAX
        if value.op is not Op.DIVIDE or value.args[1].op is not Op.SUM:
            return False
        return value.args[0] == value.args[1].args[0] and any(t.data == "exp" for t in value.args[0].walk())

    @cached_property
    def _live(self) -> frozenset[int]:
        """The keys of everything that the gates' δ's are made of."""
        return frozenset(term.key for delta in self.deltas for term in delta.term.walk())

    @property
    def carries(self) -> bool:
        """Whether any adjoint may flow from one step of a loop to the next; True where that is not seen."""
        numbers = {loop.number for loop in self.step_loops}
        if any(loop is not None and loop.number in numbers for _, loop in self.heap.unknown_calls):
            return True
        return any(self._carries_in(loop) for loop in self.step_loops)

    def _carries_in(self, loop: Loop) -> bool:
        for place, carried in loop.carried.items():
            after = loop.next[place]
            if carried.key in self._live and after != carried and self.derivatives.is_adjoint(after):
                return True
        stored = {each.sequence.key for each in self.heap.stores if each.loop is loop}
        read = {r.term.args[0].key for r in self.heap.reads if r.loop is loop and r.term.key in self._live}
        return bool(stored & read)

    @cached_property
    def dropped_carry(self) -> DroppedCarry | None:
        """What should flow back through time and does not; None where it does, or where that is not known."""
        if not self.forward.is_recurrent or len(self.step_loops) != 1 or self.carries:
            return None
        (loop,) = self.step_loops
        pairs = [(delta.term, delta.gate) for delta in self.deltas]
        roots = {m.root.key for delta in self.deltas for m in self.derivatives.monomials(delta.term) or ()}
        zeros = [
            each
            for each in self.bindings
            if each.value.op is Op.FILLED
            and each.value.key in roots
            and not each.added
            and each.loop is not loop
            and isinstance(each.target, tree.Name)
        ]
        idle = tuple(self._idle(loop))
        carries = []
        for zero in dict.fromkeys(zeros):
            state = self.derivatives.state_of(zero.value, pairs)
            carries.append(ZeroCarry(zero, state is not None and self.forward.is_multiplied(state)))
        return DroppedCarry(loop, tuple(carries), idle)

    def _is_by_weights(self, adjoint: Term) -> bool:
        monomials = self.derivatives.monomials(adjoint) or ()
        return bool(monomials) and all(each.root.op is Op.PRODUCT and not each.factors for each in monomials)

    def _idle(self, loop: Loop) -> Iterator[IdleAdjoint]:
        """Adjoints that the loop computes into a variable and never uses."""
        inside = [node for statement in loop.statement.body for node in statement.walk()]
        for binding in self.bindings:
            if binding.loop is not loop or binding.added or not isinstance(binding.target, tree.Name):
                continue
            name, targets = binding.target.id, id(binding.target)
            used = any(isinstance(n, tree.Name) and n.id == name and id(n) != targets for n in inside)
            if (
                not used
                and any(binding.target is node for node in inside)
                and self.module.holds(binding.statement)
                and self.derivatives.is_adjoint(binding.value)
            ):
                yield IdleAdjoint(binding, self._is_by_weights(_whole(binding.value)))


@dataclass(frozen=True, slots=True)
class IncompleteCell:
    """dC without dC_next (``lacks_carry``), or without what comes from h."""

    binding: Binding
    lacks_carry: bool


@dataclass(frozen=True, slots=True)
class IncompleteCarry:
    """A carry of h without the products with ``missing``, weights that multiply h in the forward pass.

    ``place`` is the statement that sums it up.
    """

    binding: Binding
    place: tree.Statement
    missing: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class IdleAdjoint:
    """An adjoint computed and forgotten; ``by_weights``: a sum of products with weights, as that of h is."""

    binding: Binding
    by_weights: bool


@dataclass(frozen=True, slots=True)
class ZeroCarry:
    """A carry that stays what it was set to before the loop; ``of_hidden``: that of h, else that of C."""

    binding: Binding
    of_hidden: bool

    @property
    def name(self) -> str:
        """The variable."""
        return place_name(self.binding.place)


@dataclass(frozen=True, slots=True)
class DroppedCarry:
    """No adjoint flows from step t+1 to t: the variables that should carry, and the adjoints left idle."""

    loop: Loop
    carries: tuple[ZeroCarry, ...]
    idle: tuple[IdleAdjoint, ...]

    @property
    def repairs(self) -> tuple[tuple[str, str], ...]:
        """Carry and the idle variable it should take, where each carry has exactly one; else nothing."""
        found = []
        for carry in self.carries:
            fitting = [each for each in self.idle if each.by_weights == carry.of_hidden]
            if len(fitting) != 1:
                return ()
            found.append((carry.name, place_name(fitting[0].binding.place)))
        return tuple(found)


def _place_in_stack(keys: Hashable) -> int:
    """Where a slice of an array that several gates share begins."""
    if isinstance(keys, tuple) and keys and keys[0] == "element":
        return int(keys[1])
    slices = [key for key in keys if isinstance(key, SliceKey)] if isinstance(keys, tuple) else []
    return max((key.begin or 0 for key in slices), default=0)


def _rebinds(node: tree.Assign, counters: set[str]) -> str | None:
    """The name that ``out = f(out[t])`` takes its entry from and puts the result into."""
    match node.targets:
        case (tree.Name(id=name),):
            for inner in node.value.walk():
                match inner:
                    case tree.Subscript(value=tree.Name(id=indexed), indices=(tree.Name(id=index),)):
                        if indexed == name and index in counters:
                            return name
    return None


def _assigns(statement: tree.Statement, name: str) -> bool:
    targets = [t for n in statement.walk() if isinstance(n, tree.Assign) for t in n.targets]
    return any(
        isinstance(each, tree.Name) and each.id == name for target in targets for each in target.walk()
    )


def _whole(term: Term) -> Term:
    while term.op is Op.PART:
        term = term.args[0]
    return term


def _products(term: Term) -> Iterator[Term]:
    """The products that are summands of ``term``."""
    match term.op, term.args:
        case Op.PRODUCT, _:
            yield term
        case ((Op.ADD | Op.SUBTRACT), (left, right)):
            yield from _products(left)
            yield from _products(right)
        case ((Op.TRANSPOSE | Op.SUM | Op.NEGATE | Op.LAST), (operand,)):
            yield from _products(operand)
        case Op.DIVIDE, (operand, _):
            yield from _products(operand)
        case Op.MULTIPLY, (left, right):
            yield from _products(left)
            yield from _products(right)


def _plain(term: Term) -> Term:
    while term.op in (Op.TRANSPOSE, Op.SUM, Op.NEGATE):
        term = term.args[0]
    return term


def place_name(place: str) -> str:
    """The last word of a place: ``dWf`` of ``local dWf``, ``self.dWf``, ``grads['dWf']``."""
    words = re.findall(r"\w+", place)
    return words[-1] if words else ""


def gradient_stem(target: tree.Expression) -> str | None:
    """The stem of the parameter whose gradient a target holds (``dWf``, ``grads["Wf"]``), or None."""
    match target:
        case tree.Name(id=name) | tree.Attribute(attr=name):
            return stem_of_gradient(name)
        case tree.Subscript(value=value, indices=(tree.Constant(value=str() as key),)):
            base = (
                value.id
                if isinstance(value, tree.Name)
                else value.attr
                if isinstance(value, tree.Attribute)
                else ""
            )
            return stem_of_gradient(key) or (stem_of(key) if _GRADIENTS.search(base) else None)
    return None


def stem_of(name: str) -> str:
    """A parameter's name without what people vary: ``W_f`` and ``Wf`` are ``wf``."""
    return name.replace("_", "").lower()


_GRADIENTS = re.compile(r"^d$|grad|delta|^d_?(params|weights|p|w)", re.IGNORECASE)
_STATE_NAME = re.compile(r"prev|state|hidden|^h|^a$|^s_", re.IGNORECASE)
_GRADIENT = re.compile(
    r"^(?:_?(?:gradients?|grads?|delta|del|dL_?d|dl_?d|nabla|d)_?(?P<after>.+)"
    r"|(?P<before>.+?)_?(?:_d|_grad|grad|_delta|_gradient))$"
)


def stem_of_gradient(name: str) -> str | None:
    """The stem of the parameter whose gradient a name says it is (``dWf``, ``W_f_d``), or None."""
    match = _GRADIENT.match(name)
    if not match:
        return None
    return stem_of((match["after"] or match["before"]).removeprefix("_"))
