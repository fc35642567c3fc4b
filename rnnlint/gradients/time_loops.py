"""Loops that go back through time, by what they do and not by what anything is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.gradients.labels import label, own_nodes

Loop = ast.For | ast.While


def goes_back(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function itself walks the steps from the last to the first, once a call.

    A loop that stands in another (over epochs, over batches) is part of a training run.
    """
    return any(_descends(loop) for loop in _outermost_loops(function.body))


def called_on_the_way_back(tree: ast.Module) -> frozenset[str]:
    """The names of what loops that go back through time call: the backward passes of one step."""
    return frozenset(
        label(called.func)
        for loop in ast.walk(tree)
        if isinstance(loop, Loop) and _descends(loop)
        for called in ast.walk(loop)
        if isinstance(called, ast.Call)
    )


def _outermost_loops(statements: list[ast.stmt]) -> Iterator[Loop]:
    for statement in statements:
        if isinstance(statement, Loop):
            yield statement
        elif isinstance(statement, ast.If | ast.With | ast.Try):
            inner = [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]
            yield from _outermost_loops(inner)


def _descends(loop: Loop) -> bool:
    """``for t in reversed(…)``, ``range(T - 1, -1, -1)``, ``x[::-1]``; a ``while`` that counts down; a
    ``range`` whose counter is only used to count from the end, as in ``x[-t - 1]`` and ``x[T - 1 - t]``.
    """
    if isinstance(loop, ast.While):
        return any(
            isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub) and _is_one(node.value)
            for node in own_nodes(loop)
        )
    if _is_reversed(loop.iter):
        return True
    return isinstance(loop.target, ast.Name) and _counts_from_the_end(loop, loop.target.id)


def _is_reversed(steps: ast.expr) -> bool:
    match steps:
        case ast.Call(func=ast.Name(id="reversed")):
            return True
        case ast.Call(func=ast.Name(id="range" | "xrange"), args=[_, _, step]):
            return _is_negative(step)
        case ast.Call(func=ast.Attribute(attr="arange"), args=[_, _, step]):
            return _is_negative(step)
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "list" | "tqdm" | "trange"), args=arguments):
            return any(_is_reversed(argument) for argument in arguments)
        case ast.Subscript(slice=ast.Slice(step=ast.expr() as step)):
            return _is_negative(step)
        case _:
            return False


def _is_negative(step: ast.expr) -> bool:
    return isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub)


def _is_one(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value == 1


def _counts_from_the_end(loop: ast.For, counter: str) -> bool:
    inside = list(own_nodes(loop))
    if any(isinstance(node, ast.Subscript) and _is_name(node.slice, counter) for node in inside):
        return False
    return any(_takes_away(node, counter) for node in inside)


def _takes_away(node: ast.AST, counter: str) -> bool:
    match node:
        case ast.BinOp(op=ast.Sub(), right=taken) | ast.UnaryOp(op=ast.USub(), operand=taken):
            return _is_name(taken, counter)
        case _:
            return False


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
