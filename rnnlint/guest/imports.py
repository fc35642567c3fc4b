"""What ``import`` means in the user's own files: their project's modules, the installed library, or a
stand-in.

The user's files get their own ``__import__``; every other module sees the interpreter's. So a stand-in can
never be found by a library that tries an optional dependency.
"""

from __future__ import annotations

import builtins
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from . import standins
from .job import Job
from .stubs import Stub

Load = Callable[[int], ModuleType]


class Importer:
    """The ``__import__`` of the user's files. ``load`` executes the module of an index, once."""

    def __init__(self, job: Job, load: Load, note: Callable[[str], None]) -> None:
        self._modules = job.modules
        self._index_of_name = {
            name: index for index, module in enumerate(job.modules) for name in module.names
        }
        self._index_of_path = {posixpath.normpath(module.path): i for i, module in enumerate(job.modules)}
        self._folders = {
            name.rpartition(".")[0] for name in self._index_of_name if "." in name
        } - self._index_of_name.keys()
        self._stubbed = frozenset(name.partition(".")[0] for name in job.imports_of_user)
        self._load = load
        self._note = note
        self._namespaces: dict[str, ModuleType] = {}
        self._stubs_allowed = True

    @contextmanager
    def without_stubs(self) -> Iterator[None]:
        """Inside ``try`` a missing library is an ImportError: the file has its own answer to it."""
        self._stubs_allowed = False
        try:
            yield
        finally:
            self._stubs_allowed = True

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        wanted = tuple(fromlist or ())
        if level:
            return self._relative(name, globals or {}, wanted, level)
        if self.owns(name):
            return self._own(name, wanted)
        replacement = standins.library(name, self._note)
        if replacement is not None:
            return (
                replacement
                if wanted or "." not in name
                else standins.library(name.partition(".")[0], self._note)
            )
        top = name.partition(".")[0]
        if top in self._stubbed and self._stubs_allowed:
            try:
                return builtins.__import__(name, globals, locals, wanted, 0)
            except ImportError:
                self._note(f"{top} is not available; what is taken from it may be called but not used.")
                return Stub(name if wanted else top)
        return builtins.__import__(name, globals, locals, wanted, 0)

    def owns(self, name: str) -> bool:
        """Whether a dotted name is a file or folder of the project."""
        return name in self._index_of_name or name in self._folders

    def _own(self, name: str, wanted: tuple[str, ...]) -> ModuleType:
        """A project module; without ``wanted`` names its topmost package, as ``import a.b`` binds it."""
        outer: ModuleType | None = None
        top: ModuleType | None = None
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            dotted = ".".join(parts[:depth])
            if not self.owns(dotted):
                raise ModuleNotFoundError(f"No module named {dotted!r}", name=dotted)
            module = self._module(dotted)
            if outer is not None:
                setattr(outer, parts[depth - 1], module)
            outer, top = module, top or module
        assert outer is not None and top is not None
        if not wanted:
            return top
        for attribute in wanted:
            submodule = f"{name}.{attribute}"
            if not hasattr(outer, attribute) and self.owns(submodule):
                setattr(outer, attribute, self._module(submodule))
        return outer

    def _module(self, name: str) -> ModuleType:
        if name in self._index_of_name:
            return self._load(self._index_of_name[name])
        return self._namespaces.setdefault(name, ModuleType(name))

    def _relative(
        self, name: str, namespace: Mapping[str, Any], wanted: tuple[str, ...], level: int
    ) -> ModuleType:
        """``from .name import …``, by where the files lie and else by their dotted names."""
        folder = posixpath.normpath(posixpath.dirname(str(namespace.get("__file__", ""))))
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        inside = posixpath.join(folder, *name.split(".")) if name else folder
        index = self._index_at(inside)
        if index is not None:
            module = self._load(index)
        elif not name:
            module = self._namespaces.setdefault(inside, ModuleType(inside))
        else:
            package = str(namespace.get("__package__") or "").split(".")
            dotted = ".".join([*package[: len(package) - level + 1], name]).strip(".")
            return self._own(dotted if self.owns(dotted) else name, wanted or (name,))
        for attribute in wanted:
            submodule = self._index_at(posixpath.join(inside, attribute))
            if not hasattr(module, attribute) and submodule is not None:
                setattr(module, attribute, self._load(submodule))
        return module

    def _index_at(self, path: str) -> int | None:
        for candidate in (f"{path}.py", posixpath.join(path, "__init__.py"), f"{path}.ipynb"):
            index = self._index_of_path.get(posixpath.normpath(candidate))
            if index is not None:
                return index
        return None
