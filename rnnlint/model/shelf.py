"""What a run has read from disk: the projects of a folder's files share it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from rnnlint.model.imports import FileOutline, outline
from rnnlint.model.locating import Folders, python_files
from rnnlint.source import Source, UnreadableSourceError, read_source

_IMPORT_STATEMENT = re.compile(rb"\b(?:from|import)\b(?:[^\n(]|\\\n)*(?:\([^)]*)?")
_BODY = re.compile(rb"^((?:async\s+)?def\s+\w+|class\s+\w+).*(?:\n(?:[ \t].*)?)*", re.MULTILINE)
"""A function or class of the top level: its name, and the indented and empty lines behind it."""
_WORD = re.compile(rb"\w+")
MOST_BYTES_HELD = 64_000_000
"""How much text is kept; a file beyond is read again when it is asked about again."""


class Shelf:
    """Files as they were when they were first asked for; each is read, and outlined, once.

    Nothing is given back, so a shelf is for one run over files that do not change meanwhile.
    """

    def __init__(self) -> None:
        self.folders = Folders()
        self._sources: dict[Path, Source | None] = {}
        self._outlines: dict[Path, FileOutline] = {}
        self._import_words: dict[Path, frozenset[str]] = {}
        self._defining: dict[tuple[Path, tuple[str, ...]], tuple[Path, ...]] = {}
        self._top_levels: dict[Path, bytes] = {}
        self._listings: dict[Path, tuple[Path, ...]] = {}
        self._bytes: dict[Path, bytes] = {}
        self._bytes_held = 0

    def source(self, path: Path) -> Source | None:
        """The file's source, None where it cannot be read."""
        if path not in self._sources:
            try:
                self._sources[path] = read_source(path)
            except UnreadableSourceError:
                self._sources[path] = None
        return self._sources[path]

    def outline(self, path: Path) -> FileOutline:
        """What the file imports and defines; nothing where it cannot be read or does not parse."""
        if path not in self._outlines:
            source = self.source(path)
            self._outlines[path] = FileOutline() if source is None else outline(source)
        return self._outlines[path]

    def words_of_imports(self, path: Path) -> frozenset[str]:
        """The words of all that looks like an import statement, without parsing: a superset of the truth."""
        if path not in self._import_words:
            statements = b" ".join(_IMPORT_STATEMENT.findall(self._read(path)))
            words = _WORD.findall(statements)
            self._import_words[path] = frozenset(word.decode(errors="replace") for word in words)
        return self._import_words[path]

    def files_defining(self, root: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
        """The files under ``root`` whose top level binds every one of these names, nearest first."""
        if (root, names) not in self._defining:
            words = [name.encode() for name in names]
            self._defining[root, names] = tuple(
                path
                for path in self.files_under(root)
                if self._may_define(path, words) and self.outline(path).definitions.issuperset(names)
            )
        return self._defining[root, names]

    def _may_define(self, path: Path, names: Sequence[bytes]) -> bool:
        """Whether every name stands outside the file's functions and classes where it may be bound, not only
        used."""
        text = self._read(path)
        if not all(name in text for name in names):
            return False
        if path not in self._top_levels:
            self._top_levels[path] = _BODY.sub(rb"\1\n", text)
        return all(_binding_of(name).search(self._top_levels[path]) for name in names)

    def _read(self, path: Path) -> bytes:
        if path in self._bytes:
            return self._bytes[path]
        try:
            text = path.read_bytes()
        except OSError:
            text = b""
        if self._bytes_held + len(text) <= MOST_BYTES_HELD:
            self._bytes[path] = text
            self._bytes_held += len(text)
        return text

    def files_under(self, root: Path) -> tuple[Path, ...]:
        """The Python files under ``root``, nearest first; bounded as in :func:`python_files`."""
        if root not in self._listings:
            self._listings[root] = tuple(python_files(root))
        return self._listings[root]


@lru_cache(maxsize=256)
def _binding_of(name: bytes) -> re.Pattern[bytes]:
    """A definition, an import, or the name with neither a call nor an attribute behind it."""
    word = rb"\b%b\b" % re.escape(name)
    return re.compile(rb"\b(?:def|class)\s+%b|\bimport\b[^\n]*%b|%b(?![ \t]*[(.])" % (word, word, word))
