"""The adjoint of the cell state, and what is missing from it."""

from __future__ import annotations

from rnnlint.model.backward import BackwardPass
from rnnlint.model.forward import Gate
from rnnlint.model.heap import Binding
from rnnlint.model.terms import Term
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class IncompleteCell:
    """dC without dC_next (``lacks_carry``), or without what comes from h."""

    binding: Binding
    lacks_carry: bool


def incomplete_cell(bptt: BackwardPass) -> IncompleteCell | None:
    """The adjoint of the cell state without a part of it; None where it is whole or nothing is known."""
    cells = [each for each in bptt.forward.states if _is_cell(bptt, each)]
    if len(cells) != 1 or not bptt.carried_adjoints or len(bptt.step_loops) != 1:
        return None
    (cell,) = cells
    below = [
        d for d in bptt.deltas if bptt.forward.paths(cell, d.gate) and not _is_output(bptt, d.gate, cell)
    ]
    roots: dict[int, Term] = {}
    for delta in below:
        for each in bptt.derivatives.monomials(delta.term) or ():
            roots.setdefault(each.root.key, each.root)
    kinds = {bptt.derivatives.is_of(root, cell, [(d.term, d.gate) for d in below]) for root in roots.values()}
    if len(below) < 2 or None in kinds or len(kinds) == 2:
        return None
    shared = [
        binding
        for binding in bptt.bindings
        if all(any(term == binding.value for term in d.term.walk()) for d in below)
        and bptt.derivatives.is_adjoint(binding.value)
        and bptt.module.holds(binding.statement)
    ]
    return IncompleteCell(shared[-1], lacks_carry=kinds == {False}) if shared and kinds else None


def _is_cell(bptt: BackwardPass, state: Term) -> bool:
    """A state that is carried on by itself and that no weight multiplies."""
    carried = any(
        loop.number in bptt.timeline.forward_loops and state in loop.next.values() for loop in bptt.heap.loops
    )
    stored = any(s.value == state for s in bptt.timeline.sequences.values()) and bptt.forward.holds_its_past(
        state
    )
    return (
        (carried or stored) and bptt.forward.holds_its_past(state) and not bptt.forward.is_multiplied(state)
    )


def _is_output(bptt: BackwardPass, gate: Gate, cell: Term) -> bool:
    return not bptt.forward.depends(cell, gate.value)
