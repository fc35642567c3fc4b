"""Weights that are changed before the adjoint has gone back through them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.model.backward import BackwardPass
from rnnlint.model.code_blocks import last_word, place_of
from rnnlint.model.gradient_lifetimes import ADJOINT, PARAMETER_GRADIENT
from rnnlint.model.gradient_names import gradient_stem
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class EarlyUpdate:
    """``statement`` changes the weights ``name`` before the adjoint goes back through them."""

    statement: tree.Statement
    name: str
    later: tree.Expression


def early_updates(bptt: BackwardPass) -> Iterator[EarlyUpdate]:
    """The updates of weights inside a backward pass that a product with those weights comes after.

    Inside a loop over the steps every update comes before the next round's products.
    """
    updates = [
        each for each in bptt.bindings if bptt.module.holds(each.statement) and _is_update(each.statement)
    ]
    for update in updates:
        (place,) = _updated(update.statement)
        for binding in bptt.bindings:
            if not bptt.module.holds(binding.statement) or binding.statement is update.statement:
                continue
            after = bptt.module.span(binding.statement) > bptt.module.span(update.statement)
            if binding.loop is not update.loop or not (after or binding.loop in bptt.step_loops):
                continue
            node = _product_with(bptt, binding.statement, place)
            if node is not None:
                yield EarlyUpdate(update.statement, last_word(place), node)
                break


def _is_update(statement: tree.Statement) -> bool:
    return bool(_updated(statement))


def _updated(statement: tree.Statement) -> tuple[str, ...]:
    """The weights that ``W -= lr * dW`` or ``W = W - lr * dW`` changes."""
    match statement:
        case tree.AugmentedAssign(operator="-", target=target, value=value):
            subtracted: tree.Expression = value
        case tree.Assign(targets=(target,), value=tree.Binary(operator="-", left=left, right=right)) if (
            place_of(left) == place_of(target)
        ):
            subtracted = right
        case _:
            return ()
    place = place_of(target)
    is_weight = place is not None and re.match(r"^(W|U|V|w_|weight)", last_word(place)) is not None
    return (place,) if place and is_weight and any(_is_gradient(node) for node in subtracted.walk()) else ()


def _is_gradient(node: tree.Node) -> bool:
    """``dW`` and ``grads["W"]``."""
    place = place_of(node) or ""
    named = PARAMETER_GRADIENT.search(last_word(place)) is not None
    return named or (isinstance(node, tree.Subscript) and gradient_stem(node) is not None)


def _product_with(bptt: BackwardPass, statement: tree.Statement, place: str) -> tree.Expression | None:
    """A matrix product in the statement that takes an adjoint back through the weights at ``place``."""
    match statement:
        case tree.Assign(value=value) | tree.AugmentedAssign(value=value):
            for node in value.walk():
                sides = _sides(node)
                if any(_weights(side) == place for side in sides) and isinstance(node, tree.Expression):
                    return node if any(_is_adjoint_name(side) for side in sides) else None
    return None


def _sides(node: tree.Node) -> tuple[tree.Expression, ...]:
    match node:
        case tree.Binary(operator="@", left=left, right=right):
            return left, right
        case tree.Call(
            function=tree.Attribute(value=tree.Name(id="np" | "numpy"), attr="dot" | "matmul"), arguments=both
        ):
            return both
        case tree.Call(function=tree.Attribute(value=left, attr="dot"), arguments=(right,)):
            return left, right
    return ()


def _weights(side: tree.Expression) -> str | None:
    return place_of(side.value) if isinstance(side, tree.Attribute) and side.attr == "T" else place_of(side)


def _is_adjoint_name(side: tree.Expression) -> bool:
    return any(ADJOINT.search(last_word(place_of(node) or "")) for node in side.walk())
