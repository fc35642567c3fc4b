"""The project of a file: what it imports, what imports it, and the folder under which those imports resolve.

Modules are found on disk and parsed, never imported. A missing module is replaced by the one project file
that defines every name taken from it, and that is said (:attr:`Project.notes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.model.imports import FileOutline, outline
from rnnlint.model.locating import Folders, dotted_names, modules_named
from rnnlint.records import dataclass, field, replace
from rnnlint.source import Source

if TYPE_CHECKING:
    from rnnlint.model.shelf import Shelf


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
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(source: Source, shelf: Shelf | None = None) -> Project:
        """The project of ``source``, read from the folders around its path.

        ``shelf`` holds what other projects of the same run have read already.
        """
        from rnnlint.model.assembly import Assembly
        from rnnlint.model.shelf import Shelf

        return Assembly(source, shelf or Shelf()).project()

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
        found = (
            self.resolved[key]
            if key in self.resolved
            else Folders().locate(self.root, importer, module, level)
        )
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
        return self.names.get(path) or tuple(dotted_names(self.root, path))

    def overlay(self, texts: Mapping[Path, str]) -> Project:
        """The same project with other texts for some of its files."""
        changed = {path: self.files[path].with_text(text) for path, text in texts.items()}
        return replace(
            self,
            files={**self.files, **changed},
            outlines={**self.outlines, **{path: outline(source) for path, source in changed.items()}},
        )

    def joined_by(self, sources: Iterable[Source]) -> Project:
        """The same project with further files, which nothing in it need import."""
        further = {source.path: source for source in sources if source.path not in self.files}
        return replace(
            self,
            files={**self.files, **further},
            outlines={**self.outlines, **{path: outline(source) for path, source in further.items()}},
        )

    def _imported_by(self, importer: Path) -> Iterator[Path]:
        for item in self.outlines[importer].imports:
            for module in modules_named(item):
                found = self.resolve(importer, module, item.level)
                if found is not None and found != importer:
                    yield found
