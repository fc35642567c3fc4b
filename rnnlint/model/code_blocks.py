"""Stretches of code that run as one: a function's body without the functions in it, or a file's top level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache

from rnnlint.records import dataclass
from rnnlint.syntax import tree
from rnnlint.syntax.module import MOST_HELD, Module

_NUMERIC_MODULES = frozenset(
    {"numpy", "math", "cupy", "autograd.numpy", "numpy.linalg", "numpy.random", "scipy.special"}
)
_NUMERIC_NAMES = frozenset({"np", "numpy", "cp", "cupy", "xp", "math"})


@dataclass(frozen=True)
class CodeBlock:
    """A function's own code (``function`` None: the file's top level) and what it assigns."""

    module: Module
    function: tree.Function | None
    owner: tree.Class | None = None

    @property
    def title(self) -> str:
        """``forward()``, ``LSTM.forward()``; of a file's top level, the file's name."""
        if self.function is None:
            return self.module.path.name
        return f"{self.owner.name}.{self.function.name}()" if self.owner else f"{self.function.name}()"

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the function's parameters."""
        return frozenset(self.function.parameter_names) if self.function else frozenset()

    @cached_property
    def nodes(self) -> tuple[tree.Node, ...]:
        """Its nodes in the order of the text; the insides of nested functions are not among them."""
        body = self.function.body if self.function else self.module.body
        return tuple(node for statement in body for node in _own_nodes(statement))

    def of_kind(self, kind: type[tree.Kind]) -> tuple[tree.Kind, ...]:
        """Its nodes of one kind."""
        return self._by_kind.of(kind)

    @cached_property
    def _by_kind(self) -> tree.ByKind:
        return tree.ByKind(self.nodes)

    @cached_property
    def assigned(self) -> Mapping[str, tuple[tree.Expression, ...]]:
        """Every value that the block assigns to a place, in the order of the text.

        Places are as :func:`place_of` names them, so what is stored in a sequence counts as the sequence's.
        What ``x += 1`` assigns is its right side.
        """
        found: dict[str, list[tree.Expression]] = {}
        for node in self.nodes:
            for target, value in _assignments(node):
                place = place_of(target)
                if place:
                    found.setdefault(place, []).append(value)
        return {place: tuple(values) for place, values in found.items()}

    def assignments(self, place: str) -> tuple[tree.Assign, ...]:
        """The statements that give a variable or attribute a new value; not those that write its elements."""
        return tuple(
            statement
            for statement in self.of_kind(tree.Assign)
            for target in statement.targets
            for each in (target.items if isinstance(target, tree.Sequence) else (target,))
            if isinstance(each, tree.Name | tree.Attribute) and place_of(each) == place
        )

    def values_of(self, expression: tree.Expression) -> tuple[tree.Expression, ...]:
        """What the block assigns to the place that ``expression`` reads; empty for what is no place."""
        return self.assigned.get(place_of(expression) or "", ())

    def called(self, node: tree.Node) -> str | None:
        """The function of NumPy or math that a call calls: ``log`` of ``np.log(x)`` and of ``log(x)``."""
        if not isinstance(node, tree.Call):
            return None
        match node.function:
            case tree.Attribute(value=tree.Name(id=module), attr=name) if module in self._numeric_names:
                return name
            case tree.Attribute(
                value=tree.Attribute(value=tree.Name(id=module), attr="linalg" | "random"), attr=name
            ) if module in self._numeric_names:
                return name
            case tree.Name(id=bound):
                return self._numeric_functions.get(bound)
        return None

    @cached_property
    def _numeric_names(self) -> frozenset[str]:
        imported = {
            each.bound for each in self.module.imports if each.module in _NUMERIC_MODULES and not each.name
        }
        return _NUMERIC_NAMES | imported

    @cached_property
    def _numeric_functions(self) -> Mapping[str, str]:
        return {
            each.bound: each.name
            for each in self.module.imports
            if each.name and each.module in _NUMERIC_MODULES and each.level == 0
        }


@lru_cache(maxsize=MOST_HELD)
def blocks(module: Module) -> tuple[CodeBlock, ...]:
    """The file's top level, then every function of the file, methods and nested ones included."""
    functions = (
        CodeBlock(module, node, next((e for e in module.ancestors(node) if isinstance(e, tree.Class)), None))
        for node in module.of_kind(tree.Function)
    )
    return (CodeBlock(module, None), *functions)


def place_of(expression: tree.Node) -> str | None:
    """The variable, attribute or named entry that an expression reads or a target writes, as text.

    ``W``, ``self.W`` and ``params['W']`` are places; of ``ps[t][i]`` it is ``ps``: an index that is no name
    says which element, not which variable.
    """
    match expression:
        case tree.Name(id=name):
            return name
        case tree.Attribute(value=value, attr=attr):
            owner = place_of(value)
            return f"{owner}.{attr}" if owner else None
        case tree.Subscript(value=value, indices=(tree.Constant(value=str(key)),)):
            owner = place_of(value)
            return f"{owner}[{key!r}]" if owner else None
        case tree.Subscript(value=value) | tree.Starred(value=value):
            return place_of(value)
    return None


def last_word(place: str) -> str:
    """The name a person would call a place by: ``W_f`` of ``self.W_f`` and of ``params['W_f']``."""
    if place.endswith("']"):
        return place[:-2].rpartition("['")[2]
    return place.rpartition(".")[2]


def method_called(node: tree.Node) -> tuple[str, tree.Expression] | None:
    """``("sum", x)`` for ``x.sum(...)``."""
    match node:
        case tree.Call(function=tree.Attribute(value=value, attr=name)):
            return name, value
    return None


def _assignments(node: tree.Node) -> Iterator[tuple[tree.Expression, tree.Expression]]:
    if isinstance(node, tree.AugmentedAssign):
        yield node.target, node.value
    elif isinstance(node, tree.For):
        yield from unpacked(node.target, node.iterable)
    elif isinstance(node, tree.Assign):
        for target in node.targets:
            yield from unpacked(target, node.value)


def unpacked(
    target: tree.Expression, value: tree.Expression
) -> Iterator[tuple[tree.Expression, tree.Expression]]:
    """Each target of a tuple assignment with what it is given: the whole value where that is no tuple."""
    if not isinstance(target, tree.Sequence):
        yield target, value
        return
    values: tuple[tree.Expression, ...] = (value,) * len(target.items)
    if isinstance(value, tree.Sequence) and len(value.items) == len(target.items):
        values = value.items
    for inner, each in zip(target.items, values, strict=True):
        yield from unpacked(inner, each)


def _own_nodes(node: tree.Node) -> Iterator[tree.Node]:
    ahead = [node]
    while ahead:
        node = ahead.pop()
        yield node
        if not isinstance(node, tree.Function):
            ahead.extend(node.children[::-1])
