"""State sequences: which value of the forward pass stands at which index, and where the initial state is."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property

from rnnlint.model.activations import activation_of
from rnnlint.model.heap import Heap, Store
from rnnlint.model.steps import Affine, Direction, Loop, Offset, affine
from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class StateSequence:
    """A list, dict or array that a loop over the steps fills: step s's ``value`` stands at index s +
    ``slot``.

    ``kind`` is ``list``, ``dict``, ``array`` or ``unknown``. ``initial`` holds what was stored outside the
    loop, in order; ``loop`` is None where a caller takes the steps, one call each. ``goes_on``: something
    was appended after the last step."""

    base: Term
    kind: str
    value: Term
    slot: int
    loop: Loop | None
    store: Store
    initial: tuple[Store, ...]
    goes_on: bool = False

    @property
    def direction(self) -> int:
        """−1 where the steps were taken from the last index to the first: the state before is at t + 1."""
        return -1 if self.loop is not None and self.loop.direction is Direction.DOWN else 1

    @property
    def initial_store(self) -> Store | None:
        """Where the initial state was put in front of the steps."""
        return self.initial[0] if self.slot > 0 and self.initial else None

    @property
    def ends_with_the_last_step(self) -> bool:
        """Whether its last entry is, for certain, the last step's: a list's, a fitting array's."""
        if self.kind == "list":
            return not self.goes_on
        return self.kind == "array" and has_entries(self.base, self.loop, self.slot)

    def wraps_at(self, index: int) -> bool:
        """Whether the negative ``index`` is, for certain, a last step's value and no initial state."""
        fits = self.kind == "array" and self.slot == 0 and has_entries(self.base, self.loop, 0)
        return (self.kind == "list" or fits) and index < 0 and not self.initial and not self.goes_on


def has_entries(array: Term, loop: Loop | None, spare: int) -> bool:
    """Whether an array has, along one axis, as many entries as a loop has steps, and ``spare`` more."""
    if loop is None or loop.count is None or array.op is not Op.FILLED or not array.args:
        return False
    shape = array.args[0]
    while shape.op is Op.FILLED and shape.args:
        shape = shape.args[0]  # zeros_like another one
    sizes = shape.args if shape.op is Op.TUPLE else (shape,)
    return any(affine(size) == loop.count + Affine(spare) for size in sizes)


@dataclass(frozen=True, slots=True)
class At:
    """The forward pass's ``value``, ``steps`` after (negative: before) the step at hand."""

    value: Term
    steps: int


@dataclass(frozen=True, slots=True)
class OfAStep:
    """A value of one step; ``loop``: the one that put it into a sequence, None where it is in none."""

    value: Term
    loop: Loop | None = None


