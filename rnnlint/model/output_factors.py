"""Factors on the difference of softmax and targets, which cross-entropy gives none."""

from __future__ import annotations

from rnnlint.model.backward import BackwardPass
from rnnlint.model.helpers import Computes, Contract
from rnnlint.model.terms import Op, Term, plain
from rnnlint.syntax import tree


def spurious_output_factors(bptt: BackwardPass) -> tuple[tree.Expression, ...]:
    """Factors on ŷ − y of a softmax whose loss is a logarithm's: together they have none."""
    if not any("log(" in each.text for each in bptt.program.project.files.values()):
        return ()
    found: dict[int, tree.Expression] = {}
    for gradient in bptt.weight_gradients:
        delta = plain(gradient.delta)
        while delta.op is Op.DIVIDE:
            delta = plain(delta.args[0])
        if bptt.forward.gates_of(gradient.weight) or delta.op is not Op.MULTIPLY:
            continue
        for difference, factor in (delta.args, delta.args[::-1]):
            node = factor.origin
            is_difference = difference.op is Op.SUBTRACT and _is_softmax(bptt, difference.args[0])
            if (
                is_difference
                and _holds_softmax(bptt, factor)
                and node is not None
                and bptt.module.holds(node)
            ):
                found.setdefault(id(node), node)
    return tuple(found.values())


def _holds_softmax(bptt: BackwardPass, term: Term) -> bool:
    return any(_is_softmax(bptt, each) for each in term.walk())


def _is_softmax(bptt: BackwardPass, term: Term) -> bool:
    value = bptt.derivatives.resolved(term)
    if value.op is Op.RECALL:  # a step of what was computed for all steps at once
        value = value.args[0]
    if value.op is Op.APPLY and isinstance(value.data, Contract):
        return value.data.computes is Computes.SOFTMAX
    if value.op is not Op.DIVIDE or value.args[1].op is not Op.SUM:
        return False
    return value.args[0] == value.args[1].args[0] and any(t.data == "exp" for t in value.args[0].walk())
