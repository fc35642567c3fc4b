"""Puts a project together around one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from rnnlint.model.imports import FileOutline, Import, outline
from rnnlint.model.locating import dotted_names, modules_named, root_of
from rnnlint.model.project import Project
from rnnlint.model.shelf import Shelf
from rnnlint.source import Source

MOST_FILES_HELD = 64
"""How many files a project holds."""
MOST_CALLERS = 12
"""How many files that import the target are taken in, the nearest first."""


class Assembly:
    """Collects a project's files around a target; used once, by :meth:`Project.of`."""

    def __init__(self, source: Source, shelf: Shelf) -> None:
        self.shelf = shelf
        self.target = source.path
        self.files: dict[Path, Source] = {source.path: source}
        self.taken_in: set[Path] = set()
        self.outlines: dict[Path, FileOutline] = {source.path: outline(source)}
        self.substitutes: dict[tuple[Path, int, str], Path] = {}
        self.notes: list[str] = []
        self.root = root_of(shelf.folders, source.path, self.outlines[source.path])
        self.listed = shelf.files_under(self.root)

    def project(self) -> Project:
        self._take_in(self.target)
        callers = tuple(islice(self._callers(), MOST_CALLERS))
        for caller in callers:
            self._take_in(caller)
        resolved = self._resolved()
        return Project(
            self.root,
            self.target,
            self.files,
            self.outlines,
            callers,
            resolved,
            self._names(resolved),
            tuple(dict.fromkeys(self.notes)),
        )

    def _resolved(self) -> dict[tuple[Path, int, str], Path | None]:
        found: dict[tuple[Path, int, str], Path | None] = {}
        for importer in self.files:
            for item in self.outlines[importer].imports:
                for module in modules_named(item):
                    key = (importer, item.level, module)
                    if key not in found:
                        found[key] = self.substitutes.get(key) or self._located(importer, module, item)
        return found

    def _located(self, importer: Path, module: str, item: Import) -> Path | None:
        return self.shelf.folders.locate(self.root, importer, module, item.level)

    def _names(self, resolved: Mapping[tuple[Path, int, str], Path | None]) -> dict[Path, tuple[str, ...]]:
        names = {path: dict.fromkeys(dotted_names(self.root, path)) for path in self.files}
        for (_, level, module), path in resolved.items():
            if level == 0 and path in names:
                names[path][module] = None
        return {path: tuple(found) for path, found in names.items()}

    def _take_in(self, start: Path) -> None:
        waiting = [start]
        while waiting and len(self.files) < MOST_FILES_HELD:
            importer = waiting.pop(0)
            if importer in self.taken_in or not self._read(importer):
                continue
            self.taken_in.add(importer)
            for item in self.outlines[importer].imports:
                waiting.extend(self._files_behind(importer, item))

    def _files_behind(self, importer: Path, item: Import) -> list[Path]:
        found = [self._located(importer, module, item) for module in modules_named(item)]
        paths = [path for path in found if path is not None]
        if self._located(importer, item.module, item) or item.is_library:
            return paths
        if item.level == 0 and not item.module:
            return paths
        if (
            not item.plain
            and paths
            and all(
                self._located(importer, ".".join(filter(None, (item.module, name))), item)
                for name in item.names
            )
        ):
            return paths  # from folder import module, with no __init__ in the folder
        if self._is_compiled(importer, item):
            return paths
        substitute = self._substitute(importer, item)
        if substitute is not None:
            self.substitutes[importer, item.level, item.module] = substitute
            return [*paths, substitute]
        return paths

    def _is_compiled(self, importer: Path, item: Import) -> bool:
        """Whether a module is there, in a form that cannot be read: nothing may stand in for it."""
        base = self.root
        if item.level:
            base = importer.parents[item.level - 1]
        return self.shelf.folders.holds_compiled(base, item.module.split("."))

    def _substitute(self, importer: Path, item: Import) -> Path | None:
        """The one file under the root that defines every name taken from a missing module."""
        if not item.names:
            return None
        defining = self.shelf.files_defining(self.root, item.names)
        fitting = [path for path in defining if path != importer]
        last_part = item.module.rpartition(".")[2]
        named_alike = [path for path in fitting if path.stem == last_part]
        chosen = named_alike if len(named_alike) == 1 else fitting
        if len(chosen) != 1:
            return None
        shown = chosen[0].relative_to(self.root).as_posix()
        self.notes.append(
            f"Module {item.module} is missing; {shown} defines what is imported from it and stands in for it."
        )
        return chosen[0]

    def _callers(self) -> Iterator[Path]:
        stem = self.target.parent.name if self.target.name == "__init__.py" else self.target.stem
        for path in self.listed:
            if path == self.target or stem not in self.shelf.words_of_imports(path):
                continue
            if self.shelf.source(path) is None:
                continue
            for item in self.shelf.outline(path).imports:
                if self._reaches_target(path, item, stem) or self._stands_in(path, item):
                    yield path
                    break

    def _reaches_target(self, importer: Path, item: Import, stem: str) -> bool:
        """Whether an import may name ``stem`` and is answered by the target."""
        for module in modules_named(item):
            reached = self.substitutes.get((importer, item.level, module))
            if reached is None and module.rpartition(".")[2] in ("", stem):
                reached = self._located(importer, module, item)
            if reached == self.target:
                return True
        return False

    def _stands_in(self, importer: Path, item: Import) -> bool:
        """Whether a caller's missing import is answered by the target."""
        if item.is_library or item.plain or not item.names or self._located(importer, item.module, item):
            return False
        defined = self.outlines[self.target].definitions
        return item.module.rpartition(".")[2] == self.target.stem and set(item.names) <= defined

    def _read(self, path: Path) -> bool:
        """Whether ``path`` is a readable program; it is then in ``files``."""
        if path in self.files:
            return True
        source = self.shelf.source(path)
        if source is None:
            return False
        self.files[path] = source
        self.outlines[path] = self.shelf.outline(path)
        return source.problem is None