class Timeline:
    """Finds, for a term of a pass, the value of the forward pass that it stands for."""

    def __init__(self, heap: Heap, step_state: dict[int, Term], lists: frozenset[str] = frozenset()) -> None:
        """``step_state``: for a step that a caller repeats, what an attribute read at its start becomes at
        its end.

        ``lists``: the attributes that begin as empty lists wherever they are set.
        """
        self.lists = lists
        self.heap = heap
        self.step_state = step_state
        self._loops = {loop.variable.key: loop for loop in heap.loops if loop.variable is not None}
        self._numbered = {loop.number: loop for loop in heap.loops}
        self._known: dict[int, At | None] = {}
        self._unstored: set[int] = set()

    @cached_property
    def sequences(self) -> dict[int, StateSequence]:
        """The sequences that are filled step by step, by the key of the term they are read through."""
        in_order = ((k, each) for k, each in self._stores.items() if k not in self.heap.rearranged)
        found = ((key, _sequence(each, self.lists)) for key, each in in_order)
        return {key: each for key, each in found if each and self._is_of_forward(each)}

    def _is_of_forward(self, sequence: StateSequence) -> bool:
        return sequence.loop is None or sequence.loop.number in self.forward_loops

    def loop_of(self, index: Term) -> Loop | None:
        """The loop whose variable an index moves with."""
        loops = [self._loops[term.key] for term in index.walk() if term.key in self._loops]
        return loops[0] if len(loops) == 1 else None

    def offset(self, recall: Term) -> Offset | None:
        """Where a read points, seen from the step."""
        index = recall.args[1]
        loop, form = self.loop_of(index), affine(index)
        return loop.steps_from(form) if loop and form else None

    def of_a_step(self, term: Term) -> OfAStep | None:
        """What one step put into a sequence that a loop fills, whole, cut, turned or joined; other terms as
        they are. None for an array that is filled, or made into another, in a way that is not seen."""
        base = term
        while base.op in (Op.PART, Op.TRANSPOSE, Op.SUM) or (base.op is Op.STACK and len(base.args) == 1):
            base = base.args[0]
        if base.key not in self._stores:
            return None if base.has(self._is_stored, self._unstored, not_in=Op.RECALL) else OfAStep(term)
        (store, *others) = self._stores[base.key]
        unseen = others or store.loop is None or store.added or base.key in self.heap.rearranged
        return None if unseen else OfAStep(store.value, store.loop)

    def kept_by_another_loop(self, recall: Term) -> Term | None:
        """What one loop put into a sequence that another one reads step by step; None elsewhere."""
        stores, reading = self._stores.get(recall.args[0].key, ()), self.loop_of(recall.args[1])
        if len(stores) != 1 or stores[0].added or stores[0].loop in (None, reading) or reading is None:
            return None
        return stores[0].value

    @cached_property
    def _stores(self) -> dict[int, list[Store]]:
        """What was put into sequences, by the key of the sequence."""
        stores: dict[int, list[Store]] = {}
        for store in self.heap.stores:
            stores.setdefault(store.sequence.key, []).append(store)
        return stores

    def _is_stored(self, term: Term) -> bool:
        return term.key in self._stores

    def sequence_of(self, recall: Term) -> StateSequence | None:
        """The state sequence that a read is of."""
        return self.sequences.get(recall.args[0].key)

    def record_of(self, read: Term) -> Term | None:
        """The entry of a sequence that ``read`` takes one value out of: ``caches[t]`` of ``caches[t][2]``."""
        container = read
        while container.op is Op.RECALL or (container.op is Op.PART and isinstance(container.data, tuple)):
            container = container.args[0]
            if container.op is Op.RECALL and self.sequence_of(container) is not None:
                return container
        return None

    def after(self, carried: Term) -> Term | None:
        """What a carried value becomes when the step ends."""
        if carried.op is not Op.CARRIED or not isinstance(carried.data, tuple):
            return None
        number, place = carried.data
        loop = self._numbered.get(number)
        return loop.next.get(place) if loop is not None else None

    @cached_property
    def takes_a_nonlinearity(self) -> bool:
        """Whether a nonlinearity of a matrix product is taken anywhere."""
        values = [each.value for each in self.heap.bindings] + [each.value for each in self.heap.stores]
        without: set[int] = set()
        return any(value.has(_is_nonlinearity, without) for value in values)

    @cached_property
    def forward_loops(self) -> frozenset[int]:
        """The loops in whose body a nonlinearity of a matrix product is taken: those of the forward pass."""
        noted = [(each.loop, each.value) for each in self.heap.bindings]
        noted += [(each.loop, each.value) for each in self.heap.stores]
        found: set[int] = set()
        without: set[int] = set()
        for loop, value in noted:
            if loop is None or loop.number in found:
                continue
            if value.has(_is_nonlinearity, without, not_in=Op.LAST):  # what a loop left behind is not its own
                found.add(loop.number)
        return frozenset(found)

    @cached_property
    def joined_loops(self) -> frozenset[int]:
        """The forward loops whose states a loop of the backward pass reads step by step; all, where none is.

        A run that also predicts or samples holds the same gates twice."""
        read = set()
        for each in self.heap.reads:
            moving = self.loop_of(each.term.args[1])
            sequence = self.sequences.get(each.term.args[0].key)
            if sequence and sequence.loop and moving and moving.number not in self.forward_loops:
                read.add(sequence.loop.number)
        return frozenset(read) or self.forward_loops

    def at(self, term: Term) -> At | None:
        """What ``term`` stands for, where it names a value of the forward pass: a read, a carried value.

        A step that reads the very place that it fills reads what was there before, and that is not known.
        """
        if term.key not in self._known:
            found = self._at(term)
            is_its_own = found is not None and found.steps == 0 and term in found.value.walk()
            self._known[term.key] = None if is_its_own else found
        return self._known[term.key]

    def _at(self, term: Term) -> At | None:
        steps, seen = 0, 0
        while seen < 6:
            seen += 1
            moved = self._one(term)
            if moved is None:
                return At(term, steps) if seen > 1 else None
            term, steps = moved.value, steps + moved.steps
        return None

    def _one(self, term: Term) -> At | None:
        if term.op is Op.RECALL:
            sequence, offset = self.sequence_of(term), self.offset(term)
            if sequence and offset and not offset.from_end:
                return At(sequence.value, sequence.direction * (offset.steps - sequence.slot))
            if sequence and offset and sequence.ends_with_the_last_step:
                return At(sequence.value, offset.steps)
            back = term.args[1].data
            if sequence and sequence.store.index is None and isinstance(back, int) and back < 0:
                newest_is_before = term in tuple(sequence.value.walk())
                return At(sequence.value, back) if newest_is_before else None
            return self._element(term.args[0], term.args[1].data) if term.args[1].op is Op.NUMBER else None
        if term.op is Op.PART and isinstance(term.data, tuple) and term.data[:1] == ("element",):
            return self._element(term.args[0], term.data[1])
        if term.op is Op.CARRIED and isinstance(term.data, tuple):
            number, place = term.data
            loop = self._numbered.get(number)
            if loop is not None and number in self.forward_loops and place in loop.next:
                after = loop.next[place]
                return At(after, -1) if after != term else None
        if term.key in self.step_state:
            return At(self.step_state[term.key], -1)
        return None

    def _element(self, container: Term, key: Hashable) -> At | None:
        """What a tuple or dict that a step kept holds under ``key``, or a stack that is split again."""
        if container.op is Op.CALL and container.data == "split":
            stacked = self.at(container.args[0])
            parts = stacked.value.args if stacked and stacked.value.op is Op.STACK else ()
            held = parts[key] if isinstance(key, int) and 0 <= key < len(parts) else None
            return At(held, stacked.steps) if held is not None and stacked is not None else None
        at = self.at(container)
        if at is None:
            return None
        if (
            at.value.op is Op.TUPLE
            and isinstance(key, int)
            and -len(at.value.args) <= key < len(at.value.args)
        ):
            return At(at.value.args[key], at.steps)
        held = self.heap.places.get(f"<{at.value.key}>[{key!r}]")
        return At(held, at.steps) if held is not None else None


