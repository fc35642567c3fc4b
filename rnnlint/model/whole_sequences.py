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
from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class MisalignedPair:
    """A product in the gradient of ``weight`` that meets each δ with the state ``apart`` steps from the right
    one; None: the one runs forward in time, the other backward.

    ``cut`` is the slice that leaves out the wrong end of one of the two, where there is one, and ``instead``
    the text of one that leaves out the other end."""

    node: tree.Expression
    weight: Term
    apart: int | None
    cut: tree.Slice | None = None
    instead: str = ""


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
                ends = (_other_end(bptt, side, by) for side, by in found.needed)
                cut, instead = next((end for end in ends if end is not None), (None, ""))
                yield MisalignedPair(node, weight, found.apart, cut, instead)


@dataclass(frozen=True, slots=True)
class _Misalignment:
    """``needed``: by how many steps later either side would have to begin."""

    apart: int | None
    needed: tuple[tuple[Term, int], ...] = ()


def _misalignment(bptt: BackwardPass, product: Term, weight: Term) -> _Misalignment | None:
    sides = [(side, stretch_of(bptt, side)) for side in product.args]
    for (of_delta, delta), (of_state, state) in (sides, sides[::-1]):
        if delta is None or state is None or not bptt.derivatives.is_adjoint(delta.value):
            continue
        role = _role(bptt, weight, state.value)
        if role is None or delta.last - delta.first != state.last - state.first:
            return None  # of other lengths: NumPy itself refuses
        if delta.reverse is not state.reverse:
            return _Misalignment(None)
        apart = state.first - delta.first - role
        return _Misalignment(apart, ((of_delta, apart), (of_state, -apart))) if apart else None
    return None


def _other_end(bptt: BackwardPass, side: Term, by: int) -> tuple[tree.Slice, str] | None:
    """The slice of a sequence that leaves out one end of it, and the one that leaves out the other, where
    the sequence then begins ``by`` steps later."""
    while side.op in (Op.TRANSPOSE, Op.PART, Op.STACK, Op.CALL) and side.args:
        (inner, *others), access = side.args, side.origin
        whole, cut = stretch_of(bptt, inner), stretch_of(bptt, side)
        if (
            whole
            and whole.axis is not None
            and cut
            and isinstance(access, tree.Subscript)
            and bptt.module.holds(access)
        ):
            index = access.indices[whole.axis]
            for ends, (text, others_ends) in _OTHER_END.items():
                if isinstance(index, tree.Slice) and cut == whole.cut(*ends):
                    return (index, text) if whole.cut(*others_ends).first - cut.first == by else None
        if others and side.op is not Op.CALL:
            return None
        side = inner
    return None


_OTHER_END = {(1, 0): (":-1", (0, -1)), (0, -1): ("1:", (1, 0))}
"""Cuts by how much they leave out at either end, each with the text and the cut of the other end."""


def _stem(binding: Binding) -> str:
    """Of the parameter whose gradient, or which itself, is assigned."""
    return gradient_stem(binding.target) or stem_of(place_name(binding.place))


def _role(bptt: BackwardPass, weight: Term, value: Term) -> int | None:
    """The step at which the forward pass takes a value to multiply it with a weight: −1 for h_{t−1}."""
    pieces = (piece for operand in bptt.forward.operands_of(weight) for piece in bptt.forward.pieces(operand))
    roles = {steps for held, steps in pieces if held == value}
    return roles.pop() if len(roles) == 1 else None
