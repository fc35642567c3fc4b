"""The tree the model reads: Python's expressions and statements, fewer and simpler than those of :mod:`ast`.

Two nodes are equal where they say the same: ``at``, the node of Python's own tree that says where this one
stands, is no part of what a node says.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar, dataclass_transform

Kind = TypeVar("Kind", bound="Node")
Written = ast.expr | ast.stmt | ast.arg | ast.keyword | ast.alias
"""What of Python's tree has a place in the text."""


_LEAVES = frozenset({"str", "int", "str | None", "tuple[str, ...]", "Any"})
"""What a field is that holds no node."""


@dataclass_transform(kw_only_default=True, frozen_default=True)
class _Record:
    """What a frozen dataclass of keywords would be, without code made for each class.

    Making forty dataclasses takes a start-up longer than parsing a file. The annotations of a class are its
    fields, those of its bases first; ``at`` counts for nothing in a comparison. ``_inner`` are those fields
    that may hold nodes.
    """

    _fields: ClassVar[tuple[str, ...]] = ()
    _said: ClassVar[tuple[str, ...]] = ()
    _inner: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = inspect.get_annotations(cls)
        cls._fields = (*cls._fields, *own)
        cls._said = tuple(name for name in cls._fields if name != "at")
        cls._inner += tuple(name for name, kind in own.items() if name in cls._said and kind not in _LEAVES)

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen; {name} cannot be set")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._said)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self._said)))

    def __repr__(self) -> str:
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._said)
        return f"{type(self).__name__}({said})"


class _Kept:
    """Nodes that a node is asked for so often that it keeps them in its own dictionary."""

    def __init__(self, find: Callable[[Node], list[Node]]) -> None:
        self._find = find

    def __set_name__(self, owner: type[Node], name: str) -> None:
        self._name = name

    def __get__(self, node: Node, kind: type[Node]) -> tuple[Node, ...]:
        found = node.__dict__[self._name] = tuple(self._find(node))
        return found


def _nodes_in(node: Node) -> list[Node]:
    """The nodes directly inside it, in the order of the text."""
    found: list[Node] = []
    for name in node._inner:
        value = getattr(node, name)
        if isinstance(value, tuple):
            found += [each for each in value if isinstance(each, Node)]
        elif value is not None:
            found.append(value)
    return found


def _all_of(node: Node) -> list[Node]:
    """It and everything inside it, in the order of the text."""
    found: list[Node] = []
    ahead = [node]
    while ahead:
        each = ahead.pop()
        found.append(each)
        if each.children:
            ahead.extend(each.children[::-1])
    return found


def _own_of(node: Node) -> list[Node]:
    """What runs where it runs: functions and classes defined in it are left out, in the order of the text."""
    found: list[Node] = []
    ahead = [node]
    while ahead:
        each = ahead.pop()
        if not isinstance(each, Function | Class):
            found.append(each)
            ahead.extend(each.children[::-1])
    return found


class Node(_Record):
    """Anything with a place in the file."""

    at: Written
    children = _Kept(_nodes_in)
    own_nodes = _Kept(_own_of)
    _whole = _Kept(_all_of)

    def walk(self) -> Iterator[Node]:
        """This node and everything inside it, in the order of the text."""
        return iter(self._whole)