def _is_nonlinearity(term: Term) -> bool:
    """Whether it is one of a matrix product."""
    applied = activation_of(term)
    return applied is not None and applied[1].holds(Op.PRODUCT)


def _sequence(stores: list[Store], lists: frozenset[str]) -> StateSequence | None:
    stepwise = [each for each in stores if each.loop is not None and not each.added and _moves(each)]
    if not stepwise:  # one append in a step that somebody calls again and again
        stepwise = [each for each in stores if each.index is None and each.loop is None]
        if len(stores) != 1:
            return None
    if len(stepwise) != 1 or stepwise[0].front:
        return None
    (store,) = stepwise
    position = stores.index(store)
    behind = [each for each in stores[position + 1 :] if each.index is None and not each.front]
    initial = tuple(each for each in stores if each is not store and each not in behind)
    if store.index is None and store.loop is not None and store.loop.direction is Direction.DOWN:
        return None  # the first entry is the last step's
    if store.index is None and store.sequence.op is Op.CALL:
        return None  # deque([h]): what it holds before the first step is not seen
    if store.loop is None or store.index is None:
        slot = len(initial) if store.loop else 0
        if any(each.index is not None or each.front for each in initial):
            return None
    else:
        form = affine(store.index)
        offset = store.loop.steps_from(form) if form else None
        if offset is None or not offset.forward:
            return None
        slot = offset.steps
    kind = _kind(store.sequence, lists)
    return StateSequence(store.sequence, kind, store.value, slot, store.loop, store, initial, bool(behind))


def _moves(store: Store) -> bool:
    if store.index is None:
        return True
    loop = store.loop
    return loop is not None and loop.variable is not None and loop.variable in tuple(store.index.walk())


def _kind(base: Term, lists: frozenset[str]) -> str:
    if base.op is Op.SYMBOL and str(base.data) in lists:
        return "list"
    if base.op in (Op.SEQUENCE, Op.TUPLE) and isinstance(base.data, tuple):
        return str(base.data[0])
    return "array" if base.op is Op.FILLED else "unknown"
