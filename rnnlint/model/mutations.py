"""Where a function changes an array that it was given, instead of making its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.model.code_blocks import CodeBlock, last_word, place_of
from rnnlint.records import dataclass
from rnnlint.syntax import tree

_BACKWARD = re.compile(r"backward|bprop|bptt|backprop", re.IGNORECASE)
_ACCUMULATED = re.compile(r"^d_?[WUVb]|^d[A-Z]|grads?$|^g_|_d$|param|mem|cache_m")
_ADJOINT_OR_CACHE = re.compile(
    r"^d_?[a-z]|^delta|err|grad_?out|upstream|cotangent|^out|prob|^y|^h|^c$|^x$|pred"
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """The first statement that changes in place what ``parameter``, of a function or its object, holds."""

    block: CodeBlock
    parameter: str
    statement: tree.Assign | tree.AugmentedAssign


def parameter_mutations(block: CodeBlock) -> Iterator[Mutation]:
    """For each parameter of a function the first statement that changes it, while it is still the caller's.

    ``x += 1`` changes an array in place and ``x[i] = 1`` anything; ``x = x + 1`` makes a new one, and what
    is done to ``x`` afterwards is no longer the caller's concern.
    """
    open_parameters = block.parameters - {"self", "cls", "out"}
    seen: set[str] = set()
    for statement in block.of_kind(tree.Statement):
        for target in _targets(statement):
            name = _root(target)
            if name not in open_parameters or name in seen:
                continue
            seen.add(name)
            changes = isinstance(statement, tree.AugmentedAssign) or isinstance(target, tree.Subscript)
            if changes and isinstance(statement, tree.Assign | tree.AugmentedAssign):
                yield Mutation(block, name, statement)


def cotangent_mutations(block: CodeBlock) -> Iterator[Mutation]:
    """Where a backward function changes an incoming gradient or what the forward pass kept, in place.

    Under the parameter's own name or another one: ``dy = probs[t]; dy[target] -= 1`` writes into ``probs``.
    Gradients that are handed in to be added to are meant to be changed.
    """
    if block.function is None or not _BACKWARD.search(block.function.name):
        return
    for mutation in parameter_mutations(block):
        if _is_kept(mutation.parameter) and _is_array(block, mutation.parameter):
            yield mutation
    yield from _changed_views(block)


def _changed_views(block: CodeBlock) -> Iterator[Mutation]:
    """What is changed through a variable that is an element or slice of something kept: the same memory."""
    kept = _kept_places(block)
    views: dict[str, str] = {}
    for statement in block.of_kind(tree.Statement):
        if not isinstance(statement, tree.Assign | tree.AugmentedAssign):
            continue
        for target in _targets(statement):
            name = _root(target)
            changes = isinstance(statement, tree.AugmentedAssign) or isinstance(target, tree.Subscript)
            if name in views and changes and (isinstance(target, tree.Subscript) or _is_array(block, name)):
                yield Mutation(block, views.pop(name), statement)
            elif name is not None and not changes and isinstance(statement, tree.Assign):
                views.pop(name, None)
                viewed = _viewed(statement.value) if target in statement.targets else None
                if viewed in kept:
                    views[name] = viewed


def _kept_places(block: CodeBlock) -> set[str]:
    """What the caller or the forward pass still holds: parameters, what is unpacked from them, attributes."""
    found = {name for name in block.parameters if _is_kept(name)}
    for statement in block.of_kind(tree.Assign):
        for target in statement.targets:
            if isinstance(target, tree.Sequence) and place_of(statement.value) in block.parameters:
                found |= {each.id for each in target.items if isinstance(each, tree.Name)}
    methods = block.owner.methods.values() if block.owner is not None else ()
    for method in methods:
        if method is not block.function and method.name != "__init__":
            targets = (each for node in method.walk() for each in _written(node))
            found |= {place for target in targets if (place := place_of(target) or "").startswith("self.")}
    return {name for name in found if not _ACCUMULATED.search(last_word(name))}


def _written(node: tree.Node) -> tuple[tree.Expression, ...]:
    return _targets(node) if isinstance(node, tree.Assign) else ()


def _viewed(value: tree.Expression) -> str | None:
    """The place of which ``value`` is an element or a slice, by plain indices."""
    if not isinstance(value, tree.Subscript):
        return None
    simple = all(isinstance(each, tree.Name | tree.Constant | tree.Slice) for each in value.indices)
    place = place_of(value)
    return place if simple and place is not None and "'" not in place else None


def _is_kept(parameter: str) -> bool:
    return not _ACCUMULATED.search(parameter) and _ADJOINT_OR_CACHE.search(parameter) is not None


def _is_array(block: CodeBlock, name: str) -> bool:
    """Whether a variable is used as an array: no statement changes a number in place."""
    for node in block.nodes:
        match node:
            case tree.Subscript() if place_of(node) == name:
                return True
            case tree.Attribute(value=tree.Name(id=owner)) if owner == name:
                return True
            case tree.Binary(operator="@" | "*", left=left, right=right):
                if name in (place_of(left), place_of(right)):
                    return True
    return False


def _targets(statement: tree.Statement) -> tuple[tree.Expression, ...]:
    match statement:
        case tree.Assign(targets=targets):
            flat = (each.items if isinstance(each, tree.Sequence) else (each,) for each in targets)
            return tuple(target for group in flat for target in group)
        case tree.AugmentedAssign(target=target) | tree.For(target=target):
            return (target,)
    return ()


def _root(target: tree.Expression) -> str | None:
    """The parameter that a target changes: of ``x`` and ``x[...]``; ``x["W"]`` and ``x.W`` are others."""
    while isinstance(target, tree.Subscript) and "'" not in (place_of(target) or "'"):
        target = target.value
    return target.id if isinstance(target, tree.Name) else None
