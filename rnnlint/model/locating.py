"""Where modules lie on disk: beside their importer, under the project's root, or in between."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from rnnlint.model.imports import FileOutline, Import

MOST_LEVELS_UP = 4
"""How far above a file its root may lie."""
MOST_FILES_LISTED = 1_500
"""How many files under the root are looked at for callers and substitutes."""
LARGEST_NEIGHBOUR_BYTES = 500_000
COMPILED_SUFFIXES = (".so", ".pyd", ".pyx")
SKIPPED_FOLDERS = frozenset(
    {"node_modules", "site-packages", "venv", "env", "build", "dist", "__pycache__", "__MACOSX"}
)

INSTALLATIONS = frozenset({"site-packages", "dist-packages"})
"""Folders of many projects, never the root of one."""


class Folders:
    """What lies in the folders that were looked into; each is listed once."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def locate(self, root: Path, importer: Path, module: str, level: int = 0) -> Path | None:
        """Where a module of that name lies for ``importer``: beside it, under ``root``, or in between."""
        parts = [part for part in module.split(".") if part]
        if level:
            base = importer.parent
            for _ in range(level - 1):
                base = base.parent
            return self.file_at(base, parts)
        for base in _search_path(root, importer):
            found = self.file_at(base, parts)
            if found is not None and found != importer:
                return found
        return None

    def file_at(self, base: Path, parts: Sequence[str]) -> Path | None:
        """The file of the module ``parts`` under ``base``: ``….py``, or its package's ``__init__.py``."""
        *packages, last = parts or ("",)
        folder = base.joinpath(*packages)
        if last and f"{last}.py" in self._names_in(folder):
            return folder / f"{last}.py"
        if last and last not in self._names_in(folder):
            return None
        package = folder / last
        return package / "__init__.py" if "__init__.py" in self._names_in(package) else None

    def holds_compiled(self, base: Path, parts: Sequence[str]) -> bool:
        """Whether the module is there in a form that is no text (``_solver.cpython-311.so``)."""
        *packages, last = parts or ("",)
        names = self._names_in(base.joinpath(*packages))
        return any(name.startswith(f"{last}.") and name.endswith(COMPILED_SUFFIXES) for name in names)

    def _names_in(self, folder: Path) -> frozenset[str]:
        """The names of its files and folders; none where it is no folder or cannot be read."""
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(entry.name for entry in folder.iterdir())
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]


def _search_path(root: Path, importer: Path) -> Iterator[Path]:
    yield importer.parent
    if root != importer.parent:
        yield root
    for folder in importer.parent.parents:
        if folder == root or root not in folder.parents:
            break
        yield folder


def modules_named(item: Import) -> Iterator[str]:
    """The module itself, its parent packages, and for a from-import the names that may be submodules."""
    parts = item.module.split(".") if item.module else []
    for length in range(1, len(parts) + 1):
        yield ".".join(parts[:length])
    if item.level and not parts:
        yield ""
    if not item.plain and not item.star:
        for name in item.names:
            yield ".".join([*parts, name])


def dotted_names(root: Path, path: Path) -> Iterator[str]:
    if root not in path.parents:
        yield path.stem
        return
    relative = path.relative_to(root).with_suffix("")
    parts = relative.parts[:-1] if path.name == "__init__.py" else relative.parts
    if parts:
        yield ".".join(parts)


def root_of(folders_seen: Folders, path: Path, file_outline: FileOutline) -> Path:
    """The nearest ancestor under which most of the file's project imports resolve."""
    wanted = [item for item in file_outline.imports if item.level == 0 and not item.is_library]
    folders = [path.parent, *path.parent.parents][: MOST_LEVELS_UP + 1]
    folders = [path.parent, *takewhile(lambda folder: folder.name not in INSTALLATIONS, folders[1:])]
    home = _package_home(path)
    if home.name in INSTALLATIONS:
        home = path.parent

    def resolved(folder: Path) -> int:
        whole = sum(folders_seen.file_at(folder, item.module.split(".")) is not None for item in wanted)
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


def python_files(root: Path) -> list[Path]:
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