class ByKind:
    """Nodes as they are asked for again and again: those of one kind, in their order."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self._nodes = nodes
        self._known: dict[type[Node], tuple[Any, ...]] = {}
        exactly: dict[type[Node], list[Node]] = {}
        for node in nodes:
            exactly.setdefault(type(node), []).append(node)
        self._exactly = exactly

    def of(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """The nodes of that kind, those of kinds below it among them."""
        if kind not in self._known:
            kinds = [each for each in self._exactly if issubclass(each, kind)]
            nodes = self._exactly[kinds[0]] if len(kinds) == 1 else self._nodes
            self._known[kind] = tuple([node for node in nodes if isinstance(node, kind)]) if kinds else ()
        return self._known[kind]


# --- expressions ----------------------------------------------------------------------------------------


class Expression(Node):
    """Something with a value."""


class Name(Expression):
    id: str


class Constant(Expression):
    """A literal; an f-string or bytes has ``value`` Ellipsis."""

    value: Any


class Attribute(Expression):
    value: Expression
    attr: str


class Slice(Expression):
    lower: Expression | None
    upper: Expression | None
    step: Expression | None


class Subscript(Expression):
    """``value[indices]``: one index an axis."""

    value: Expression
    indices: tuple[Expression, ...]


class Keyword(Expression):
    """``name=value`` in a call; ``name`` is None for ``**value``."""

    name: str | None
    value: Expression


class Call(Expression):
    function: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[Keyword, ...]


class Unary(Expression):
    operator: str
    operand: Expression


class Binary(Expression):
    operator: str
    left: Expression
    right: Expression


class Compare(Expression):
    left: Expression
    operators: tuple[str, ...]
    rights: tuple[Expression, ...]


class Logical(Expression):
    """``left and right``, ``left or right``."""

    operator: str
    left: Expression
    right: Expression


class Conditional(Expression):
    test: Expression
    then: Expression
    otherwise: Expression


class Sequence(Expression):
    """A tuple, list or set display; ``kind`` says which."""

    kind: str
    items: tuple[Expression, ...]


class Mapping(Expression):
    """A dict display; the key of ``**other`` is None."""

    keys: tuple[Expression | None, ...]
    values: tuple[Expression, ...]


class Starred(Expression):
    value: Expression


class Comprehension(Expression):
    """A comprehension of one ``for``; deeper ones and dict ones are :class:`Opaque`."""

    kind: str
    element: Expression
    target: Expression
    iterable: Expression
    conditions: tuple[Expression, ...]


class Lambda(Expression):
    parameters: tuple[Parameter, ...]
    body: Expression


class Opaque(Expression):
    """An expression that no rule reads; ``inside`` holds those in it."""

    inside: tuple[Expression, ...]


# --- statements -----------------------------------------------------------------------------------------


class Statement(Node):
    """One statement; those that share a line by ``;`` are separate."""


class Assign(Statement):
    """``a = b = value``; an annotated assignment has one target."""

    targets: tuple[Expression, ...]
    value: Expression


class AugmentedAssign(Statement):
    """``target += value``; the operator is ``+``."""

    target: Expression
    operator: str
    value: Expression


class Evaluate(Statement):
    """An expression for its effect."""

    value: Expression


class Return(Statement):
    value: Expression | None


class For(Statement):
    target: Expression
    iterable: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


class While(Statement):
    test: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


class If(Statement):
    test: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


class With(Statement):
    items: tuple[Expression, ...]
    body: tuple[Statement, ...]


class Try(Statement):
    """The handlers' bodies stand in ``handlers`` one after another."""

    body: tuple[Statement, ...]
    handlers: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    final: tuple[Statement, ...]


class Parameter(Node):
    """``kind`` is ``""``, ``"*"`` or ``"**"``."""

    name: str
    default: Expression | None
    kind: str = ""


class Function(Statement):
    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    decorators: tuple[Expression, ...]

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """All parameters, ``self`` included."""
        return tuple(each.name for each in self.parameters)


class Class(Statement):
    name: str
    bases: tuple[Expression, ...]
    body: tuple[Statement, ...]

    @property
    def methods(self) -> dict[str, Function]:
        """Its own methods, the last definition of a name."""
        return {each.name: each for each in self.body if isinstance(each, Function)}


class ImportedName(Node):
    """``import module`` (``name`` None) or ``from module import name`` (``*``: all); bound to ``bound``."""

    module: str
    level: int
    name: str | None
    bound: str


class Import(Statement):
    names: tuple[ImportedName, ...]


class Other(Statement):
    """``pass``, ``break``, ``del``, ``assert``, ``global`` …; ``keyword`` says which."""

    keyword: str
    values: tuple[Expression, ...] = ()
    names: tuple[str, ...] = ()
