"""The functions and methods of a project as the scenario builder sees them: signatures, returns, how
arguments are used.

Read with :mod:`ast`, never executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from rnnlint.gradients.documented_shapes import documented_shapes
from rnnlint.gradients.labels import label, names_of, own_nodes
from rnnlint.gradients.usage import TELLING, Usage, usage_in
from rnnlint.records import dataclass, field

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


@dataclass
class Library:
    """Every callable of some files, with what each parameter meets."""

    trees: Mapping[Path, ast.Module]
    _usages: dict[tuple[int, str], Usage] = field(default_factory=dict)
    _nodes: dict[int, tuple[ast.AST, ...]] = field(default_factory=dict)
    _called: dict[int, list[tuple[ast.Call, Callable]]] = field(default_factory=dict)
    _parts: dict[int, Mapping[str, tuple[Path, ast.ClassDef]]] = field(default_factory=dict)

    @cached_property
    def callables(self) -> tuple[Callable, ...]:
        """In order of the files and of their lines; a later definition of one name hides the earlier."""
        found: dict[tuple[Path, str], Callable] = {}
        for path, tree in self.trees.items():
            for statement in _top_level(tree):
                if isinstance(statement, Function):
                    found[path, statement.name] = Callable(path, statement)
                elif isinstance(statement, ast.ClassDef):
                    for key in [k for k in found if k[0] == path and k[1].startswith(f"{statement.name}.")]:
                        del found[key]
                    for member in statement.body:
                        if isinstance(member, Function):
                            found[path, f"{statement.name}.{member.name}"] = Callable(path, member, statement)
        return tuple(found.values())

    def of(self, path: Path) -> tuple[Callable, ...]:
        return tuple(c for c in self.callables if c.path == path)

    def functions_named(self, name: str) -> tuple[Callable, ...]:
        return tuple(c for c in self.callables if c.name == name)

    def class_named(self, name: str) -> tuple[Path, ast.ClassDef] | None:
        for path, tree in self.trees.items():
            for statement in _top_level(tree):
                if isinstance(statement, ast.ClassDef) and statement.name == name:
                    return path, statement
        return None

    def method(
        self, path: Path, owner: ast.ClassDef, name: str, seen: frozenset[str] = frozenset()
    ) -> Callable | None:
        """A method of a class or of the project classes it inherits from."""
        for member in owner.body:
            if isinstance(member, Function) and member.name == name:
                return Callable(path, member, owner)
        for base in owner.bases:
            base_name = (
                base.id
                if isinstance(base, ast.Name)
                else base.attr
                if isinstance(base, ast.Attribute)
                else ""
            )
            found = self.class_named(base_name) if base_name not in seen else None
            if found is not None and found[1] is not owner:
                inherited = self.method(*found, name, seen | {base_name})
                if inherited is not None:
                    return inherited
        return None

    def bases(self, owner: ast.ClassDef) -> Iterator[ast.ClassDef]:
        """The project classes that a class inherits from, the nearest first."""
        for base in owner.bases:
            found = self.class_named(label(base))
            if found is not None and found[1] is not owner:
                yield found[1]
                yield from self.bases(found[1])

    def usage(self, callable_: Callable, name: str, depth: int = 3) -> Usage:
        """How ``name`` is used in ``callable_`` and in the project callables it is handed to."""
        key = (id(callable_.node), name)
        if key not in self._usages:
            self._usages[key] = Usage()  # a recursion ends here
            self._usages[key] = self._usage(callable_, name, depth)
        return self._usages[key]

    def _usage(self, callable_: Callable, name: str, depth: int) -> Usage:
        found = usage_in(self._telling_nodes(callable_.node), name)
        if depth == 0:
            return found
        for call, callee in self._calls(callable_):
            for position, argument in enumerate(call.args):
                if (
                    isinstance(argument, ast.Name)
                    and argument.id == name
                    and position < len(callee.parameters)
                ):
                    found = found.merged(self.usage(callee, callee.parameters[position].name, depth - 1))
            for keyword in call.keywords:
                if isinstance(keyword.value, ast.Name) and keyword.value.id == name and keyword.arg:
                    found = found.merged(self.usage(callee, keyword.arg, depth - 1))
        return found

    def _telling_nodes(self, function: Function) -> tuple[ast.AST, ...]:
        """The nodes that may say how a name is used, collected once for all names."""
        if id(function) not in self._nodes:
            self._nodes[id(function)] = tuple(n for n in own_nodes(function) if isinstance(n, TELLING))
        return self._nodes[id(function)]

    def called_by(self, caller: Callable) -> tuple[Callable, ...]:
        """The project callables that are called inside ``caller``, each once."""
        return tuple(dict.fromkeys(callee for _, callee in self._calls(caller)))

    def _calls(self, caller: Callable) -> list[tuple[ast.Call, Callable]]:
        """The calls of project callables inside ``caller``."""
        if id(caller.node) not in self._called:
            calls = [node for node in self._telling_nodes(caller.node) if isinstance(node, ast.Call)]
            reached = ((call, self.callee(caller, call)) for call in calls)
            self._called[id(caller.node)] = [(call, callee) for call, callee in reached if callee is not None]
        return self._called[id(caller.node)]

    def callee(self, caller: Callable, call: ast.Call) -> Callable | None:
        """The project callable that a call inside ``caller`` reaches, or None."""
        function = call.func
        if isinstance(function, ast.Name):
            fitting = [c for c in self.functions_named(function.id) if c.owner is None]
            if not fitting and function.id in self.instances:
                return self.method(*self.instances[function.id], "__call__")
            return fitting[0] if fitting else None
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            if function.value.id in ("self", "cls") and caller.owner is not None:
                return self.method(caller.path, caller.owner, function.attr)
            found = self.instances.get(function.value.id) or self.class_named(function.value.id)
            return self.method(*found, function.attr) if found is not None else None
        match function:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr=part)) if caller.owner:
                held = self.parts(caller.owner).get(part)
                return self.method(*held, function.attr) if held is not None else None
        return None

    def parts(self, owner: ast.ClassDef) -> Mapping[str, tuple[Path, ast.ClassDef]]:
        """The project classes of what an object is made of: ``self.rnn = Unfold(…)``."""
        if id(owner) not in self._parts:
            found: dict[str, tuple[Path, ast.ClassDef]] = {}
            for node in ast.walk(owner):
                match node:
                    case ast.Assign(
                        targets=[ast.Attribute(value=ast.Name(id="self"), attr=part)],
                        value=ast.Call(func=ast.Name(id=made) | ast.Attribute(attr=made)),
                    ):
                        class_ = self.class_named(made)
                        if class_ is not None and class_[1] is not owner:
                            found.setdefault(part, class_)
                    case _:
                        pass
            self._parts[id(owner)] = found
        return self._parts[id(owner)]

    @cached_property
    def instances(self) -> Mapping[str, tuple[Path, ast.ClassDef]]:
        """The classes of the variables that somewhere hold an instance: of several, the first one made."""
        found: dict[str, tuple[Path, ast.ClassDef]] = {}
        for tree in self.trees.values():
            for node in ast.walk(tree):
                match node:
                    case (
                        ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=made)))
                        | ast.Assign(
                            targets=[ast.Name(id=name)],
                            value=ast.List(elts=[ast.Call(func=ast.Name(id=made)), *_]),
                        )
                    ):
                        class_ = self.class_named(made)
                        if class_ is not None:
                            found.setdefault(name, class_)
                    case ast.For(target=ast.Name(id=name), iter=ast.Name(id=held)) if held in found:
                        found.setdefault(name, found[held])
                    case _:
                        pass
        return found


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


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    for statement in tree.body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for inner in ast.iter_child_nodes(statement):
                if isinstance(inner, ast.FunctionDef | ast.ClassDef):
                    yield inner


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
