"""Products with weights as they are written: which way each maps, and whether an adjoint goes through it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.model.code_blocks import CodeBlock, last_word, place_of
from rnnlint.model.gradient_lifetimes import ADJOINT, PARAMETER_GRADIENT
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.records import dataclass
from rnnlint.syntax import tree

_WEIGHT = re.compile(r"^_*(W|U|V|w_?\w{0,3}$|u_?\w{0,2}$|weights?|kernel)", re.ASCII)


@dataclass(frozen=True, slots=True)
class WeightProduct:
    """A matrix product of ``weight`` (its name) with something else.

    ``node`` is the weight in it, ``maps_from_the_left`` says that it is W x (or x Wᵀ) and not x W (or Wᵀ x).
    """

    block: CodeBlock
    weight: str
    node: tree.Expression
    maps_from_the_left: bool
    is_transposed: bool
    takes_adjoint: bool


def products_that_map_forward_again(code: RecurrentCode) -> Iterator[WeightProduct]:
    """The products of an adjoint with a weight that map as all of the project's other products with it do.

    By the weights' names, so nothing is said of a name that is used both ways, or that a block gives a value
    of its own.
    """
    products = [product for block in code.all_blocks for product in weight_products(block)]
    ways: dict[str, set[bool]] = {}
    for product in products:
        if not product.takes_adjoint:
            ways.setdefault(product.weight, set()).add(product.maps_from_the_left)
    own = {id(block.function) for block in code.blocks}
    for product in products:
        is_own = product.block.module is code.module and id(product.block.function) in own
        again = product.takes_adjoint and ways.get(product.weight) == {product.maps_from_the_left}
        if is_own and again:
            yield product


def weight_products(block: CodeBlock) -> Iterator[WeightProduct]:
    """The matrix products of a block with exactly one side that is a weight by its name."""
    for node in block.nodes:
        sides = _sides(block, node)
        if len(sides) != 2:
            continue
        found = [_weight(block, side) for side in sides]
        if (found[0] is None) is (found[1] is None):
            continue
        position = 0 if found[0] else 1
        name, is_transposed = found[position] or ("", False)
        yield WeightProduct(
            block,
            name,
            sides[position],
            maps_from_the_left=(position == 0) is not is_transposed,
            is_transposed=is_transposed,
            takes_adjoint=_is_adjoint(sides[1 - position]),
        )


def _sides(block: CodeBlock, node: tree.Node) -> tuple[tree.Expression, ...]:
    match node:
        case tree.Binary(operator="@", left=left, right=right):
            return left, right
        case tree.Call(arguments=both) if block.called(node) in ("dot", "matmul"):
            return both
        case tree.Call(function=tree.Attribute(value=left, attr="dot"), arguments=(right,)):
            return left, right
    return ()


def _weight(block: CodeBlock, side: tree.Expression) -> tuple[str, bool] | None:
    """The weight's name and whether it is transposed, of a side that is a weight and nothing else."""
    inner, is_transposed = side, False
    match side:
        case tree.Attribute(value=value, attr="T"):
            inner, is_transposed = value, True
        case tree.Call(function=tree.Attribute(value=value, attr="transpose"), arguments=()):
            inner, is_transposed = value, True
        case tree.Call(arguments=(value,)) if block.called(side) == "transpose":
            inner, is_transposed = value, True
    place = place_of(inner)
    if place is None or (isinstance(inner, tree.Subscript) and not place.endswith("']")):
        return None
    name = last_word(place)
    is_weight = _WEIGHT.search(name) and not PARAMETER_GRADIENT.search(name)
    return (name.replace("_", ""), is_transposed) if is_weight and not _is_made_here(block, place) else None


def _is_made_here(block: CodeBlock, place: str) -> bool:
    """Whether the block gives the place another matrix: a transpose, a reshaped one. An update is none."""
    read = tree.Name | tree.Attribute | tree.Subscript
    values = (each.value for each in block.assignments(place))
    own = (each for each in values if not any(place_of(node) == place for node in each.walk()))
    return any(not isinstance(value, read | tree.Sequence) or _is_turned(value) for value in own)


def _is_turned(value: tree.Expression) -> bool:
    return any(isinstance(node, tree.Attribute) and node.attr in ("T", "transpose") for node in value.walk())


def _is_adjoint(side: tree.Expression) -> bool:
    places = (place_of(node) for node in side.walk())
    return any(ADJOINT.search(word) for place in places if place for word in re.findall(r"\w+", place))
