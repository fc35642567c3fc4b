"""Whether a loss averages where its gradient sums: the divisions that each of them makes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rnnlint.model.code_blocks import CodeBlock, last_word, place_of
from rnnlint.model.cross_entropy import averaging, log_terms
from rnnlint.records import dataclass
from rnnlint.syntax import tree

_SIZE = re.compile(r"size|len|num|count|^n_|_n$|^[TNBMVmn]$|steps?$|^batch$", re.ASCII)
_LOSS = re.compile(r"loss|cost|^L$|entropy", re.IGNORECASE)
_TARGET = re.compile(r"target|label|true|^y$|^ys$|^Y$|^t$|^ts$|one_?hot", re.IGNORECASE)
_GRADIENT = re.compile(r"^d|grad|delta|_d$|err", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Delta:
    """Where a backward pass forms ŷ − y: ``dy = p - y``, or ``dy[target] -= 1``."""

    block: CodeBlock
    statement: tree.Statement


def averages(block: CodeBlock) -> Iterator[tree.Node]:
    """The places of ``block`` where a cross-entropy becomes an average."""
    terms = list(log_terms(block))
    found = [averaging(term) for term in terms]
    yield from (each for each in found if each is not None)
    if not terms or any(found):
        return
    summed = {place for term in terms if (place := _summed_into(term.statement)) is not None}
    for node in block.nodes:
        match node:
            case tree.AugmentedAssign(operator="/", target=divided, value=size):
                pass
            case tree.Binary(operator="/", left=divided, right=size):
                pass
            case _:
                continue
        place = place_of(divided)
        is_loss = place is not None and (place in summed or _LOSS.search(last_word(place)) is not None)
        if is_loss and _is_size(block, size):
            yield node


def _summed_into(statement: tree.Statement) -> str | None:
    """The place that ``total += -log(…)`` adds up in."""
    return place_of(statement.target) if isinstance(statement, tree.AugmentedAssign) else None


def summed_deltas(blocks: Iterable[CodeBlock]) -> tuple[Delta, ...]:
    """Every ŷ − y of a program in which no gradient is divided by a size; none where one is."""
    searched = tuple(blocks)
    if any(_divides_a_gradient(block) for block in searched):
        return ()
    return tuple(Delta(block, statement) for block in searched for statement in _deltas(block))


def _deltas(block: CodeBlock) -> Iterator[tree.Statement]:
    for statement in block.of_kind(tree.Statement):
        match statement:
            case tree.AugmentedAssign(
                operator="-", target=tree.Subscript() as target, value=tree.Constant(value=1)
            ):
                if _GRADIENT.search(last_word(place_of(target) or "")):
                    yield statement
            case tree.Assign(
                targets=(target,), value=tree.Binary(operator="-", left=predicted, right=expected)
            ):
                names = [last_word(place_of(each) or "") for each in (target, predicted, expected)]
                if all(names) and _GRADIENT.search(names[0]) and _TARGET.search(names[2]):
                    yield statement


def _divides_a_gradient(block: CodeBlock) -> bool:
    for statement in block.of_kind(tree.Statement):
        match statement:
            case tree.AugmentedAssign(operator="/", target=target, value=size):
                if _is_gradient(target) and _is_size(block, size):
                    return True
            case (
                tree.Assign(targets=(target, *_), value=value)
                | tree.AugmentedAssign(target=target, value=value)
            ):
                inside = list(value.walk())
                of_gradient = any(_is_gradient(node) for node in (target, *inside))
                if of_gradient and any(_is_division_by_size(block, node) for node in inside):
                    return True
    return False


def _is_gradient(node: tree.Node) -> bool:
    place = place_of(node) if isinstance(node, tree.Expression) else None
    return place is not None and _GRADIENT.search(last_word(place)) is not None


def _is_division_by_size(block: CodeBlock, node: tree.Node) -> bool:
    return block.called(node) == "mean" or (
        isinstance(node, tree.Binary) and node.operator == "/" and _is_size(block, node.right)
    )


def _is_size(block: CodeBlock, expression: tree.Expression) -> bool:
    match expression:
        case tree.Call(function=tree.Name(id="len" | "float" | "int")):
            return True
        case tree.Binary(operator="*", left=left, right=right):
            return _is_size(block, left) or _is_size(block, right)
        case tree.Subscript(value=tree.Attribute(attr="shape")) | tree.Attribute(attr="size"):
            return True
    place = place_of(expression)
    return place is not None and _SIZE.search(last_word(place)) is not None
