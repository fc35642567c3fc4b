"""A function or method as the scenario builder sees it: its signature, what it returns, binds and calls.

Read with :mod:`ast`, never executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from rnnlint.gradients.documented_shapes import documented_shapes
from rnnlint.gradients.labels import label, names_of, own_nodes
from rnnlint.records import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef


FEWEST_BLANKS = 2
"""A single ``x = None`` may be meant."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a callable; ``default`` is its expression, or None where it must be given."""

    name: str
    default: ast.expr | None = None
    annotation: ast.expr | None = None


@dataclass(frozen=True)
class Callable:
    """A function, or a method with its class."""

    path: Path
    node: Function
    owner: ast.ClassDef | None = None
    results: tuple[str, ...] = ()  # what its results are called, where that is stated by hand

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def title(self) -> str:
        """``LSTM.backward`` or ``backward``."""
        return f"{self.owner.name}.{self.name}" if self.owner else self.name

    @cached_property
    def is_static(self) -> bool:
        """A method that takes no instance."""
        names = {d.id for d in self.node.decorator_list if isinstance(d, ast.Name)}
        return bool(names & {"staticmethod", "classmethod"})

    @cached_property
    def is_property(self) -> bool:
        return any(
            (isinstance(d, ast.Name) and d.id == "property") or isinstance(d, ast.Attribute)
            for d in self.node.decorator_list
        )

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters that a caller gives, without self or cls."""
        a = self.node.args
        positional = [*a.posonlyargs, *a.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(a.defaults)) + list(a.defaults)
        found = [Parameter(p.arg, d, p.annotation) for p, d in zip(positional, defaults, strict=True)]
        found += [Parameter(p.arg, d, p.annotation) for p, d in zip(a.kwonlyargs, a.kw_defaults, strict=True)]
        bound = self.owner is not None and not (
            self.is_static
            and any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in self.node.decorator_list)
        )
        return tuple(found[1:] if bound else found)

    @cached_property
    def returned(self) -> tuple[str, ...]:
        """The names of what it returns, in order ("" where an item has no name); empty where nothing is."""
        if self.results:
            return self.results
        best: tuple[str, ...] = ()
        assigned = {
            target.id: statement.value
            for statement in own_nodes(self.node)
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        for node in own_nodes(self.node):
            if not isinstance(node, ast.Return) or node.value is None:
                continue
            names = tuple(names_of(node.value, assigned))
            if len(names) >= len(best):
                best = names
        return best

    @property
    def returns_value(self) -> bool:
        return bool(self.returned)

    @cached_property
    def has_loop(self) -> bool:
        return any(isinstance(n, ast.For | ast.While) for n in own_nodes(self.node))

    @cached_property
    def attributes_read(self) -> frozenset[str]:
        """``self.x``, where its value is asked for."""
        return frozenset(self._attributes(ast.Load))

    @cached_property
    def attributes_bound(self) -> frozenset[str]:
        """``self.x = …``."""
        return frozenset(self._attributes(ast.Store))

    @cached_property
    def attributes_set(self) -> frozenset[str]:
        """``self.x = …``, and those that are set in part: ``self.x[t] = …``."""
        in_part = (
            node.value.attr
            for node in own_nodes(self.node)
            if isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Attribute)
            and label(node.value.value) == "self"
        )
        return self.attributes_bound | frozenset(in_part)

    @cached_property
    def takes_outer_products(self) -> bool:
        """``np.outer(δ, x)``."""
        return any(isinstance(n, ast.Call) and label(n.func) == "outer" for n in own_nodes(self.node))

    @cached_property
    def attributes_carried(self) -> frozenset[str]:
        """``self.dh``, read first and then set: what one call leaves on the object, the next one takes up."""
        nodes = sorted(
            (n for n in own_nodes(self.node) if isinstance(n, ast.Attribute) and label(n.value) == "self"),
            key=lambda n: (n.lineno, n.col_offset),
        )
        first = {n.attr: n for n in reversed(nodes)}
        read_first = {name for name, node in first.items() if isinstance(node.ctx, ast.Load)}
        return frozenset(read_first) & self.attributes_bound - self.attributes_updated

    @cached_property
    def attributes_updated(self) -> frozenset[str]:
        """``self.x -= …`` and ``self.x += …``, where that is all that is done to them."""
        updates = [
            node.target
            for node in own_nodes(self.node)
            if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Sub | ast.Add)
        ]
        names = [t.attr for t in updates if isinstance(t, ast.Attribute) and label(t.value) == "self"]
        stores = list(self._attributes(ast.Store))
        return frozenset(name for name in names if stores.count(name) == names.count(name))

    @cached_property
    def called(self) -> frozenset[str]:
        """The names of what it calls: ``f(…)``, ``self.f(…)`` and ``np.f(…)`` are all "f"."""
        calls = (node for node in own_nodes(self.node) if isinstance(node, ast.Call))
        return frozenset(label(call.func) for call in calls)

    def _attributes(self, context: type[ast.expr_context]) -> Iterator[str]:
        for node in own_nodes(self.node):
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, context):
                continue
            if label(node.value) == "self":
                yield node.attr

    @cached_property
    def documentation(self) -> str:
        return ast.get_docstring(self.node) or ""

    @cached_property
    def documented_shapes(self) -> Mapping[str, tuple[str, ...]]:
        """Shapes that the docstring states: ``x: input of shape (N, T, D)``."""
        return documented_shapes(self.documentation)

    @cached_property
    def elementwise(self) -> frozenset[str]:
        """Names and keys (``b``, ``p["po"]``) added or multiplied elementwise, never in a product."""
        return _operands(self.node, ast.Add | ast.Mult) - _operands(self.node, ast.MatMult)

    @cached_property
    def is_empty(self) -> bool:
        """Nothing but a docstring, ``pass``, ``…`` or a raise."""
        body = [
            s for s in self.node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        ]
        meaning = [s for s in body if not isinstance(s, ast.Pass | ast.Import | ast.ImportFrom)]
        return not meaning or (len(meaning) == 1 and isinstance(meaning[0], ast.Raise))

    @cached_property
    def is_unfinished(self) -> bool:
        """Whether something in it is still ``...``, a blank (:attr:`rnnlint.source.Cell.unfinished`)."""
        assigned = (s for s in ast.walk(self.node) if isinstance(s, ast.Assign | ast.AugAssign))
        return any(isinstance(s.value, ast.Constant) and s.value.value is ... for s in assigned)

    @cached_property
    def is_unimplemented(self) -> bool:
        """A template: nothing but a docstring, pass, ``…``, a raise of NotImplementedError, or names set to
        None."""
        if self.is_empty or self.is_unfinished:
            return True
        return self.has_blanks and 2 * len(self._blanks) >= len(self._assignments)

    @property
    def has_blanks(self) -> bool:
        """Whether names are set to None and to nothing else, as in a template of which parts are given."""
        return len(self._blanks) >= FEWEST_BLANKS and not self._overwrites(self._blanks)

    @cached_property
    def _assignments(self) -> list[ast.Assign]:
        return [s for s in ast.walk(self.node) if isinstance(s, ast.Assign)]

    @cached_property
    def _blanks(self) -> list[ast.Assign]:
        return [s for s in self._assignments if _is_none(s.value)]

    def _overwrites(self, blanks: list[ast.Assign]) -> bool:
        """Whether the names set to None are all set to something else too (a filled-in template)."""
        blank = {t for s in blanks for n in s.targets for t in _targets(n)}
        filled = {
            t
            for s in ast.walk(self.node)
            if isinstance(s, ast.Assign) and not _is_none(s.value)
            for n in s.targets
            for t in _targets(n)
        }
        return blank <= filled


def _is_product(call: ast.Call) -> bool:
    return ast.unparse(call.func).rpartition(".")[2] in ("dot", "matmul", "einsum", "tensordot", "outer")


def _is_whole(operand: ast.expr) -> bool:
    """A variable or an entry of a dict, not a row or a column of an array: ``W[:, x[t]]`` is of a matrix."""
    match operand:
        case ast.Name() | ast.Subscript(slice=ast.Constant(value=str())):
            return True
        case _:
            return False


def _operands(function: ast.AST, operators: type[ast.operator] | object) -> frozenset[str]:
    found: set[str] = set()
    for node in own_nodes(function):
        sides: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, operators):  # type: ignore[arg-type]
            sides = [node.left, node.right]
        elif isinstance(node, ast.Call) and operators is ast.MatMult and _is_product(node):
            sides = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        found |= {label(side) for side in sides if _is_whole(side)}
        found |= {label(s.value) for s in sides if isinstance(s, ast.Attribute) and s.attr == "T"}
    return frozenset(found - {""})


def _targets(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Tuple | ast.List):
        for element in node.elts:
            yield from _targets(element)
    else:
        yield ast.unparse(node)


def _is_none(value: ast.expr) -> bool:
    if isinstance(value, ast.Tuple):
        return bool(value.elts) and all(_is_none(e) for e in value.elts)
    return isinstance(value, ast.Constant) and value.value is None
