"""A program's text with its syntax tree: which characters an expression occupies, and what replaces them."""

from __future__ import annotations

import ast
from functools import cached_property, lru_cache
from pathlib import Path

from rnnlint.findings import Edit, Span
from rnnlint.records import dataclass

_PRECEDENCE: dict[type[ast.AST], int] = {
    ast.Add: 1,
    ast.Sub: 1,
    ast.Mult: 2,
    ast.MatMult: 2,
    ast.Div: 2,
    ast.Mod: 2,
    ast.FloorDiv: 2,
    ast.USub: 3,
    ast.UAdd: 3,
    ast.Pow: 4,
}
LOOSEST, TIGHTEST = 0, 5


@dataclass(frozen=True)
class ProgramText:
    """One file's text; it parses."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def functions(self) -> dict[str, tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]]:
        """All functions and methods, by name."""
        found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(node.name, []).append(node)
        return {name: tuple(functions) for name, functions in found.items()}

    @cached_property
    def _spans(self) -> dict[ast.AST, Span]:
        return {}

    @cached_property
    def _parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node that holds ``node``; None for the module itself."""
        return self._parents.get(node)

    def span(self, node: ast.expr | ast.stmt) -> Span:
        """Where ``node`` stands, without parentheses round it."""
        known = self._spans.get(node)
        if known is None:
            end = node.end_lineno or node.lineno
            first, last = (
                self._column(node.lineno, node.col_offset),
                self._column(end, node.end_col_offset or 0),
            )
            known = self._spans[node] = Span(node.lineno, first, end, last)
        return known

    def source(self, node: ast.expr | ast.stmt) -> str:
        """The text of ``node`` as it stands, without parentheses round it."""
        return self.between(self.span(node))

    def between(self, span: Span) -> str:
        """The characters of ``span``."""
        if span.line == span.end_line:
            return self.lines[span.line - 1][span.column - 1 : span.end_column - 1]
        first = self.lines[span.line - 1][span.column - 1 :]
        last = self.lines[span.end_line - 1][: span.end_column - 1]
        return "\n".join([first, *self.lines[span.line : span.end_line - 1], last])

    def outer_span(self, node: ast.expr) -> Span:
        """Where ``node`` stands, with the parentheses that belong to it alone."""
        span = self.span(node)
        parent = self.parent(node)
        while self._is_enclosed(span):
            before = self.lines[span.line - 1][: span.column - 1].rstrip()
            after = self.lines[span.end_line - 1][span.end_column - 1 :]
            closing = span.end_column + len(after) - len(after.lstrip()) + 1
            wider = Span(span.line, len(before), span.end_line, closing)
            if (
                isinstance(parent, ast.Call)
                and parent.args == [node]
                and wider.end_column == self.span(parent).end_column
            ):
                break
            span = wider
        return span

    def operand(self, node: ast.expr, operator: type[ast.AST] = ast.Mult) -> str:
        """The text of ``node`` as an operand of ``operator``: in parentheses where it binds more loosely."""
        text = self.source(node)
        return f"({text})" if precedence(node) < _PRECEDENCE[operator] else text

    def replacement(self, node: ast.expr, new: str) -> Edit:
        """The edit that puts ``new`` in the place of ``node``, in parentheses where needed."""
        span = self.span(node)
        if self._binding(node) > precedence_of_text(new) and not self._is_enclosed(span):
            new = f"({new})"
        return Edit(self.path, span, new)

    def _binding(self, node: ast.expr) -> int:
        """How tightly what stands round ``node`` binds."""
        parent = self.parent(node)
        match parent:
            case ast.BinOp(op=op, right=right):
                tight = _PRECEDENCE.get(type(op), TIGHTEST)
                loose_side = isinstance(op, ast.Add | ast.Mult) or (
                    right is not node and type(op) is not ast.Pow
                )
                return tight if loose_side else tight + 1
            case ast.UnaryOp():
                return TIGHTEST
            case ast.Attribute() | ast.Subscript(value=ast.expr()) if getattr(parent, "value", None) is node:
                return TIGHTEST
            case _:
                return LOOSEST

    def _is_enclosed(self, span: Span) -> bool:
        before = self.lines[span.line - 1][: span.column - 1].rstrip()
        after = self.lines[span.end_line - 1][span.end_column - 1 :].lstrip()
        return before.endswith("(") and after.startswith(")")

    def _column(self, line: int, offset: int) -> int:
        text = self.lines[line - 1]
        return offset + 1 if text.isascii() else len(text.encode()[:offset].decode()) + 1


@lru_cache(maxsize=64)
def program_text(path: Path, text: str) -> ProgramText:
    """The same object for the same text, so that it is parsed once."""
    return ProgramText(path, text)


def precedence(node: ast.expr) -> int:
    """How tightly the outermost operator of ``node`` binds."""
    match node:
        case ast.BinOp(op=operator) | ast.UnaryOp(op=operator):
            return _PRECEDENCE.get(type(operator), LOOSEST)
        case ast.Compare() | ast.IfExp() | ast.BoolOp() | ast.Lambda() | ast.Tuple():
            return LOOSEST
        case _:
            return TIGHTEST


@lru_cache(maxsize=8192)
def precedence_of_text(expression: str) -> int:
    """As :func:`precedence`, from an expression's text: the loosest operator outside brackets."""
    loosest, depth, before = TIGHTEST, 0, ""
    for position, character in enumerate(expression):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif depth == 0 and character in "+-*@/%":
            power = "*" in (before, expression[position + 1 : position + 2]) and character == "*"
            unary = character in "+-" and (not before or before in "+-*@/%")
            found = 4 if power else 3 if unary else 1 if character in "+-" else 2
            loosest = min(loosest, found)
        if not character.isspace():
            before = character
    return loosest
