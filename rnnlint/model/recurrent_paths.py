"""The way back through the recurrent weights: whether any adjoint takes it from one step to the next."""

from __future__ import annotations

from rnnlint.model.backward import BackwardPass
from rnnlint.model.steps import Loop
from rnnlint.model.terms import Term


def recurrent_weights(bptt: BackwardPass) -> tuple[Term, ...]:
    """The weights that multiply h of the step before in some gate."""
    forward = bptt.forward
    found = (
        pair.weight
        for gate in forward.gates
        for pair in gate.weighted
        for value, steps in forward.pieces(pair.operand)
        if steps == -1 and forward.is_multiplied(value)
    )
    return tuple(dict.fromkeys(found))


def comes_back_through_weights(bptt: BackwardPass, loop: Loop) -> bool:
    """Whether an adjoint may reach the step before by a product with weights; True where that is not seen."""
    adjoints = bptt.derivatives.is_adjoint
    unknown = (each for each in bptt.heap.unknown_calls if each.loop is loop)
    if any(adjoints(operand) for each in unknown for operand in each.operands):
        return True
    stored = [
        each for each in bptt.heap.stores if each.loop is loop and _holds_weighted_adjoint(bptt, each.value)
    ]
    if any(
        read.term.args[0] == each.sequence for each in stored for read in bptt.heap.reads if read.loop is loop
    ):
        return True
    return any(_holds_weighted_adjoint(bptt, after) for after in _carried_on(bptt, loop))


def _carried_on(bptt: BackwardPass, loop: Loop) -> list[Term]:
    """What the carries that enter the δ's become when the step ends, and the carries these are made of."""
    places = {carried.key: place for place, carried in loop.carried.items()}
    ahead = [key for key in places if key in bptt.live]
    seen: set[int] = set()
    found = []
    while ahead:
        key = ahead.pop()
        if key in seen:
            continue
        seen.add(key)
        after = loop.next[places[key]]
        found.append(after)
        ahead += [term.key for term in after.walk() if term.key in places]
    return found


def _holds_weighted_adjoint(bptt: BackwardPass, term: Term) -> bool:
    """Whether a matrix product of an adjoint is in it, by whatever matrix."""
    products = bptt.derivatives.products_in(term)
    return any(bptt.derivatives.is_adjoint(side) for product in products for side in product.args)
