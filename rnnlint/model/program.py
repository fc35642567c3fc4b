"""The project's files as modules, and what a name in one of them refers to."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from rnnlint.model.project import Project
from rnnlint.records import dataclass
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module, module_of

ARRAY_PACKAGES = ("numpy", "cupy", "autograd.numpy", "jax.numpy")
"""Packages that speak NumPy's language."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A function and where it stands; ``owner`` is the class it is a method of."""

    function: tree.Function | tree.Lambda
    module: Module
    owner: tree.Class | None = None

    @property
    def name(self) -> str:
        """``forward``, ``LSTM.forward``; a lambda has none."""
        own = self.function.name if isinstance(self.function, tree.Function) else "lambda"
        return f"{self.owner.name}.{own}" if self.owner else own

    @property
    def is_static(self) -> bool:
        """A function of no class, or a static method: its first parameter is no object."""
        if self.owner is None or isinstance(self.function, tree.Lambda):
            return True
        return any(isinstance(d, tree.Name) and d.id == "staticmethod" for d in self.function.decorators)


class Program:
    """The modules of a project, each parsed once and only when something in it is asked for."""

    def __init__(self, project: Project, module: Module) -> None:
        self.project = project
        self.target = module
        self._modules: dict[Path, Module | None] = {module.path: module}

    def module(self, path: Path) -> Module | None:
        """A project file; None where it does not parse."""
        if path not in self._modules:
            source = self.project.files.get(path)
            self._modules[path] = module_of(source) if source and not source.problem else None
        return self._modules[path]

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """The target and every other file of the project that parses."""
        others = (self.module(path) for path in self.project.files if path != self.target.path)
        return (self.target, *(each for each in others if each))

    def function(
        self, module: Module, name: str, importers: frozenset[Path] = frozenset()
    ) -> Definition | None:
        """What ``name(…)`` calls at the top level of ``module``: its own function, a lambda, or an imported
        one. ``importers`` are the files that the search came through: imports may go in a circle."""
        if name in module.functions:
            return Definition(module.functions[name], module)
        for statement in module.body:
            match statement:
                case tree.Assign(targets=(tree.Name(id=bound),), value=tree.Lambda() as value) if (
                    bound == name
                ):
                    return Definition(value, module)
        return None if module.path in importers else self._imported_function(module, name, importers)

    def _imported_function(self, module: Module, name: str, importers: frozenset[Path]) -> Definition | None:
        through = importers | {module.path}
        for each in module.imports:
            if each.name is None or (each.bound != name and each.name != "*"):
                continue
            found = self.imported_module(module, each)
            original = name if each.name == "*" else each.name
            definition = self.function(found, original, through) if found else None
            if definition:
                return definition
        return None

    def imported_module(self, module: Module, imported: tree.ImportedName) -> Module | None:
        """The project file that an import statement reads from."""
        path = self.project.resolve(module.path, imported.module, imported.level)
        return self.module(path) if path else None

    def method(self, owner: tree.Class, module: Module, name: str) -> Definition | None:
        """The method of a class of that name: its own, or that of a base in the same or an imported file."""
        if name in owner.methods:
            return Definition(owner.methods[name], module, owner)
        for base in owner.bases:
            found = self.class_named(module, base.id) if isinstance(base, tree.Name) else None
            if found and found[0] is not owner and (definition := self.method(*found, name)):
                return definition
        return None

    def class_named(
        self, module: Module, name: str, importers: frozenset[Path] = frozenset()
    ) -> tuple[tree.Class, Module] | None:
        """A class by the name that ``module`` knows it by; ``importers`` as in :meth:`function`."""
        if name in module.classes:
            return module.classes[name], module
        if module.path in importers:
            return None
        for each in module.imports:
            if each.name is None or (each.bound != name and each.name != "*"):
                continue
            found = self.imported_module(module, each)
            original = name if each.name == "*" else each.name
            if found and (class_ := self.class_named(found, original, importers | {module.path})):
                return class_
        return None

    def array_function(self, module: Module, callee: tree.Expression) -> str | None:
        """NumPy's name of what is called (``np.dot`` is ``dot``), None where it is no function of NumPy."""
        match callee:
            case tree.Attribute(value=tree.Name(id=package), attr=name):
                return name if package in self._array_names(module)[0] else None
            case tree.Attribute(value=tree.Attribute(value=tree.Name(id=package), attr=inner), attr=name):
                return f"{inner}.{name}" if package in self._array_names(module)[0] else None
            case tree.Name(id=name):
                return self._array_names(module)[1].get(name)
        return None

    def _array_names(self, module: Module) -> tuple[frozenset[str], dict[str, str]]:
        if module.path not in self._array_names_of:
            packages, functions = {"np", "numpy"}, {}
            for each in module.imports:
                if each.module in ARRAY_PACKAGES and each.name is None:
                    packages.add(each.bound)
                elif each.module in ARRAY_PACKAGES and each.name not in (None, "*"):
                    functions[each.bound] = str(each.name)
                elif each.name == "numpy":
                    packages.add(each.bound)
                elif each.module == "scipy.special" and each.name in ("expit", "softmax"):
                    functions[each.bound] = f"special.{each.name}"
            self._array_names_of[module.path] = frozenset(packages), functions
        return self._array_names_of[module.path]

    @cached_property
    def _array_names_of(self) -> dict[Path, tuple[frozenset[str], dict[str, str]]]:
        return {}
