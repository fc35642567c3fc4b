"""The forward pass: its gates, what their weights multiply, its states, and the derivative of one by
another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from rnnlint.model.activations import activation_of
from rnnlint.model.heap import Binding, Heap, SliceKey, Store
from rnnlint.model.helpers import Computes
from rnnlint.model.sequences import Timeline
from rnnlint.model.steps import Loop
from rnnlint.model.terms import Op, Term, Terms, walk_all
from rnnlint.records import dataclass

MOST_PATHS = 24


@dataclass(frozen=True, slots=True)
class Weighted:
    """``weight`` times ``operand`` inside a pre-activation or an output."""

    weight: Term
    operand: Term


@dataclass(frozen=True, slots=True)
class Gate:
    """``value`` = φ(``preactivation``), a σ-gate, a candidate, or a vanilla hidden state."""

    value: Term
    activation: Computes
    preactivation: Term
    weighted: tuple[Weighted, ...]
    biases: tuple[Term, ...]
    part: Term | None
    """What the pre-activation is a slice of, where several gates share one product."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a derivative: a value, or (``slope_of`` not None) φ′ at ``value`` for ``slope_of`` =
    φ(value)."""

    value: Term
    slope_of: Term | None = None
    sign: int = 1


class ForwardPass:
    """The forward pass of a timeline; without gates, nothing is known of it."""

    def __init__(
        self, terms: Terms, heap: Heap, timeline: Timeline, bindings: int = 0, stores: int = 0
    ) -> None:
        """``bindings`` and ``stores``: how many of the heap's were noted before the backward pass began."""
        self.terms, self.heap, self.timeline = terms, heap, timeline
        self._bindings, self._stores = bindings, stores
        self._dependence: dict[tuple[int, int], bool] = {}
        self._unseen: dict[tuple[int, int], bool] = {}
        self._weighted: dict[int, tuple[Term, Weighted | None]] = {}
        self._holding: dict[int, bool] = {}
        self._paths: dict[tuple[int, int, int], list[tuple[Factor, ...]]] = {}

    @cached_property
    def _values(self) -> tuple[Term, ...]:
        own = self.timeline.joined_loops
        heap = self.heap
        before = _noted(heap.bindings[: self._bindings], heap.stores[: self._stores])
        noted = [value for loop, value in before if loop is None or loop.number in own]
        noted += [value for loop, value in _noted(heap.bindings, heap.stores) if loop and loop.number in own]
        noted += [value for loop in heap.loops if loop.number in own for value in loop.next.values()]
        return tuple(walk_all(noted))

    @cached_property
    def gates(self) -> tuple[Gate, ...]:
        """Every nonlinearity of a weighted sum that holds a state of the step before."""
        found = []
        for term in self._values:
            applied = activation_of(term)
            if applied is None:
                continue
            gate = self._gate(term, *applied)
            if gate is not None:
                found.append(gate)
        return tuple(found)

    def _gate(self, term: Term, activation: Computes, argument: Term) -> Gate | None:
        whole, part = _without_wrapping(argument), None
        if whole.op is Op.PART:
            part = whole = _without_wrapping(whole.args[0])
        weighted, biases = [], []
        for addend in addends(whole):
            product = _without_wrapping(addend)
            if product.op is Op.PRODUCT:
                pair = self.weighted_of(product)
                if pair is None:
                    return None
                weighted.append(pair)
            elif product.op in (Op.SYMBOL, Op.PART, Op.RECALL):
                biases.append(product)
        if not weighted:
            return None
        return Gate(term, activation, argument, tuple(weighted), tuple(biases), part)

    def weighted_of(self, product: Term) -> Weighted | None:
        """A product as weight and operand; None where it is not clear which is which."""
        if id(product) not in self._weighted:  # equal terms may come from different places
            self._weighted[id(product)] = (product, self._as_weighted(product))
        return self._weighted[id(product)][1]

    def _as_weighted(self, product: Term) -> Weighted | None:
        left, right = (_without_wrapping(each) for each in product.args)
        candidates = [(_without_slices(left), right), (_without_slices(right), left)]
        symbols = [pair for pair in candidates if pair[0].op is Op.SYMBOL]
        if len(symbols) == 2:
            symbols = [pair for pair in symbols if _WEIGHT_NAME.match(last_word(pair[0]))] or symbols
        if len(symbols) == 1:
            return Weighted(*symbols[0])
        return None

    @cached_property
    def products(self) -> tuple[Term, ...]:
        """Every matrix product of the forward pass."""
        return tuple(term for term in self._values if term.op is Op.PRODUCT)

    @cached_property
    def outputs(self) -> tuple[Weighted, ...]:
        """Every product of a weight with a value, gates' ones included."""
        pairs = (self.weighted_of(term) for term in self._values if term.op is Op.PRODUCT)
        return tuple(pair for pair in pairs if pair is not None)

    @cached_property
    def states(self) -> tuple[Term, ...]:
        """What a loop carries from step to step and what weights multiply, as values of the step at hand."""
        found: dict[int, Term] = {}
        for loop in self.heap.loops:
            if loop.number in self.timeline.forward_loops:
                for place, value in loop.next.items():
                    if value != loop.carried[place]:
                        found.setdefault(value.key, value)
        for sequence in self.timeline.sequences.values():
            found.setdefault(sequence.value.key, sequence.value)
        for value in self.timeline.step_state.values():
            found.setdefault(value.key, value)
        for binding in self.heap.bindings[: self._bindings]:
            if binding.loop is None and binding.value.op not in (Op.PRODUCT, Op.STACK, Op.FILLED, Op.NUMBER):
                found.setdefault(binding.value.key, binding.value)
        for pair in self.outputs:
            for value, _ in self.pieces(pair.operand):
                found.setdefault(value.key, value)
        return tuple(found.values())

    @cached_property
    def is_recurrent(self) -> bool:
        """Whether a weighted sum of some step rests on a value of the step before."""
        return any(self._rests_on_the_past(pair.operand) for gate in self.gates for pair in gate.weighted)

    def _rests_on_the_past(self, term: Term, deepest: int = 12) -> bool:
        at = self.timeline.at(term)
        if at is not None and at.steps != 0:
            return at.steps < 0
        inside = (at.value if at else term).args
        return deepest > 0 and any(self._rests_on_the_past(each, deepest - 1) for each in inside)

    def pieces(self, term: Term) -> Iterator[tuple[Term, int]]:
        """What is stacked in an operand, or the operand: values of the forward pass, each with its step."""
        at = self.timeline.at(term)
        if at is not None and at.steps != 0:
            yield at.value, at.steps
            return
        value = at.value if at else term
        if value.key in self.timeline.sequences:
            yield self.timeline.sequences[value.key].value, 0
        elif (shifted := self._shifted(value)) is not None:
            yield shifted
        elif value.op in (Op.STACK, Op.TRANSPOSE, Op.TUPLE):
            for each in value.args:
                yield from self.pieces(each)
        else:
            yield value, 0

    def _shifted(self, part: Term) -> tuple[Term, int] | None:
        """``h[1:]`` of a sequence, all steps at once: the value of a step, and how far the slice moves it."""
        sequence = self.timeline.sequences.get(part.args[0].key) if part.op is Op.PART else None
        keys = part.data if isinstance(part.data, tuple) else ()
        slices = [key for key in keys if isinstance(key, SliceKey) and (key.begin, key.end) != (None, None)]
        if sequence is None or len(slices) != 1 or (slices[0].begin or 0) not in range(3):
            return None
        return sequence.value, (slices[0].begin or 0) - sequence.slot

    def multiplied_by(self, weight: Term) -> frozenset[int]:
        """The keys of the values that a weight multiplies, whatever their step."""
        pieces = (piece for operand in self.operands_of(weight) for piece in self.pieces(operand))
        return frozenset(value.key for value, _ in pieces)

    def is_multiplied(self, state: Term) -> bool:
        """Whether weights multiply a state: h, not C."""
        return state.key in self._multiplied

    @cached_property
    def _multiplied(self) -> frozenset[int]:
        return frozenset(value.key for pair in self.outputs for value, _ in self.pieces(pair.operand))

    def holds_its_past(self, state: Term) -> bool:
        """Whether a state is made of itself a step before, as C is: C_t = f ⊙ C_{t−1} + …"""
        if state.key not in self._holding:
            places = (self.timeline.at(term) for term in state.walk())
            self._holding[state.key] = any(
                at is not None and at.steps == -1 and at.value == state for at in places
            )
        return self._holding[state.key]

    def now(self, term: Term) -> Term:
        """``term``, or the value of this step that it reads."""
        at = self.timeline.at(term)
        return at.value if at is not None and at.steps == 0 else term

    def depends(self, term: Term, on: Term) -> bool:
        """Whether ``term`` rests on ``on`` within one step."""
        asked = (term.key, on.key)
        if asked not in self._dependence:
            self._dependence[asked] = False
            here = self.now(term)
            self._dependence[asked] = here == on or any(self.depends(each, on) for each in here.args)
        return self._dependence[asked]

    def gates_of(self, weight: Term) -> tuple[Gate, ...]:
        """The gates whose pre-activation holds ``weight``."""
        return tuple(gate for gate in self.gates if any(pair.weight == weight for pair in gate.weighted))

    def gates_with_bias(self, bias: Term) -> tuple[Gate, ...]:
        """The gates whose pre-activation adds ``bias``."""
        return tuple(gate for gate in self.gates if bias in gate.biases)

    def operands_of(self, weight: Term) -> tuple[Term, ...]:
        """What ``weight`` multiplies."""
        return tuple(dict.fromkeys(pair.operand for pair in self.outputs if pair.weight == weight))

    def paths(self, state: Term, gate: Gate) -> Sequence[tuple[Factor, ...]]:
        """∂state/∂(the gate's pre-activation) within one step: the paths, each as its factors."""
        asked = (state.key, gate.value.key, gate.preactivation.key)
        if asked not in self._paths:
            self._paths[asked] = []
            self._follow(state, gate, (), self._paths[asked])
        return self._paths[asked]

    def _follow(
        self, term: Term, gate: Gate, so_far: tuple[Factor, ...], found: list[tuple[Factor, ...]]
    ) -> None:
        if len(found) >= MOST_PATHS or not self.depends(term, gate.value):
            return
        term = self.now(term)
        if term == gate.value:
            found.append((*so_far, Factor(gate.preactivation, gate.value)))
            return
        applied = activation_of(term)
        if applied is not None:
            self._follow(applied[1], gate, (*so_far, Factor(applied[1], term)), found)
            return
        match term.op, term.args:
            case Op.ADD, (left, right):
                self._follow(left, gate, so_far, found)
                self._follow(right, gate, so_far, found)
            case Op.SUBTRACT, (left, right):
                self._follow(left, gate, so_far, found)
                self._follow(right, gate, (*so_far, Factor(self.terms.number(1), sign=-1)), found)
            case Op.NEGATE, (operand,):
                self._follow(operand, gate, (*so_far, Factor(self.terms.number(1), sign=-1)), found)
            case Op.MULTIPLY, (left, right):
                self._follow(left, gate, (*so_far, Factor(right)), found)
                self._follow(right, gate, (*so_far, Factor(left)), found)
            case Op.DIVIDE, (left, right) if not self.depends(right, gate.value):
                one = self.terms.number(1)
                self._follow(left, gate, (*so_far, Factor(self.terms.make(Op.DIVIDE, one, right))), found)
            case ((Op.TRANSPOSE | Op.SUM), (operand,)):
                self._follow(operand, gate, so_far, found)

    def has_unseen_path(self, state: Term, gate: Gate) -> bool:
        """Whether a state rests on a gate also through an operation whose derivative :meth:`paths` does not
        know: arctan(C), C², a gate in a divisor."""
        asked = (state.key, gate.value.key)
        if asked not in self._unseen:
            self._unseen[asked] = False
            self._unseen[asked] = self._leads_through_unknown(state, gate)
        return self._unseen[asked]

    def _leads_through_unknown(self, term: Term, gate: Gate) -> bool:
        here = self.now(term)
        if here == gate.value or not self.depends(here, gate.value):
            return False
        applied = activation_of(here)
        if applied is not None:
            return self.has_unseen_path(applied[1], gate)
        inside = here.args
        match here.op:
            case Op.DIVIDE if not self.depends(here.args[1], gate.value):
                inside = here.args[:1]
            case Op.DIVIDE | Op.POWER | Op.ELEMENTWISE | Op.APPLY | Op.CHOICE | Op.CALL:
                return True
            case Op.PRODUCT | Op.SUM | Op.STACK | Op.TUPLE | Op.PART:
                return False  # what weights multiply, a loss, a record: its adjoint is none of this state's
        return any(self.has_unseen_path(each, gate) for each in inside)


