"""The functions, methods and classes of a project: who calls whom, and what each argument meets on its way.

Read with :mod:`ast`, never executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from rnnlint.gradients.callables import Callable, Function
from rnnlint.gradients.labels import label, own_nodes
from rnnlint.gradients.usage import TELLING, Usage, usage_in
from rnnlint.records import dataclass, field


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
            base_name = label(base)
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


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    for statement in tree.body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            for inner in ast.iter_child_nodes(statement):
                if isinstance(inner, ast.FunctionDef | ast.ClassDef):
                    yield inner
