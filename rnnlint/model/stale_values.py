"""Variables that a backward loop takes for a step's values and that the forward loop left behind."""

from __future__ import annotations

from rnnlint.model.backward import BackwardPass
from rnnlint.model.code_blocks import place_of
from rnnlint.model.places import LOCAL
from rnnlint.model.terms import Op, Term, walk_all
from rnnlint.syntax import tree


def stale_values(bptt: BackwardPass) -> tuple[tree.Name | tree.Attribute, ...]:
    """What a backward loop reads as a step's value: variables and attributes of the forward loop's last."""
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
        for term in walk_all(factors)
        if term.op is Op.LAST and term.data in bptt.timeline.forward_loops
    }
    places = {place.removeprefix(LOCAL) for place, value in left.items() if value.key in stale}
    found: dict[str, tree.Name | tree.Attribute] = {}
    for loop in bptt.step_loops:
        own = _set_in(loop.statement)
        for node in (inner for statement in loop.statement.body for inner in statement.walk()):
            if isinstance(node, tree.Name | tree.Attribute) and bptt.module.holds(node):
                place = place_of(node)
                if place in places - own:
                    found.setdefault(place, node)
    return tuple(found.values())


def _set_in(loop: tree.For | tree.While) -> set[str]:
    """The variables and attributes that the loop itself gives a value."""
    targets: list[tree.Expression] = [loop.target] if isinstance(loop, tree.For) else []
    for node in (inner for statement in loop.body for inner in statement.walk()):
        if isinstance(node, tree.Assign):
            targets += node.targets
        elif isinstance(node, tree.For):
            targets.append(node.target)
    leaves = (
        leaf for target in targets for leaf in target.walk() if isinstance(leaf, tree.Name | tree.Attribute)
    )
    return {place for leaf in leaves if (place := place_of(leaf)) is not None}