def _noted(bindings: Sequence[Binding], stores: Sequence[Store]) -> Iterator[tuple[Loop | None, Term]]:
    yield from ((each.loop, each.value) for each in bindings)
    yield from ((each.loop, each.value) for each in stores)


def addends(term: Term) -> Iterator[Term]:
    """The summands of a sum, however it is nested."""
    if term.op is Op.ADD:
        for each in term.args:
            yield from addends(each)
    elif term.op is Op.TRANSPOSE and term.args[0].op is Op.ADD:
        yield from addends(term.args[0])
    else:
        yield term


def pieces(term: Term) -> Iterator[Term]:
    """What is stacked in ``term``, or the term itself."""
    if term.op is Op.STACK:
        for each in term.args:
            yield from pieces(each)
    elif term.op is Op.TRANSPOSE:
        yield from pieces(term.args[0])
    else:
        yield term


def last_word(term: Term) -> str:
    """The last word of a symbol's name: ``Wf`` of ``self.params['Wf']``."""
    words = re.findall(r"\w+", str(term.data))
    return words[-1] if words else ""


_WEIGHT_NAME = re.compile(r"^(W|U|V|w|u|v|weight|kernel|recurrent)", re.ASCII)


def _without_slices(term: Term) -> Term:
    """The array that a slice of a given one is of: ``W[:, :n]`` is W's."""
    inner = term
    while inner.op in (Op.PART, Op.TRANSPOSE):
        inner = inner.args[0]
    return inner if inner.op is Op.SYMBOL else term


def _without_wrapping(term: Term) -> Term:
    while term.op is Op.TRANSPOSE:
        term = term.args[0]
    return term
