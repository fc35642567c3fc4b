"""How deeply a program is nested: whoever walks a tree by calling itself has an end to its stack."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cached_property

DEEPEST = 150
"""Levels of one expression, or of statements. Two hundred brackets are all that Python itself reads."""

BLOCKS: dict[type[ast.AST], tuple[str, ...]] = {
    ast.FunctionDef: ("body",),
    ast.AsyncFunctionDef: ("body",),
    ast.ClassDef: ("body",),
    ast.With: ("body",),
    ast.AsyncWith: ("body",),
    ast.For: ("body", "orelse"),
    ast.AsyncFor: ("body", "orelse"),
    ast.While: ("body", "orelse"),
    ast.If: ("body", "orelse"),
    ast.Try: ("body", "handlers", "orelse", "finalbody"),
    ast.TryStar: ("body", "handlers", "orelse", "finalbody"),
    ast.ExceptHandler: ("body",),
    ast.Match: ("cases",),
    ast.match_case: ("body",),
}
"""Where statements hold others, their handlers and cases among them."""

_LONG_LINE = 2 * DEEPEST
_MANY_LINES = 4


def line_nested_too_deeply(tree: ast.Module, text: str) -> int | None:
    """The line (1-based) of the first statement of ``text`` nested deeper than :data:`DEEPEST`, or None."""
    literals = _Literals(text)
    ahead: list[tuple[ast.stmt, int]] = [(each, 1) for each in reversed(tree.body)]
    while ahead:
        statement, depth = ahead.pop()
        if depth > DEEPEST or any(_is_deep(each, literals) for each in _expressions(statement)):
            return statement.lineno
        ahead.extend((each, depth + 1) for each in reversed(tuple(_statements(statement))))
    return None


def _statements(outer: ast.AST) -> Iterator[ast.stmt]:
    for name in BLOCKS.get(type(outer), ()):
        for each in getattr(outer, name):
            if isinstance(each, ast.stmt):
                yield each
            else:
                yield from _statements(each)


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement that are long enough to be deep."""
    if not _is_long(statement):
        return
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.expr) and _is_long(child):
            yield child


def _is_long(node: ast.expr | ast.stmt) -> bool:
    lines = (node.end_lineno or node.lineno) - node.lineno
    return lines >= _MANY_LINES or (node.end_col_offset or 0) > _LONG_LINE


def _is_deep(expression: ast.expr, literals: _Literals) -> bool:
    ahead: list[tuple[ast.AST, int]] = [(expression, 1)]
    while ahead:
        node, depth = ahead.pop()
        if depth + _hidden_levels(node, literals) > DEEPEST:
            return True
        ahead.extend((child, depth + 1) for child in ast.iter_child_nodes(node))
    return False


def _hidden_levels(node: ast.AST, literals: _Literals) -> int:
    """Levels that Python's tree flattens and others do not: ``a and b and c``, ``'a' 'b' 'c'``."""
    match node:
        case ast.BoolOp(values=values):
            return len(values)
        case ast.Constant(value=str(value)) if _is_long(node) and literals.may_be_of_many_pieces(node, value):
            return _pieces(literals.text_of(node))
    return 0


class _Literals:
    """The strings of a program as they are written."""

    def __init__(self, text: str) -> None:
        self._text = text

    def may_be_of_many_pieces(self, literal: ast.expr, value: str) -> bool:
        """Whether there is room for so many quotes around what the literal says; mostly there is not."""
        if literal.end_lineno == literal.lineno:
            return (literal.end_col_offset or 0) - literal.col_offset - len(value) > 2 * DEEPEST
        more_lines_than_said = value.count("\n") < (literal.end_lineno or 0) - literal.lineno
        return more_lines_than_said and self._has_many_quotes

    @cached_property
    def _has_many_quotes(self) -> bool:
        return self._text.count("'") + self._text.count('"') > 2 * DEEPEST

    def text_of(self, literal: ast.expr) -> str:
        """As :func:`ast.get_source_segment`, which takes the whole file to pieces each time."""
        lines = self._lines[literal.lineno - 1 : literal.end_lineno]
        lines[-1] = lines[-1][: literal.end_col_offset]
        lines[0] = lines[0][literal.col_offset :]
        return b"\n".join(lines).decode()

    @cached_property
    def _lines(self) -> list[bytes]:
        return self._text.encode().split(b"\n")


def _pieces(literal: str) -> int:
    """Of how many strings side by side a literal is made."""
    tokens = tokenize.generate_tokens(io.StringIO(f"({literal})").readline)
    begins = {tokenize.STRING, getattr(tokenize, "FSTRING_START", tokenize.STRING)}
    return sum(token.type in begins for token in tokens)
