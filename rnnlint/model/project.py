"""The project of a file: what it imports, what imports it, and the folder under which those imports resolve.

Modules are found on disk and parsed, never imported. A missing module is replaced by the one project file
that defines every name taken from it, and that is said (:attr:`Project.notes`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from pathlib import Path

from rnnlint.model.imports import FileOutline, Import, outline
from rnnlint.source import Source, UnreadableSourceError, read_source

MOST_LEVELS_UP = 4
"""How far above a file its root may lie."""
MOST_FILES_LISTED = 1_500
"""How many files under the root are looked at for callers and substitutes."""
MOST_FILES_HELD = 64
"""How many files a project holds."""
MOST_CALLERS = 12
"""How many files that import the target are taken in, the nearest first."""
LARGEST_NEIGHBOUR_BYTES = 500_000
SKIPPED_FOLDERS = frozenset(
    {"node_modules", "site-packages", "venv", "env", "build", "dist", "__pycache__", "__MACOSX"}
)

INSTALLATIONS = frozenset({"site-packages", "dist-packages"})
"""Folders of many projects, never the root of one."""


@dataclass(frozen=True, slots=True)
class MissingModule:
    """A module that no project file provides, with the names taken from it."""

    module: str
    names: tuple[str, ...]
    importer: Path
    line: int


@dataclass(frozen=True, slots=True)
class Project:
    """A file among the files it works with.

    ``files`` holds the target, its import closure, the files under the root that import it and their
    closures. ``resolved`` maps (importer, level, module) to the file that the importer gets, a substitute
    among them; ``names`` maps a file to the absolute dotted names under which the others import it.
    """

    root: Path
    target: Path
    files: Mapping[Path, Source]
    outlines: Mapping[Path, FileOutline]
    callers: tuple[Path, ...] = ()
    resolved: Mapping[tuple[Path, int, str], Path | None] = field(default_factory=dict)
    names: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[MissingModule, ...] = ()
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(source: Source) -> Project:
        """The project of ``source``, read from the folders around its path."""
        return _Assembly(source).project()

    @staticmethod
    def alone(source: Source) -> Project:
        """``source`` with no neighbours (standard input)."""
        return Project(source.path.parent, source.path, {source.path: source}, {source.path: outline(source)})

    @property
    def source(self) -> Source:
        """The target's source."""
        return self.files[self.target]

    def resolve(self, importer: Path, module: str, level: int = 0) -> Path | None:
        """The project file that ``importer`` gets for ``module`` (level: leading dots), or None."""
        key = (importer, level, module)
        found = self.resolved[key] if key in self.resolved else locate(self.root, importer, module, level)
        return found if found in self.files else None

    def closure(self, path: Path) -> tuple[Path, ...]:
        """``path`` and every project file that it imports, directly or not; ``path`` first."""
        seen: dict[Path, None] = {}
        waiting = [path]
        while waiting:
            current = waiting.pop(0)
            if current in seen or current not in self.files:
                continue
            seen[current] = None
            for found in self._imported_by(current):
                waiting.append(found)
        return tuple(seen)

    def module_names(self, path: Path) -> tuple[str, ...]:
        """The absolute dotted names under which project files import ``path``, its own first."""
        return self.names.get(path) or tuple(_dotted_names(self.root, path))

    def overlay(self, texts: Mapping[Path, str]) -> Project:
        """The same project with other texts for some of its files."""
        changed = {path: self.files[path].with_text(text) for path, text in texts.items()}
        return replace(
            self,
            files={**self.files, **changed},
            outlines={**self.outlines, **{path: outline(source) for path, source in changed.items()}},
        )

    def _imported_by(self, importer: Path) -> Iterator[Path]:
        for item in self.outlines[importer].imports:
            for module in _modules_named(item):
                found = self.resolve(importer, module, item.level)
                if found is not None and found != importer:
                    yield found


def locate(root: Path, importer: Path, module: str, level: int = 0) -> Path | None:
    """Where a module of that name lies on disk for ``importer``: beside it, under ``root``, or in between."""
    parts = [part for part in module.split(".") if part]
    if level:
        base = importer.parent
        for _ in range(level - 1):
            base = base.parent
        return _file_at(base, parts)
    for base in _search_path(root, importer):
        found = _file_at(base, parts)
        if found is not None and found != importer:
            return found
    return None


