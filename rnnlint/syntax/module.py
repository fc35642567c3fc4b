"""One parsed file: its statements, what it defines and imports, and the spans of its nodes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

from rnnlint.findings import Span
from rnnlint.source import Source, tree_of
from rnnlint.syntax import tree
from rnnlint.syntax.lower import lower_module
from rnnlint.syntax.positions import Positions

MOST_HELD = 64
"""How many parsed files are kept: as many as a project holds."""


class Module:
    """A file as :mod:`rnnlint.syntax.tree`, parsed once; all else is worked out when asked for."""

    def __init__(self, source: Source) -> None:
        """Parse ``source``, whose text must be Python (:attr:`Source.problem` is None)."""
        self.source = source
        self.body = lower_module(tree_of(source.text))

    @property
    def path(self) -> Path:
        """The file."""
        return self.source.path

    def span(self, node: tree.Node) -> Span:
        """Where a node of this file stands, without whitespace and parentheses around it.

        Raises :class:`KeyError` for a node of another file.
        """
        if not self.holds(node):
            raise KeyError(node)
        return self._span(node)

    def _span(self, node: tree.Node) -> Span:
        if isinstance(node, tree.Logical):  # Python's tree has one node for all of `a and b and c`
            start, end = self._positions.span(node.at), self._enclosed(node.right)
            return Span(start.line, start.column, end.end_line, end.end_column)
        return self._positions.bare(node.at, self._statement_at(node))

    def _enclosed(self, node: tree.Node) -> Span:
        """Where a node stands, with the parentheses that are its own."""
        return self._positions.enclosed(self._span(node), self._statement_at(node))

    def text_of(self, node: tree.Node) -> str:
        """A node's own text, as written, with the parentheses that are its own."""
        return self._positions.text(self._enclosed(node))

    def is_in_parentheses(self, node: tree.Node) -> bool:
        """Whether parentheses around a node hold it together: ``(a + b)``."""
        return self._enclosed(node) != self._span(node)

    def operand_text(self, node: tree.Node) -> str:
        """As :meth:`text_of`, in parentheses where an operator beside it could tear the text apart."""
        text = self.text_of(node)
        whole = isinstance(node, tree.Name | tree.Attribute | tree.Subscript | tree.Call | tree.Sequence)
        whole = whole or isinstance(node, tree.Constant) or self.is_in_parentheses(node)
        return text if whole else f"({text})"

    def holds(self, node: tree.Node) -> bool:
        """Whether a node is of this file."""
        return id(node) in self.parents or any(node is each for each in self.body)

    @cached_property
    def _positions(self) -> Positions:
        return Positions(self.source.text)

    def _statement_at(self, node: tree.Node) -> ast.stmt:
        statement = self.statement_of(node)
        if statement is None or not isinstance(statement.at, ast.stmt):
            raise KeyError(node)
        return statement.at

    def walk(self) -> Iterator[tree.Node]:
        """Every node, in the order of the text."""
        return iter(self._nodes)

    @cached_property
    def _nodes(self) -> tuple[tree.Node, ...]:
        return tuple(node for statement in self.body for node in statement.walk())

    @cached_property
    def parents(self) -> Mapping[int, tree.Node]:
        """The node that directly holds a node, by the inner one's ``id()``."""
        return {id(child): node for node in self._nodes for child in node.children}

    def parent(self, node: tree.Node) -> tree.Node | None:
        """The node that directly holds ``node``; None for a statement of the file itself."""
        return self.parents.get(id(node))

    def ancestors(self, node: tree.Node) -> Iterator[tree.Node]:
        """From ``node``'s parent outwards."""
        while (outer := self.parents.get(id(node))) is not None:
            yield outer
            node = outer

    def statement_of(self, node: tree.Node) -> tree.Statement | None:
        """The innermost statement that holds ``node`` (itself, if it is one)."""
        if isinstance(node, tree.Statement):
            return node
        return next((each for each in self.ancestors(node) if isinstance(each, tree.Statement)), None)

    def of_kind(self, *kinds: type[tree.Kind]) -> tuple[tree.Kind, ...]:
        """Every node of these kinds, in the order of the text."""
        if len(kinds) == 1:
            return self._by_kind.of(kinds[0])
        return tuple(node for node in self._nodes if isinstance(node, kinds))

    @cached_property
    def _by_kind(self) -> tree.ByKind:
        return tree.ByKind(self._nodes)

    @cached_property
    def functions(self) -> Mapping[str, tree.Function]:
        """The functions at the file's top level; the last definition of a name."""
        return {each.name: each for each in self._top_level if isinstance(each, tree.Function)}

    @cached_property
    def classes(self) -> Mapping[str, tree.Class]:
        """The classes at the file's top level; the last definition of a name."""
        return {each.name: each for each in self._top_level if isinstance(each, tree.Class)}

    @cached_property
    def imports(self) -> tuple[tree.ImportedName, ...]:
        """Every name that an import statement binds anywhere in the file."""
        return tuple(name for each in self.of_kind(tree.Import) for name in each.names)

    @cached_property
    def _top_level(self) -> tuple[tree.Statement, ...]:
        return tuple(_unconditional(self.body))


@lru_cache(maxsize=MOST_HELD)
def module_of(source: Source) -> Module:
    """``source`` parsed, once for all files of a program that look at it. Its text must be Python."""
    return Module(source)


def _unconditional(body: tuple[tree.Statement, ...]) -> Iterator[tree.Statement]:
    for statement in body:
        yield statement
        if isinstance(statement, tree.If):
            yield from _unconditional(statement.body + statement.otherwise)
        elif isinstance(statement, tree.Try):
            yield from _unconditional(statement.body + statement.handlers)
