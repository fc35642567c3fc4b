"""Which way a matrix of weights maps: forward it takes inputs to outputs, backward it must take them back."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.backward import BackwardPass
from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class SameWay:
    """A product of an adjoint with ``weight`` that maps as the forward's; ``node`` is the weight in it."""

    weight: Term
    node: tree.Expression
    is_transposed: bool


def same_way_products(bptt: BackwardPass) -> Iterator[SameWay]:
    """The backward pass's products with a weight that are no transpose of the forward pass's."""
    ways: dict[int, set[bool]] = {}
    for product in bptt.forward.products:
        pair = bptt.forward.weighted_of(product)
        if pair is not None:
            ways.setdefault(pair.weight.key, set()).add(_maps_from_the_left(product, pair.weight))
    seen: set[int] = set()
    for binding in bptt.bindings:
        for product in bptt.derivatives.products_in(binding.value):
            pair = bptt.forward.weighted_of(product)
            if (
                pair is None
                or len(ways.get(pair.weight.key, ())) != 1
                or not bptt.derivatives.is_adjoint(pair.operand)
            ):
                continue
            (forwards,) = ways[pair.weight.key]
            node = _weight_node(product, pair.weight)
            if (
                _maps_from_the_left(product, pair.weight) is forwards
                and node is not None
                and id(node) not in seen
            ):
                seen.add(id(node))
                if bptt.module.holds(node):
                    yield SameWay(pair.weight, node, isinstance(node, tree.Attribute) and node.attr == "T")


def _maps_from_the_left(product: Term, weight: Term) -> bool:
    """Whether the product is W x: W on the left as it is, or on the right transposed; else it is x W."""
    left, _ = product.args
    on_the_left = _core(left) == weight
    side = left if on_the_left else product.args[1]
    return on_the_left is not _is_transposed(side)


def _core(term: Term) -> Term:
    while term.op in (Op.TRANSPOSE, Op.PART) and term.args:
        term = term.args[0]
    return term


def _is_transposed(term: Term) -> bool:
    transposed = False
    while term.op in (Op.TRANSPOSE, Op.PART) and term.args:
        transposed ^= term.op is Op.TRANSPOSE
        term = term.args[0]
    return transposed


def _weight_node(product: Term, weight: Term) -> tree.Expression | None:
    """The side of the product in the text that is the weight."""
    sides: tuple[tree.Expression, ...]
    match product.origin:
        case tree.Binary(operator="@", left=left, right=right):
            sides = left, right
        case tree.Call(function=tree.Attribute(value=tree.Name(id="np" | "numpy")), arguments=(left, right)):
            sides = left, right
        case tree.Call(function=tree.Attribute(attr="einsum"), arguments=(_, left, right)):
            sides = left, right
        case tree.Call(function=tree.Attribute(value=left, attr="dot"), arguments=(right,)):
            sides = left, right
        case _:
            return None
    position = 0 if _core(product.args[0]) == weight else 1
    return sides[position]
