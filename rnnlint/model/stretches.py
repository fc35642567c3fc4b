"""Stretches of time: which steps a whole sequence holds, from which to which, and along which axis.

A list that was filled on the way back begins with the last step, ``states[:-1]`` ends one step early, a list
with the initial state first begins one step before the first, and so does one that it was put in front of.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import walks_from_the_end
from rnnlint.model.heap import Store
from rnnlint.model.sequences import has_entries
from rnnlint.model.steps import Direction, Loop, affine
from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass, replace
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class Stretch:
    """Step ``first`` (counted from 0) to step T − 1 + ``last`` of a value, backwards where ``reverse``.

    ``axis`` is the one along which the steps lie; None where that is not seen.
    """

    value: Term
    first: int
    last: int
    reverse: bool
    axis: int | None = 0

    def cut(self, lower: int, upper: int) -> Stretch:
        """Without the ``lower`` entries at the front and the ``-upper`` at the back."""
        if self.reverse:
            return replace(self, first=self.first - upper, last=self.last - lower)
        return replace(self, first=self.first + lower, last=self.last + upper)

    def turned(self) -> Stretch:
        """The other way round."""
        return replace(self, reverse=not self.reverse)

    def transposed(self, order: Sequence[int | None]) -> Stretch:
        """With its axes in another order."""
        return replace(self, axis=order.index(self.axis) if self.axis in order else None)


def stretch_of(bptt: BackwardPass, term: Term) -> Stretch | None:
    """What a whole sequence, turned round, cut, joined or extended, holds; None where that is not seen."""
    match term.op, term.args:
        case Op.TRANSPOSE, (inner,):
            whole = stretch_of(bptt, inner)
            return whole.transposed(_order_of_axes(term)) if whole else None
        case Op.CALL, (inner, *_) if term.data in ("np.flip", "np.flipud", "np.fliplr"):
            whole = stretch_of(bptt, inner)
            known = whole is not None and whole.axis is not None and whole.axis == _axis_named(term)
            return whole.turned() if whole and known else None
        case Op.PART, (inner,):
            whole = stretch_of(bptt, inner)
            return _sliced(whole, term.origin) if whole else None
        case Op.STACK, (inner,):
            whole = stretch_of(bptt, inner)
            return replace(whole, axis=_axis_named(term)) if whole else None
        case Op.STACK, (first, second):
            return _extended(term, stretch_of(bptt, first), stretch_of(bptt, second))
    sequence = bptt.timeline.sequences.get(term.key)
    if sequence is not None:
        complete = sequence.ends_with_the_last_step and sequence.slot in (0, 1)
        axis = _axis_of(sequence.store)
        return Stretch(sequence.value, -sequence.slot, 0, reverse=False, axis=axis) if complete else None
    return _filled_on_the_way_back(bptt, term)


def _extended(stack: Term, first: Stretch | None, second: Stretch | None) -> Stretch | None:
    """A sequence with one more entry in front of it or behind it, joined along its own axis."""
    whole = first or second
    if whole is None or whole.axis is None or (first and second) or _axis_named(stack) != whole.axis:
        return None
    return whole.cut(-1, 0) if second else whole.cut(0, 1)


def _order_of_axes(transposed: Term) -> Sequence[int | None]:
    """Which axis of an array stands at each place of its transpose: in a matrix, columns for rows, unless an
    order is written out."""
    match transposed.origin:
        case tree.Call(arguments=arguments, keywords=keywords):
            said = (*arguments, *(each.value for each in keywords))
            items = (each.items if isinstance(each, tree.Sequence) else (each,) for each in said)
            numbers = [_number(item) for group in items for item in group]
            return [each for each in numbers if each is not None] or (1, 0)
    return (1, 0)


def _axis_named(call: Term) -> int | None:
    """Along which axis a call of NumPy works; None where that is not written out."""
    match call.origin:
        case tree.Call(arguments=arguments, keywords=keywords):
            named = [each.value for each in keywords if each.name == "axis"]
            named += arguments[1:2]
            if named:
                return _number(named[0])
    return _AXES.get(str(call.data).removeprefix("np."))


_AXES = {"flipud": 0, "concatenate": 0, "stack": 0, "vstack": 0, "row_stack": 0, "r_": 0}
_AXES |= {"fliplr": 1, "hstack": 1, "column_stack": 1, "c_": 1}


def _sliced(stretch: Stretch, access: tree.Expression | None) -> Stretch | None:
    """``[1:]``, ``[:-1]`` and ``[::-1]`` along the axis of the steps."""
    if not isinstance(access, tree.Subscript) or stretch.axis is None:
        return None
    if len(access.indices) <= stretch.axis:
        return None
    rest = (each for position, each in enumerate(access.indices) if position != stretch.axis)
    if not all(isinstance(each, tree.Slice) and each.step is None for each in rest):
        return None
    match access.indices[stretch.axis]:
        case tree.Slice(lower=None, upper=None, step=tree.Expression() as step):
            return stretch.turned() if _number(step) == -1 else None
        case tree.Slice(lower=lower, upper=upper, step=None):
            low, high = (0 if bound is None else _number(bound) for bound in (lower, upper))
            if low is None or high is None or low < 0 or high > 0 or (upper is not None and not high):
                return None
            return stretch.cut(low, high)
    return None


def _number(node: tree.Expression) -> int | None:
    match node:
        case tree.Constant(value=int() as number):
            return number
        case tree.Unary(operator="-", operand=tree.Constant(value=int() as number)):
            return -number
    return None


def _filled_on_the_way_back(bptt: BackwardPass, term: Term) -> Stretch | None:
    """The adjoints that a loop over the steps put one behind the other, or each in its own place."""
    stores = [each for each in bptt.heap.stores if each.sequence == term]
    if len(stores) != 1 or stores[0].loop not in bptt.step_loops or stores[0].added:
        return None
    if term.key in bptt.heap.rearranged:
        return None
    (store,) = stores
    loop = store.loop
    if loop is None or loop.direction is Direction.UNKNOWN or loop.skipped:
        return None
    if store.index is not None:
        return _in_its_own_place(store, loop)
    if term.op is not Op.SEQUENCE and str(term.data) not in bptt.timeline.lists:
        return None
    goes_back = (loop.direction is Direction.DOWN) is not walks_from_the_end(bptt, loop)
    return Stretch(store.value, 0, 0, reverse=goes_back is not store.front)


def _in_its_own_place(store: Store, loop: Loop) -> Stretch | None:
    """``deltas[t] = …`` of every step t, in an array that has as many entries."""
    form = affine(store.index) if store.index is not None else None
    offset = loop.steps_from(form) if form else None
    if offset is None or offset.steps or not offset.forward or not has_entries(store.sequence, loop, 0):
        return None
    return Stretch(store.value, 0, 0, reverse=False, axis=_axis_of(store))


def _axis_of(store: Store) -> int:
    """The axis of ``sequence[:, t] = …`` along which the steps lie."""
    match store.statement:
        case tree.Assign(targets=targets):
            nodes = [node for target in targets for node in target.walk()]
            accesses = [node.indices for node in nodes if isinstance(node, tree.Subscript)]
            if len(accesses) == 1:
                whole = [isinstance(each, tree.Slice) for each in accesses[0]]
                return whole.index(False) if False in whole else 0
    return 0
