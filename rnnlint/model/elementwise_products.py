"""Adjoints that are multiplied as matrices with what belongs to each unit by itself."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.accumulators import gradient_stem
from rnnlint.model.backward import BackwardPass
from rnnlint.model.gradient_lifetimes import PARAMETER_GRADIENT
from rnnlint.model.gradient_names import place_name
from rnnlint.model.heap import Binding
from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class MatrixForElement:
    """``node`` multiplies an adjoint and a gate, or a derivative, as matrices."""

    binding: Binding
    node: tree.Expression


def matrix_products_of_gates(bptt: BackwardPass) -> Iterator[MatrixForElement]:
    """The matrix products of an adjoint with what is no weight and belongs to one unit each.

    A gradient of weights is such a product by right, and what weights multiply stands in it; both are left
    out.
    """
    if not bptt.forward.is_recurrent:
        return
    multiplied = {
        value.key for pair in bptt.forward.outputs for value, _ in bptt.forward.pieces(pair.operand)
    }
    seen: set[int] = set()
    for binding in bptt.bindings:
        if not bptt.module.holds(binding.statement) or _is_of_weights(binding):
            continue
        inside = {id(node) for node in binding.statement.walk()}
        for product in bptt.derivatives.products_in(binding.value):
            node = product.origin
            if node is None or id(node) not in inside or id(node) in seen:
                continue
            sides = [_plain(side) for side in product.args]
            adjoints = [bptt.derivatives.is_adjoint(side) for side in sides]
            if bptt.forward.weighted_of(product) is None and sum(adjoints) == 1:
                other = sides[adjoints.index(False)]
                if _belongs_to_units(bptt, other, multiplied):
                    seen.add(id(node))
                    yield MatrixForElement(binding, node)


def _is_of_weights(binding: Binding) -> bool:
    stem = gradient_stem(binding)
    return PARAMETER_GRADIENT.search(place_name(binding.place)) is not None or (
        stem is not None and stem[:1] in ("w", "u", "v", "b")
    )


def _plain(term: Term) -> Term:
    while term.op is Op.TRANSPOSE:
        term = term.args[0]
    return term


def _belongs_to_units(bptt: BackwardPass, term: Term, multiplied: set[int]) -> bool:
    """Whether a term is a gate that no weight multiplies, or made of gates and states by element."""
    gates = {gate.value.key for gate in bptt.forward.gates}
    for gate in bptt.forward.gates:
        if bptt.derivatives.same_value(term, gate.value):
            return gate.value.key not in multiplied
    if term.op not in (Op.SUBTRACT, Op.MULTIPLY, Op.POWER, Op.ELEMENTWISE, Op.APPLY):
        return False
    values = [each for each in term.walk() if bptt.forward.now(each).key in gates | multiplied]
    return bool(values) and not term.holds(Op.PRODUCT)
