"""Where the nodes of Python's own tree stand in the text: in characters, with or without parentheses.

Python's tree counts columns in bytes, and knows of parentheses only where they make a tuple or a generator.
What is asked about them is read off the tokens of one statement, and only of statements that are asked about.
"""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence

from rnnlint.findings import Span
from rnnlint.records import dataclass
from rnnlint.syntax.tree import Written

_NO_CODE = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT})
_CALLED = frozenset({tokenize.NAME, tokenize.STRING, tokenize.NUMBER, getattr(tokenize, "FSTRING_END", -1)})
_CLOSING = {")": "(", "]": "[", "}": "{"}
_VALUES = frozenset({"None", "True", "False"})


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    kind: int
    span: Span


class Positions:
    """The places of one text."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._tokens: dict[tuple[int, int], Sequence[_Token]] = {}

    def span(self, node: Written) -> Span:
        """From a node's first to its last character, as Python's tree has it."""
        end_line, end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return Span(
            node.lineno,
            self._column(node.lineno, node.col_offset),
            end_line,
            self._column(end_line, end),
        )

    def bare(self, node: Written, statement: ast.stmt) -> Span:
        """As :meth:`span`, without the parentheses that make a tuple or a generator."""
        span = self.span(node)
        if not isinstance(node, ast.Tuple | ast.GeneratorExp):
            return span
        inside = [each for each in self._tokens_of(statement, span) if _is_within(each.span, span)]
        if inside[0].text != "(" or _partner(inside, 0) != len(inside) - 1:
            return span
        if len(inside) == 2:  # ()
            return Span(span.line, span.column + 1, span.line, span.column + 1)
        return _from_to(inside[1].span, inside[-2].span)

    def enclosed(self, span: Span, statement: ast.stmt) -> Span:
        """``span``, widened by the parentheses around it that do nothing but hold an expression together."""
        if not self._may_be_enclosed(span):
            return span
        tokens = self._tokens_of(statement, span)
        start, end = (span.line, span.column), (span.end_line, span.end_column)
        first = sum((each.span.end_line, each.span.end_column) <= start for each in tokens) - 1
        last = len(tokens) - sum((each.span.line, each.span.column) >= end for each in tokens)
        while first >= 0 and last < len(tokens) and (tokens[first].text, tokens[last].text) == ("(", ")"):
            if first > 0 and _is_called(tokens[first - 1]):
                break
            first, last = first - 1, last + 1
        if last - first == 1:
            return span  # nothing
        return _from_to(tokens[first + 1].span, tokens[last - 1].span)

    def _may_be_enclosed(self, span: Span) -> bool:
        """Whether what stands before and behind, on the same lines, leaves room for parentheses."""
        before = self._lines[span.line - 1][: span.column - 1].rstrip()
        behind = self._lines[span.end_line - 1][span.end_column - 1 :].lstrip()
        return before[-1:] in ("(", "") and behind[:1] in (")", "", "#", "\\")

    def text(self, span: Span) -> str:
        """What stands there."""
        lines = self._lines[span.line - 1 : span.end_line]
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return "\n".join(lines)

    def _column(self, line: int, offset: int) -> int:
        """The 1-based character at an offset in bytes."""
        text = self._lines[line - 1]
        return 1 + (offset if text.isascii() else len(text.encode()[:offset].decode(errors="replace")))

    def _tokens_of(self, statement: ast.stmt, span: Span) -> Sequence[_Token]:
        """The tokens of the logical line around ``span``: the statement's first, or that of a decorator."""
        start = statement.lineno, self._column(statement.lineno, statement.col_offset)
        if (span.line, span.column) < start:
            decorators = getattr(statement, "decorator_list", ())
            start = max(each.lineno for each in decorators if each.lineno <= span.line), 1
        if start not in self._tokens:
            self._tokens[start] = tuple(self._read_tokens(*start))
        return self._tokens[start]

    def _read_tokens(self, line: int, column: int) -> Iterator[_Token]:
        rest = io.StringIO("\n".join((self._lines[line - 1][column - 1 :], *self._lines[line:])) + "\n")
        for token in tokenize.generate_tokens(rest.readline):
            if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
                return
            if token.type in _NO_CODE:
                continue
            (start_line, start), (end_line, end) = token.start, token.end
            start += column if start_line == 1 else 1
            end += column if end_line == 1 else 1
            span = Span(line + start_line - 1, start, line + end_line - 1, end)
            yield _Token(token.string, token.type, span)


def _is_within(inner: Span, outer: Span) -> bool:
    begins = (outer.line, outer.column) <= (inner.line, inner.column)
    return begins and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)


def _from_to(first: Span, last: Span) -> Span:
    return Span(first.line, first.column, last.end_line, last.end_column)


def _partner(tokens: Sequence[_Token], opening: int) -> int:
    """The place of the bracket that closes the one at ``opening``."""
    depth = 0
    for number, token in enumerate(tokens[opening:], opening):
        if token.kind == tokenize.OP:
            depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 0:
            return number
    raise ValueError("a bracket that is never closed")


def _is_called(before: _Token) -> bool:
    """Whether a parenthesis behind this token begins the arguments of a call."""
    if before.kind == tokenize.NAME and before.text not in _VALUES:
        return not keyword.iskeyword(before.text)
    return before.kind in _CALLED or before.text in (")", "]", "}")
