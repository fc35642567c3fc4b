"""Variables that a backward loop takes for a step's values and that the forward loop left behind."""

from __future__ import annotations

from rnnlint.model.backward import BackwardPass
from rnnlint.model.gradient_names import place_name
from rnnlint.model.terms import Op, Term
from rnnlint.syntax import tree


def stale_values(bptt: BackwardPass) -> tuple[tree.Name, ...]:
    """Variables that a backward loop reads as a step's values and that the forward loop left behind."""
    left: dict[str, Term] = {}
    for binding in bptt.heap.bindings:
        if binding.loop is not None and binding.loop.number in bptt.timeline.forward_loops:
            left[binding.place] = binding.value
    factors = [
        factor
        for delta in bptt.deltas
        for monomial in bptt.derivatives.monomials(delta.term) or ()
        for factor in monomial.factors
    ]
    factors += [gradient.operand for gradient in bptt.weight_gradients]
    stale = {
        term.args[0].key
        for factor in factors
        for term in factor.walk()
        if term.op is Op.LAST and term.data in bptt.timeline.forward_loops
    }
    names = {place_name(place) for place, value in left.items() if value.key in stale}
    found: dict[str, tree.Name] = {}
    for loop in bptt.step_loops:
        for node in (inner for statement in loop.statement.body for inner in statement.walk()):
            if isinstance(node, tree.Name) and node.id in names and bptt.module.holds(node):
                found.setdefault(node.id, node)
    return tuple(found.values())
