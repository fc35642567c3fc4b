"""Products over all steps at once: which step's δ each entry meets, and which state.

``dW = deltas.T @ states`` sums δ_k s_kᵀ over the entries k of two sequences. What it pairs is decided by
where each of them begins: a list that was filled on the way back begins with the last step, ``states[:-1]``
ends one step early, and a list with the initial state first begins one step before the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import walks_from_the_end
from rnnlint.model.forward import last_word
from rnnlint.model.gradient_names import gradient_stem, place_name, stem_of
from rnnlint.model.heap import Binding, Store
from rnnlint.model.steps import Direction
from rnnlint.model.terms import Op, Term
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class Stretch:
    """Step ``first`` (counted from 0) to step T − 1 + ``last`` of a value, backwards where ``reverse``."""

    value: Term
    first: int
    last: int
    reverse: bool

    def cut(self, lower: int, upper: int) -> Stretch:
        """Without the ``lower`` entries at the front and the ``-upper`` at the back."""
        if self.reverse:
            return replace(self, first=self.first - upper, last=self.last - lower)
        return replace(self, first=self.first + lower, last=self.last + upper)


@dataclass(frozen=True, slots=True)
class MisalignedPair:
    """A product in the gradient of ``weight`` that meets each δ with the state ``apart`` steps from the right
    one; None: the one runs forward in time, the other backward."""

    node: tree.Expression
    weight: Term
    apart: int | None


def misaligned_pairs(bptt: BackwardPass) -> Iterator[MisalignedPair]:
    """The products of whole sequences that pair δ_t with another step's state than the forward pass did."""
    weights = {stem_of(last_word(pair.weight)): pair.weight for pair in bptt.forward.outputs}
    seen: set[int] = set()
    for binding in bptt.bindings:
        weight = weights.get(_stem(binding))
        if weight is None or binding.loop in bptt.step_loops:
            continue
        for product in (term for term in binding.value.walk() if term.op is Op.PRODUCT):
            node = product.origin
            if node is None or id(node) in seen or not bptt.module.holds(node):
                continue
            found = _misalignment(bptt, product, weight)
            if found is not None:
                seen.add(id(node))
                yield MisalignedPair(node, weight, found.apart)


@dataclass(frozen=True, slots=True)
class _Misalignment:
    apart: int | None


def _misalignment(bptt: BackwardPass, product: Term, weight: Term) -> _Misalignment | None:
    sides = [_stretch(bptt, side) for side in product.args]
    for delta, state in (sides, sides[::-1]):
        if delta is None or state is None or not bptt.derivatives.is_adjoint(delta.value):
            continue
        role = _role(bptt, weight, state.value)
        if role is None or delta.last - delta.first != state.last - state.first:
            return None  # of other lengths: NumPy itself refuses
        if delta.reverse is not state.reverse:
            return _Misalignment(None)
        apart = state.first - delta.first - role
        return _Misalignment(apart) if apart else None
    return None


def _stem(binding: Binding) -> str:
    """Of the parameter whose gradient, or which itself, is assigned."""
    return gradient_stem(binding.target) or stem_of(place_name(binding.place))


def _role(bptt: BackwardPass, weight: Term, value: Term) -> int | None:
    """The step at which the forward pass takes a value to multiply it with a weight: −1 for h_{t−1}."""
    pieces = (piece for operand in bptt.forward.operands_of(weight) for piece in bptt.forward.pieces(operand))
    roles = {steps for held, steps in pieces if held == value}
    return roles.pop() if len(roles) == 1 else None


def _stretch(bptt: BackwardPass, term: Term) -> Stretch | None:
    """What a whole sequence, turned round or cut, holds; None where that is not seen."""
    match term.op, term.args:
        case Op.TRANSPOSE, (inner,):
            return _stretch(bptt, inner)
        case Op.CALL, (inner,) if term.data in ("np.flip", "np.flipud") and _is_of_first_axis(term):
            turned = _stretch(bptt, inner)
            return replace(turned, reverse=not turned.reverse) if turned else None
        case Op.PART, (inner,):
            whole = _stretch(bptt, inner)
            return _sliced(whole, term.origin) if whole else None
    sequence = bptt.timeline.sequences.get(term.key)
    if sequence is not None:
        complete = sequence.ends_with_the_last_step and sequence.slot in (0, 1)
        return Stretch(sequence.value, -sequence.slot, 0, reverse=False) if complete else None
    return _filled_on_the_way_back(bptt, term)


def _is_of_first_axis(call: Term) -> bool:
    match call.origin:
        case tree.Call(arguments=(_,), keywords=keywords):
            axes = [each.value for each in keywords if each.name == "axis"]
            named = any(isinstance(axis, tree.Constant) and axis.value == 0 for axis in axes)
            return named or call.data == "np.flipud"
    return False


def _sliced(stretch: Stretch, access: tree.Expression | None) -> Stretch | None:
    """``[1:]``, ``[:-1]`` and ``[::-1]`` along the first axis."""
    match access:
        case tree.Subscript(indices=(tree.Slice(lower=None, upper=None, step=step), *_)) if step is not None:
            return replace(stretch, reverse=not stretch.reverse) if _number(step) == -1 else None
        case tree.Subscript(indices=(tree.Slice(lower=lower, upper=upper, step=None), *rest)):
            low, high = (0 if bound is None else _number(bound) for bound in (lower, upper))
            if low is None or high is None or low < 0 or high > 0 or (upper is not None and not high):
                return None
            plain = all(isinstance(each, tree.Slice) and each.step is None for each in rest)
            return stretch.cut(low, high) if plain else None
    return None


def _number(node: tree.Expression) -> int | None:
    match node:
        case tree.Constant(value=int() as number):
            return number
        case tree.Unary(operator="-", operand=tree.Constant(value=int() as number)):
            return -number
    return None


def _filled_on_the_way_back(bptt: BackwardPass, term: Term) -> Stretch | None:
    """A list of the adjoints that a loop over the steps put one behind the other."""
    stores = [each for each in bptt.heap.stores if each.sequence == term]
    if len(stores) != 1 or stores[0].index is not None or stores[0].loop not in bptt.step_loops:
        return None
    (store,) = stores
    back = _goes_back(bptt, store)
    if back is None or not (term.op is Op.SEQUENCE or str(term.data) in bptt.timeline.lists):
        return None
    return Stretch(store.value, 0, 0, reverse=back is not store.front)


def _goes_back(bptt: BackwardPass, store: Store) -> bool | None:
    """Whether a loop over the steps goes back in time; None where it leaves some out or is not seen."""
    loop = store.loop
    if loop is None or loop.direction is Direction.UNKNOWN or loop.skipped or store.added:
        return None
    return (loop.direction is Direction.DOWN) is not walks_from_the_end(bptt, loop)
