"""Recognises the statements that change parameters, and what gradient each of them applies."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable, Iterator

from rnnlint.gradients.driver.names import last_word, name_of, statements_in
from rnnlint.gradients.pairing import is_gradient_name
from rnnlint.gradients.roles import Role, role_of
from rnnlint.records import dataclass

_RATE_WORDS = re.compile(r"(^|_)(lr|rate|alpha|eta|step_?size)($|_|\d)|learning", re.IGNORECASE)
_SUMMED = re.compile(r"loss|cost|error|count|total|acc|sum|num|correct|entropy", re.IGNORECASE)


@dataclass(frozen=True)
class Update:
    """``W -= lr * dW``: the parameter, and Python for the gradient (with the sign that descends)."""

    statement: ast.stmt
    parameter: str
    gradient: ast.expr

    @property
    def reads(self) -> set[str]:
        """The dotted names in the gradient."""
        return {n for node in ast.walk(self.gradient) if isinstance(node, ast.expr) and (n := name_of(node))}


def updates_in(statements: Iterable[ast.stmt]) -> Iterator[Update]:
    """The updates among the statements and inside them."""
    zipped: set[int] = set()
    for statement in statements_in(statements):
        if isinstance(statement, ast.For):
            pairs = list(_zipped(statement))
            if pairs:
                zipped |= {id(inner) for inner in statements_in(statement.body)}
                yield from pairs
        found = _update(statement) if id(statement) not in zipped else None
        if found is not None:
            yield found


def _zipped(loop: ast.For) -> Iterator[Update]:
    """``for W, dW in zip([Wx, Wh], [dWx, dWh]): W -= lr * dW``: an update for each place of the lists."""
    match loop:
        case ast.For(target=ast.Tuple(elts=names), iter=ast.Call(func=ast.Name(id="zip"), args=lists)) if len(
            names
        ) == len(lists):
            held = {
                n.id: one.elts
                for n, one in zip(names, lists, strict=True)
                if isinstance(n, ast.Name) and isinstance(one, ast.List | ast.Tuple)
            }
        case _:
            return
    inner = [u for s in statements_in(loop.body) if (u := _update(s)) is not None and u.parameter in held]
    if not inner or len(held) < 2:
        return
    update = inner[-1]
    applied = [
        n
        for n in held
        if n != update.parameter and any(is_gradient_name(last_word(name_of(e))) for e in held[n])
    ]
    if not applied:
        return
    negative = isinstance(update.gradient, ast.UnaryOp) and not _is_doubly_negated(update.gradient)
    for parameter, gradient in zip(held[update.parameter], held[applied[0]], strict=False):
        if name_of(parameter):
            signed = ast.UnaryOp(ast.USub(), gradient) if negative else gradient
            yield Update(loop, name_of(parameter), signed)


def _is_doubly_negated(gradient: ast.UnaryOp) -> bool:
    return isinstance(gradient.operand, ast.UnaryOp)


def _update(statement: ast.stmt) -> Update | None:
    match statement:
        case ast.AugAssign(target=target, op=ast.Sub() | ast.Add() as operator, value=change):
            pass
        case ast.Assign(
            targets=[target], value=ast.BinOp(left=left, op=ast.Sub() | ast.Add() as operator, right=change)
        ) if name_of(left) == name_of(target) and not isinstance(left, ast.Subscript):
            pass
        case _:
            return None
    parameter = name_of(target)
    if isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Constant):
        return None  # W[k] of any k: which one it is, only the run knows
    if not parameter or _SUMMED.search(last_word(parameter)):
        return None
    down = isinstance(operator, ast.Sub)
    gradient, rated = _without_rate(change)
    marked = _gradient_named(change)
    if not rated and not (down and len(marked) == 1 and name_of(change) in marked):
        return None
    if is_gradient_name(last_word(parameter)) and not marked:
        return None
    if len(marked) == 1 and name_of(change) not in marked:
        signed = _sign(change)
        gradient = _parsed(("-" if signed < 0 else "") + next(iter(marked)))
    if not down:
        gradient = ast.UnaryOp(ast.USub(), gradient)
    return Update(statement, parameter, gradient)


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _gradient_named(change: ast.expr) -> set[str]:
    """Python of the outermost names in an expression that carry a gradient's mark."""
    found: set[str] = set()
    waiting: list[ast.AST] = [change]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            word = last_word(name_of(node))
            if word and is_gradient_name(word) and not _is_rate(node):
                found.add(ast.unparse(node))
                continue
        waiting += ast.iter_child_nodes(node)
    return found


def _sign(change: ast.expr) -> int:
    match change:
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_sign(inner)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div()):
            right = change.right
            return _sign(left) * _sign(right)
        case ast.Constant(value=int() | float() as number):
            return -1 if number < 0 else 1
        case _:
            return 1


def is_rate_name(word: str) -> bool:
    """Whether a name says learning rate."""
    return role_of(word) is Role.RATE or bool(_RATE_WORDS.search(word))


def _is_rate(node: ast.AST) -> bool:
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        word = last_word(name_of(node))
        return bool(word) and is_rate_name(word)
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and 0 < node.value < 1


def _without_rate(change: ast.expr) -> tuple[ast.expr, bool]:
    """The product with its learning rate made 1, and whether there was one."""
    if _is_rate(change):
        return ast.Constant(1.0), True
    match change:
        case ast.UnaryOp(operand=inner):
            kept, rated = _without_rate(inner)
            made = copy.copy(change)
            made.operand = kept
            return made, rated
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as operator, right=right):
            kept_left, rated_left = _without_rate(left)
            kept_right, rated_right = (right, False) if rated_left else _without_rate(right)
            if rated_left and isinstance(kept_left, ast.Constant) and isinstance(operator, ast.Mult):
                return right, True
            if rated_right and isinstance(kept_right, ast.Constant):
                return left, True
            product = copy.copy(change)
            product.left, product.right = kept_left, kept_right
            return product, rated_left or rated_right
        case _:
            return change, False
