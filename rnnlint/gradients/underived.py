"""Backward passes that derive nothing: they are right by a forward pass alone.

Any of three signs is enough: the pass calls its own forward again and again; a loop in it shifts an element
by a small constant and divides by that constant, or by twice as much; it computes with objects of a class
that has arithmetic of its own and keeps a gradient.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Mapping

from rnnlint.gradients.callables import Callable
from rnnlint.gradients.library import Library
from rnnlint.gradients.passes import Pass, Style
from rnnlint.sandbox.job import Ran

MOST_FORWARD_CALLS = 25
"""So often no pass over a few steps needs its forward, not even to compute it anew; one that takes
differences needs it hundreds of times."""
LARGEST_SHIFT = 1e-2
_DEEPEST = 3
_A_CHECK = re.compile("check|test|numeric|verify", re.IGNORECASE)
_ARITHMETIC = frozenset({"__add__", "__mul__", "__matmul__", "__array_ufunc__"})
_DERIVATIVE = re.compile("grad|adjoint|deriv|dual|tangent|tape", re.IGNORECASE)

_Constants = Mapping[str, float]


def underived(library: Library, pass_: Pass, base: Ran) -> str | None:
    """How the pass comes by its gradient without deriving it, as a sentence; None where no sign says so.

    ``base`` is a run of it in which calls were counted.
    """
    backward, forward = pass_.backward, pass_.forward
    if forward is not None and pass_.style is Style.PAIR:
        calls = base.calls.get(forward.title, 0)
        if calls > MOST_FORWARD_CALLS:
            return (
                f"{backward.title}() calls {forward.title}() {calls - 1} times: it takes differences and "
                "derives nothing."
            )
    for each in _reached(library, backward):
        line = _line_of_differences(each, library.trees[each.path])
        if line is not None:
            where = "" if each == backward else f" of {each.title}()"
            return (
                f"{backward.title}() takes differences and derives nothing: line {line}{where} shifts single "
                "elements by a small number."
            )
    recorder = _recorder(library, backward)
    if recorder is not None:
        return f"{backward.title}() leaves the derivation to {recorder}, which records what is computed."
    return None


def _recorder(library: Library, backward: Callable) -> str | None:
    """A class whose objects the pass makes, that has arithmetic of its own and keeps a gradient."""
    if backward.owner is not None and _keeps_gradients(backward.owner):
        return None  # the automatic derivation itself, which is somebody's own work
    for node in ast.walk(backward.node):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found = library.class_named(node.func.id)
            if found is not None and _keeps_gradients(found[1]):
                return found[1].name
    return None


def _keeps_gradients(class_: ast.ClassDef) -> bool:
    methods = {member.name for member in class_.body if isinstance(member, ast.FunctionDef)}
    attributes = (
        node.attr for node in ast.walk(class_) if isinstance(node, ast.Attribute) and _is_stored(node)
    )
    return not methods.isdisjoint(_ARITHMETIC) and any(map(_DERIVATIVE.search, attributes))


def _is_stored(attribute: ast.Attribute) -> bool:
    return isinstance(attribute.ctx, ast.Store)


def _reached(library: Library, callable_: Callable) -> Iterator[Callable]:
    """The callable and, breadth first, those that it calls; gradient checks are none of its business."""
    seen = edge = [callable_]
    for _ in range(_DEEPEST):
        yield from edge
        called = dict.fromkeys(inner for each in edge for inner in library.called_by(each))
        edge = [inner for inner in called if inner not in seen and not _A_CHECK.search(inner.name)]
        seen = [*seen, *edge]


def _line_of_differences(callable_: Callable, tree: ast.Module) -> int | None:
    """Where an element is shifted by a number that the same loop divides by."""
    constants = _constants((*tree.body, *ast.walk(callable_.node))) | _defaults(callable_)
    for loop in ast.walk(callable_.node):
        if not isinstance(loop, ast.For | ast.While):
            continue
        nodes = list(ast.walk(loop))
        divisors = [d for node in nodes if (d := _divisor(node, constants)) is not None]
        for node in nodes:
            if isinstance(node, ast.Assign | ast.AugAssign):
                shift = _shift(node, constants)
                if shift and any(math.isclose(d, shift) or math.isclose(d, 2 * shift) for d in divisors):
                    return node.lineno
    return None


def _shift(statement: ast.Assign | ast.AugAssign, constants: _Constants) -> float | None:
    """By how little an element is changed: ``W[i] += eps``, ``W[i] = kept - eps``."""
    match statement:
        case ast.AugAssign(target=ast.Subscript(), op=ast.Add() | ast.Sub(), value=by):
            pass
        case ast.Assign(
            targets=[ast.Subscript()], value=ast.BinOp(left=_, op=ast.Add() | ast.Sub(), right=by)
        ):
            pass
        case _:
            return None
    size = _size(by, constants)
    return size if size is not None and 0 < size <= LARGEST_SHIFT else None


def _divisor(node: ast.AST, constants: _Constants) -> float | None:
    match node:
        case ast.BinOp(op=ast.Div(), right=by) | ast.AugAssign(op=ast.Div(), value=by):
            return _size(by, constants)
        case _:
            return None


def _size(node: ast.expr, constants: _Constants) -> float | None:
    """The magnitude of a constant expression: ``1e-5``, ``eps``, ``2 * eps``, ``1j * eps``, ``10 ** -5``."""
    match node:
        case ast.Constant(value=int() | float() | complex() as value):
            return float(abs(value))
        case ast.Name(id=name):
            return constants.get(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _size(operand, constants)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            a, b = _size(left, constants), _size(right, constants)
            return None if a is None or b is None else a * b
        case ast.BinOp(left=ast.Constant(value=10), op=ast.Pow(), right=ast.UnaryOp(operand=exponent)):
            power = _size(exponent, constants)
            return None if power is None else 10.0**-power
        case _:
            return None


def _constants(nodes: Iterable[ast.AST]) -> dict[str, float]:
    """Names that are set to a number."""
    found: dict[str, float] = {}
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                size = _size(value, {})
                if size is not None:
                    found[name] = size
    return found


def _defaults(callable_: Callable) -> dict[str, float]:
    given = ((p.name, _size(p.default, {})) for p in callable_.parameters if p.default is not None)
    return {name: size for name, size in given if size is not None}
