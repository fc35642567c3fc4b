"""How deeply a program is nested: whoever walks a tree by calling itself has an end to its stack."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

DEEPEST = 150
"""Levels of one expression, or of statements. Two hundred brackets are all that Python itself reads."""

_LONG_LINE = 2 * DEEPEST
_MANY_LINES = 4


def line_nested_too_deeply(tree: ast.Module, text: str) -> int | None:
    """The line (1-based) of the first statement of ``text`` nested deeper than :data:`DEEPEST`, or None."""
    ahead: list[tuple[ast.stmt, int]] = [(each, 1) for each in reversed(tree.body)]
    while ahead:
        statement, depth = ahead.pop()
        if depth > DEEPEST or any(_is_deep(each, text) for each in _expressions(statement)):
            return statement.lineno
        ahead.extend((each, depth + 1) for each in reversed(tuple(_statements(statement))))
    return None


def _statements(outer: ast.AST) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(outer):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement that are long enough to be deep."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.expr) and _is_long(child):
            yield child


def _is_long(expression: ast.expr) -> bool:
    lines = (expression.end_lineno or expression.lineno) - expression.lineno
    return lines >= _MANY_LINES or (expression.end_col_offset or 0) > _LONG_LINE


def _is_deep(expression: ast.expr, text: str) -> bool:
    ahead: list[tuple[ast.AST, int]] = [(expression, 1)]
    while ahead:
        node, depth = ahead.pop()
        if depth + _hidden_levels(node, text) > DEEPEST:
            return True
        ahead.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return False


def _hidden_levels(node: ast.AST, text: str) -> int:
    """Levels that Python's tree flattens and others do not: ``a and b and c``, ``'a' 'b' 'c'``."""
    match node:
        case ast.BoolOp(values=values):
            return len(values)
        case ast.Constant(value=str(value)) if _is_long(node) and _may_be_of_many_pieces(node, value, text):
            return _pieces(ast.get_source_segment(text, node) or "")
    return 0


def _may_be_of_many_pieces(literal: ast.expr, value: str, text: str) -> bool:
    """Whether there is room for so many quotes around what the literal says; mostly there is not.

    The exact text of a literal is slow to come by, and every long comment of a function would ask for it.
    """
    if literal.end_lineno == literal.lineno:
        return (literal.end_col_offset or 0) - literal.col_offset - len(value) > 2 * DEEPEST
    return text.count("'") + text.count('"') > 2 * DEEPEST and value.count("\n") < (
        (literal.end_lineno or 0) - literal.lineno
    )


def _pieces(literal: str) -> int:
    """Of how many strings side by side a literal is made."""
    tokens = tokenize.generate_tokens(io.StringIO(f"({literal})").readline)
    begins = {tokenize.STRING, getattr(tokenize, "FSTRING_START", tokenize.STRING)}
    return sum(token.type in begins for token in tokens)