def _searched(key: tuple[Path, int, str]) -> tuple[Path, str, int]:
    importer, level, module = key
    return importer, module, level


def _search_path(root: Path, importer: Path) -> Iterator[Path]:
    yield importer.parent
    if root != importer.parent:
        yield root
    for folder in importer.parent.parents:
        if folder == root or root not in folder.parents:
            break
        yield folder


def _file_at(base: Path, parts: list[str]) -> Path | None:
    place = base.joinpath(*parts)
    if parts and (module := place.with_name(place.name + ".py")).is_file():
        return module
    package = place / "__init__.py"
    return package if package.is_file() else None


def _modules_named(item: Import) -> Iterator[str]:
    """The module itself, its parent packages, and for a from-import the names that may be submodules."""
    parts = item.module.split(".") if item.module else []
    for length in range(1, len(parts) + 1):
        yield ".".join(parts[:length])
    if item.level and not parts:
        yield ""
    if not item.plain and not item.star:
        for name in item.names:
            yield ".".join([*parts, name])


def _dotted_names(root: Path, path: Path) -> Iterator[str]:
    if root not in path.parents:
        yield path.stem
        return
    relative = path.relative_to(root).with_suffix("")
    parts = relative.parts[:-1] if path.name == "__init__.py" else relative.parts
    if parts:
        yield ".".join(parts)


class _Assembly:
    """Collects a project's files around a target; used once, by :meth:`Project.of`."""

    def __init__(self, source: Source) -> None:
        self.target = source.path
        self.files: dict[Path, Source] = {source.path: source}
        self.outlines: dict[Path, FileOutline] = {source.path: outline(source)}
        self.substitutes: dict[tuple[Path, int, str], Path] = {}
        self.missing: list[MissingModule] = []
        self.notes: list[str] = []
        self.root = _root_of(source.path, self.outlines[source.path])
        self.listed = _python_files(self.root)

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
            tuple(self.missing),
            tuple(dict.fromkeys(self.notes)),
        )

    def _resolved(self) -> dict[tuple[Path, int, str], Path | None]:
        found: dict[tuple[Path, int, str], Path | None] = {}
        for importer in self.files:
            for item in self.outlines[importer].imports:
                for module in _modules_named(item):
                    key = (importer, item.level, module)
                    if key not in found:
                        found[key] = self.substitutes.get(key) or locate(self.root, *_searched(key))
        return found

    def _names(self, resolved: Mapping[tuple[Path, int, str], Path | None]) -> dict[Path, tuple[str, ...]]:
        names = {path: dict.fromkeys(_dotted_names(self.root, path)) for path in self.files}
        for (_, level, module), path in resolved.items():
            if level == 0 and path in names:
                names[path][module] = None
        return {path: tuple(found) for path, found in names.items()}

    def _take_in(self, start: Path) -> None:
        waiting, seen = [start], set[Path]()
        while waiting and len(self.files) < MOST_FILES_HELD:
            importer = waiting.pop(0)
            if importer in seen or not self._read(importer):
                continue
            seen.add(importer)
            for item in self.outlines[importer].imports:
                waiting.extend(self._files_behind(importer, item))

    def _files_behind(self, importer: Path, item: Import) -> list[Path]:
        found = [locate(self.root, importer, module, item.level) for module in _modules_named(item)]
        paths = [path for path in found if path is not None]
        if locate(self.root, importer, item.module, item.level) or item.is_library:
            return paths
        if item.level == 0 and not item.module:
            return paths
        if (
            not item.plain
            and paths
            and all(
                locate(self.root, importer, ".".join(filter(None, (item.module, name))), item.level)
                for name in item.names
            )
        ):
            return paths  # from folder import module, with no __init__ in the folder
        substitute = self._substitute(importer, item)
        if substitute is not None:
            self.substitutes[importer, item.level, item.module] = substitute
            return [*paths, substitute]
        self.missing.append(MissingModule(item.module, item.names, importer, item.line))
        return paths

    def _substitute(self, importer: Path, item: Import) -> Path | None:
        """The one file under the root that defines every name taken from a missing module."""
        if not item.names:
            return None
        fitting = []
        for path in self.listed:
            if (
                path == importer
                or not self._could_define(path, item.names[0])
                or not self._read(path, keep=False)
            ):
                continue
            if set(item.names) <= self._outline_of(path).definitions:
                fitting.append(path)
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

    def _could_define(self, path: Path, name: str) -> bool:
        return name.encode() in _bytes_of(path)

    def _outline_of(self, path: Path) -> FileOutline:
        if path not in self.outlines:
            self.outlines[path] = outline(read_source(path))
        return self.outlines[path]

    def _callers(self) -> Iterator[Path]:
        stem = self.target.parent.name if self.target.name == "__init__.py" else self.target.stem
        named = re.compile(
            rb"\b(?:from|import)\b(?:[^\n]|\\\n)*(?:\([^)]*)?\b%b\b" % re.escape(stem.encode())
        )
        for path in self.listed:
            if path == self.target or not named.search(_bytes_of(path)) or not self._read(path, keep=False):
                continue
            for item in self._outline_of(path).imports:
                reached = (
                    self.substitutes.get((path, item.level, module))
                    or locate(self.root, path, module, item.level)
                    for module in _modules_named(item)
                )
                if self.target in reached or self._stands_in(path, item):
                    yield path
                    break

    def _stands_in(self, importer: Path, item: Import) -> bool:
        """Whether a caller's missing import is answered by the target."""
        if (
            item.is_library
            or item.plain
            or not item.names
            or locate(self.root, importer, item.module, item.level)
        ):
            return False
        defined = self.outlines[self.target].definitions
        return item.module.rpartition(".")[2] == self.target.stem and set(item.names) <= defined

    def _read(self, path: Path, keep: bool = True) -> bool:
        """Whether ``path`` is a readable program; it is then in ``files`` where ``keep``."""
        if path in self.files:
            return True
        try:
            source = read_source(path)
        except UnreadableSourceError:
            return False
        if path not in self.outlines:
            self.outlines[path] = outline(source)
        if keep:
            self.files[path] = source
        return source.problem is None


