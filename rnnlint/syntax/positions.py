"""Where libcst nodes stand in the text: one code generation that notes the start and end of each node.

This leans on how libcst generates code (`CodegenState`'s hooks), as its own PositionProvider does; the tests
hold the two to the same answers. Unlike it, nothing of `libcst.metadata` is imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import libcst as cst
from libcst._nodes.internal import CodegenState

from rnnlint.findings import Span


def spans(module: cst.Module) -> Mapping[int, Span]:
    """The span of every node of ``module`` by its ``id()``, without whitespace and parentheses around it."""
    state = _Recorder(module.default_indent, module.default_newline)
    module._codegen(state)
    return state.spans


class _Recorder(CodegenState):
    def __init__(self, indent: str, newline: str) -> None:
        super().__init__(default_indent=indent, default_newline=newline)
        self.spans: dict[int, Span] = {}
        self.line, self.column = 1, 1
        self.starts: list[tuple[int, int]] = []

    def add_token(self, value: str) -> None:
        self._advance(value)

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self._advance(token)

    def _advance(self, value: str) -> None:
        newlines = value.count("\n")
        if newlines:
            self.line += newlines
            self.column = len(value) - value.rfind("\n")
        else:
            self.column += len(value)

    def before_codegen(self, node: cst.CSTNode) -> None:
        self.starts.append((self.line, self.column))

    def after_codegen(self, node: cst.CSTNode) -> None:
        start = self.starts.pop()
        if id(node) not in self.spans:
            self.spans[id(node)] = Span(*start, self.line, self.column)

    @contextmanager
    def record_syntactic_position(
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> Iterator[None]:
        start = self.line, self.column
        yield
        end = self.line, self.column
        if start_node is not None:
            first = self.spans[id(start_node)]
            start = first.line, first.column
        if end_node is not None:
            last = self.spans[id(end_node)]
            end = last.end_line, last.end_column
        self.spans[id(node)] = Span(*start, *end)
