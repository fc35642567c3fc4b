"""Products over all steps at once: which step's δ each entry meets, and which state.

``dW = deltas.T @ states`` sums δ_k s_kᵀ over the entries k of two sequences, as do the products of columns
side by side and contractions over batch and time. What it pairs is decided by where each of the two begins.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.backward import BackwardPass
from rnnlint.model.forward import last_word
from rnnlint.model.gradient_names import gradient_stem, place_name, stem_of
from rnnlint.model.heap import Binding
from rnnlint.model.stretches import stretch_of
from rnnlint.model.terms import Term
from rnnlint.records import dataclass
from rnnlint.syntax import tree


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
        for product in bptt.derivatives.products_in(binding.value):
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
    sides = [stretch_of(bptt, side) for side in product.args]
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