def _root_of(path: Path, file_outline: FileOutline) -> Path:
    """The nearest ancestor under which most of the file's project imports resolve."""
    wanted = [item for item in file_outline.imports if item.level == 0 and not item.is_library]
    folders = [path.parent, *path.parent.parents][: MOST_LEVELS_UP + 1]
    folders = [path.parent, *takewhile(lambda folder: folder.name not in INSTALLATIONS, folders[1:])]
    home = _package_home(path)
    if home.name in INSTALLATIONS:
        home = path.parent

    def resolved(folder: Path) -> int:
        whole = sum(_file_at(folder, item.module.split(".")) is not None for item in wanted)
        begun = sum((folder / item.top).is_dir() for item in wanted)
        return 2 * whole + begun

    best = max(folders, key=resolved)  # max keeps the first, the nearest
    return best if resolved(best) else home


def _package_home(path: Path) -> Path:
    """The folder that holds the outermost package that ``path`` belongs to, or its own folder."""
    folder = path.parent
    for _ in range(MOST_LEVELS_UP):
        if not (folder / "__init__.py").is_file() or folder.parent == folder:
            break
        folder = folder.parent
    return folder


def _python_files(root: Path) -> list[Path]:
    """Python files under ``root``, nearest first; links are not followed, the number is bounded."""
    found: list[Path] = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(s for s in subfolders if not s.startswith(".") and s not in SKIPPED_FOLDERS)
        if len(Path(folder).relative_to(root).parts) >= MOST_LEVELS_UP:
            subfolders.clear()
        for name in sorted(names):
            path = Path(folder, name)
            if name.endswith(".py") and path.is_file() and path.stat().st_size <= LARGEST_NEIGHBOUR_BYTES:
                found.append(path)
        if len(found) >= MOST_FILES_LISTED:
            break
    return sorted(found[:MOST_FILES_LISTED], key=lambda p: (len(p.parts), str(p)))


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
