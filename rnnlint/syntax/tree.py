"""The tree the model reads: Python's expressions and statements, fewer and simpler than libcst's.

Two nodes are equal where they say the same: ``cst``, the libcst node that a span is looked up by, is no
part of what a node says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import libcst as cst


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything with a place in the file."""

    cst: cst.CSTNode = field(compare=False, repr=False)
    _children: tuple[Node, ...] = field(init=False, compare=False, repr=False)

    def children(self) -> tuple[Node, ...]:
        """The nodes directly inside this one, in the order of the text; worked out once, asked for often."""
        try:
            return self._children
        except AttributeError:
            object.__setattr__(self, "_children", tuple(_nodes_in(self)))
            return self._children

    def walk(self) -> Iterator[Node]:
        """This node and everything inside it, in the order of the text."""
        ahead: list[Node] = [self]
        while ahead:
            node = ahead.pop()
            yield node
            ahead.extend(node.children()[::-1])


def _nodes_in(node: Node) -> Iterator[Node]:
    for name in _child_fields(type(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (each for each in value if isinstance(each, Node))


@cache
def _child_fields(kind: type[Node]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind) if each.name not in ("cst", "_children"))


# --- expressions ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression(Node):
    """Something with a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Expression):
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Expression):
    """A literal; an f-string or bytes has ``value`` Ellipsis."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute(Expression):
    value: Expression
    attr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Expression):
    lower: Expression | None
    upper: Expression | None
    step: Expression | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscript(Expression):
    """``value[indices]``: one index an axis."""

    value: Expression
    indices: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword(Expression):
    """``name=value`` in a call; ``name`` is None for ``**value``."""

    name: str | None
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Expression):
    function: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[Keyword, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Expression):
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Expression):
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare(Expression):
    left: Expression
    operators: tuple[str, ...]
    rights: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logical(Expression):
    """``left and right``, ``left or right``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional(Expression):
    test: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence(Expression):
    """A tuple, list or set display; ``kind`` says which."""

    kind: str
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping(Expression):
    """A dict display; the key of ``**other`` is None."""

    keys: tuple[Expression | None, ...]
    values: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Starred(Expression):
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Comprehension(Expression):
    """A comprehension of one ``for``; deeper ones and dict ones are :class:`Opaque`."""

    kind: str
    element: Expression
    target: Expression
    iterable: Expression
    conditions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lambda(Expression):
    parameters: tuple[Parameter, ...]
    body: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque(Expression):
    """An expression that no rule reads; ``inside`` holds those in it."""

    inside: tuple[Expression, ...]


# --- statements -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(Node):
    """One statement; those that share a line by ``;`` are separate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Statement):
    """``a = b = value``; an annotated assignment has one target."""

    targets: tuple[Expression, ...]
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentedAssign(Statement):
    """``target += value``; the operator is ``+``."""

    target: Expression
    operator: str
    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluate(Statement):
    """An expression for its effect."""

    value: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Statement):
    value: Expression | None


@dataclass(frozen=True, slots=True, kw_only=True)
class For(Statement):
    target: Expression
    iterable: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class While(Statement):
    test: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Statement):
    test: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class With(Statement):
    items: tuple[Expression, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Try(Statement):
    """The handlers' bodies stand in ``handlers`` one after another."""

    body: tuple[Statement, ...]
    handlers: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    final: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Node):
    """``kind`` is ``""``, ``"*"`` or ``"**"``."""

    name: str
    default: Expression | None
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Statement):
    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    decorators: tuple[Expression, ...]

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """All parameters, ``self`` included."""
        return tuple(each.name for each in self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Class(Statement):
    name: str
    bases: tuple[Expression, ...]
    body: tuple[Statement, ...]

    @property
    def methods(self) -> dict[str, Function]:
        """Its own methods, the last definition of a name."""
        return {each.name: each for each in self.body if isinstance(each, Function)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedName(Node):
    """``import module`` (``name`` None) or ``from module import name`` (``*``: all); bound to ``bound``."""

    module: str
    level: int
    name: str | None
    bound: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Statement):
    names: tuple[ImportedName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Other(Statement):
    """``pass``, ``break``, ``del``, ``assert``, ``global`` …; ``keyword`` says which."""

    keyword: str
    values: tuple[Expression, ...] = ()
    names: tuple[str, ...] = ()
