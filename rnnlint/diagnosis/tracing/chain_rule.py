"""What an operation sends back to its operands, given what arrives at its result: the chain rule, one rule
an operation.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnlint.diagnosis.tracing.watched import is_product

Array = np.ndarray[Any, np.dtype[np.float64]]


def operand_adjoints(
    node: ast.expr, adjoint: Array, value: Array, operands: Sequence[Array | None]
) -> Sequence[Array | None]:
    """The adjoints of the operands of ``node``, whose value has ``adjoint``; None where no rule is known."""
    match node:
        case ast.Attribute(attr="T"):
            return [adjoint.T]
        case ast.UnaryOp(op=ast.USub()):
            return [-adjoint]
        case ast.BinOp(op=ast.Add()):
            return [_like(adjoint, operand) for operand in operands]
        case ast.BinOp(op=ast.Sub()):
            return [_like(adjoint, operands[0]), _like(-adjoint, operands[1])]
        case ast.BinOp(op=ast.MatMult()):
            return _of_product(adjoint, *operands)
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            a = _constant(left) if operands[0] is None else operands[0]
            b = _constant(right) if operands[1] is None else operands[1]
            return _of_elementwise(adjoint, a, b)
        case ast.Call() if is_product(node) and len(operands) == 2 and isinstance(node.func, ast.Attribute):
            if node.func.attr == "multiply":
                return _of_elementwise(adjoint, *operands)
            if node.func.attr == "outer":
                return _of_outer(adjoint, *operands)
            return _of_product(adjoint, *operands)
        case ast.Call():
            return [None if operand is None else _through(adjoint, value, operand) for operand in operands]
        case _:
            return []


def _through(adjoint: Array, value: Array, argument: Array) -> Array | None:
    """Through a call of which only the numbers are known: one of the usual functions, or a rearrangement."""
    if value.shape == argument.shape:
        with np.errstate(all="ignore"):
            for computed, slope in (
                (1 / (1 + np.exp(-argument)), value * (1 - value)),
                (np.tanh(argument), 1 - value**2),
                (np.exp(argument), value),
                (argument, np.ones_like(value)),
                (np.maximum(argument, 0), (argument > 0) * 1.0),
            ):
                if np.allclose(computed, value, rtol=1e-9, atol=1e-12):
                    return np.asarray(adjoint * slope)
            softmax = _through_softmax(adjoint, value, argument)
            if softmax is not None:
                return softmax
    return through_rearrangement(adjoint, value, argument)


def _through_softmax(adjoint: Array, value: Array, argument: Array) -> Array | None:
    for axis in [None, *range(argument.ndim)]:
        powers = np.exp(argument - np.max(argument, axis=axis, keepdims=True))
        if np.allclose(powers / powers.sum(axis=axis, keepdims=True), value, rtol=1e-9, atol=1e-12):
            return np.asarray(value * (adjoint - np.sum(adjoint * value, axis=axis, keepdims=True)))
    return None


def through_rearrangement(adjoint: Array, value: Array, argument: Array) -> Array | None:
    """Where the result holds the argument's numbers, each once: stacked, reshaped or copied."""
    if argument.size < 2 or argument.size > value.size:
        return None
    order = np.argsort(value, axis=None)
    held = value.reshape(-1)[order]
    if np.any(np.diff(held) == 0):
        return None
    places = np.minimum(np.searchsorted(held, argument.reshape(-1)), held.size - 1)
    if not np.array_equal(held[places], argument.reshape(-1)):
        return None
    return np.asarray(adjoint.reshape(-1)[order[places]].reshape(argument.shape))


def _constant(node: ast.expr) -> Array | None:
    match node:
        case ast.Constant(value=int() | float() as value):
            return np.array(float(value))
        case _:
            return None


def _like(adjoint: Array, value: Array | None) -> Array | None:
    """The adjoint of what was broadcast: summed over the axes that were made."""
    if value is None or adjoint.shape == value.shape:
        return adjoint if value is not None else None
    if value.ndim > adjoint.ndim:
        return None
    made = adjoint.sum(axis=tuple(range(adjoint.ndim - value.ndim)))
    axes = tuple(n for n, (a, v) in enumerate(zip(made.shape, value.shape, strict=True)) if v == 1 and a != 1)
    made = np.asarray(made.sum(axis=axes, keepdims=True))
    return made if made.shape == value.shape else None


def _of_elementwise(adjoint: Array, a: Array | None, b: Array | None) -> Sequence[Array | None]:
    if a is None or b is None:
        return [None, None]
    return [_like(adjoint * b, a), _like(adjoint * a, b)]


def _of_outer(adjoint: Array, a: Array | None, b: Array | None) -> Sequence[Array | None]:
    if a is None or b is None:
        return [None, None]
    return [(adjoint @ b.reshape(-1)).reshape(a.shape), (a.reshape(-1) @ adjoint).reshape(b.shape)]


def _of_product(adjoint: Array, a: Array | None, b: Array | None) -> Sequence[Array | None]:
    if a is None or b is None:
        return [None, None]
    match a.ndim, b.ndim:
        case 2, 2:
            return [adjoint @ b.T, a.T @ adjoint]
        case 2, 1:
            return [np.outer(adjoint, b), a.T @ adjoint]
        case 1, 2:
            return [b @ adjoint, np.outer(a, adjoint)]
        case 1, 1:
            return [adjoint * b, adjoint * a]
        case 0, _:
            return _of_elementwise(adjoint, a, b)
        case _:
            return [None, None]
