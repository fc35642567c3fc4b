"""Which places a body learns: ``W -= lr * dW`` changes a parameter, and leaves it the parameter it was.

In a loop over epochs a weight is another number each time round, and still the same weight: the run over
terms keeps it as the symbol it is, where it would otherwise be something carried from round to round.
"""

from __future__ import annotations

from rnnlint.model.gradient_names import stem_of
from rnnlint.model.places import LOCAL
from rnnlint.syntax import tree


def learned_places(body: tuple[tree.Statement, ...]) -> frozenset[str]:
    """The names and attributes that a body, functions and classes in it left out, updates by a gradient."""
    found: set[str] = set()
    for node in (node for statement in body for node in statement.own_nodes):
        match node:
            case tree.AugmentedAssign(target=target, operator="-" | "+", value=value):
                found |= _updated(target, value, always=node.operator == "-")
            case tree.Assign(
                targets=(target,), value=tree.Binary(operator="-" | "+", left=left, right=right)
            ):
                if _word(left) == _word(target):
                    found |= _updated(target, right, always=False)
            case tree.For(target=tree.Sequence(items=names), iterable=tree.Call(arguments=lists)):
                found |= _updated_in_pairs(node, names, lists)
    return frozenset(found)


def _updated(target: tree.Expression, value: tree.Expression, *, always: bool) -> set[str]:
    """The target, where ``value`` is made of something that is named after it: dW, mW, W_update."""
    place, word = _place(target), _word(target)
    scaled = always or any(isinstance(node, tree.Binary) and node.operator == "*" for node in value.walk())
    if place is None or not word or not scaled:
        return set()
    stem = stem_of(word)
    words = (stem_of(_word(node)) for node in value.walk() if isinstance(node, tree.Expression))
    return {place} if any(stem in each and stem != each for each in words) else set()


def _updated_in_pairs(
    loop: tree.For, names: tuple[tree.Expression, ...], lists: tuple[tree.Expression, ...]
) -> set[str]:
    """``for p, dp in zip([W, b], [dW, db]): p -= lr * dp``: what the first list holds."""
    changed = {_word(node.target) for node in loop.body if isinstance(node, tree.AugmentedAssign)}
    found: set[str] = set()
    for name, held in zip(names, lists, strict=False):
        if _word(name) in changed and isinstance(held, tree.Sequence):
            found |= {place for item in held.items if (place := _place(item)) is not None}
    return found


def _place(node: tree.Expression) -> str | None:
    match node:
        case tree.Name(id=name):
            return f"{LOCAL}{name}"
        case tree.Attribute(value=tree.Name(id="self"), attr=attr):
            return f"self.{attr}"
    return None


def _word(node: tree.Node) -> str:
    match node:
        case tree.Name(id=word) | tree.Attribute(attr=word):
            return word
        case tree.Subscript(indices=(tree.Constant(value=str() as word),)):
            return word
    return ""
