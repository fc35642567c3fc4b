"""Where a function changes an array that it was given, instead of making its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnnlint.model.code_blocks import CodeBlock, place_of
from rnnlint.syntax import tree


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
