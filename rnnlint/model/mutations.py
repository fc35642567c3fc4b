"""Where a function changes an array that it was given, instead of making its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rnnlint.model.code_blocks import CodeBlock, place_of
from rnnlint.syntax import tree

_BACKWARD = re.compile(r"backward|bprop|bptt|backprop", re.IGNORECASE)
_ACCUMULATED = re.compile(r"^d_?[WUVb]|^d[A-Z]|grads?$|^g_|_d$|param|mem|cache_m")
_ADJOINT_OR_CACHE = re.compile(
    r"^d_?[a-z]|^delta|err|grad_?out|upstream|cotangent|^out|prob|^y|^h|^c$|^x$|pred"
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """The first statement that changes parameter ``parameter`` of a function in place."""

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
        if _is_kept(mutation.parameter) and _is_array(block, mutation):
            yield mutation
    views = dict(_views(block))
    seen: set[str] = set()
    for statement in block.of_kind(tree.Statement):
        for target in _targets(statement):
            name = _root(target)
            changes = isinstance(statement, tree.AugmentedAssign) or isinstance(target, tree.Subscript)
            if name in views and name not in seen and changes and _is_kept(views[name]):
                seen.add(name)
                if isinstance(statement, tree.Assign | tree.AugmentedAssign):
                    yield Mutation(block, views[name], statement)


def _is_kept(parameter: str) -> bool:
    return not _ACCUMULATED.search(parameter) and _ADJOINT_OR_CACHE.search(parameter) is not None


def _is_array(block: CodeBlock, mutation: Mutation) -> bool:
    """Whether the parameter is used as an array: no statement changes a number in place."""
    for node in block.nodes:
        match node:
            case tree.Subscript() if place_of(node) == mutation.parameter:
                return True
            case tree.Attribute(value=tree.Name(id=name)) if name == mutation.parameter:
                return True
            case tree.Binary(operator="@" | "*", left=left, right=right):
                if mutation.parameter in (place_of(left), place_of(right)):
                    return True
    return False


def _views(block: CodeBlock) -> Iterator[tuple[str, str]]:
    """Variables whose only value is a parameter's element or slice, with the parameter: the same memory."""
    for name in block.assigned.keys() - block.parameters:
        assignments = block.assignments(name)
        if len(assignments) != 1 or not isinstance(assignments[0].value, tree.Subscript):
            continue
        view = assignments[0].value
        simple = all(isinstance(each, tree.Name | tree.Constant | tree.Slice) for each in view.indices)
        if simple and (root := _root(view)) in block.parameters:
            yield name, root


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
