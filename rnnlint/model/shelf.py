"""What a run has read from disk: the projects of a folder's files share it."""

from __future__ import annotations

import re
from pathlib import Path

from rnnlint.model.imports import FileOutline, outline
from rnnlint.model.locating import Folders, python_files
from rnnlint.source import Source, UnreadableSourceError, read_source

_IMPORT_STATEMENT = re.compile(rb"\b(?:from|import)\b(?:[^\n(]|\\\n)*(?:\([^)]*)?")
_WORD = re.compile(rb"\w+")


class Shelf:
    """Files as they were when they were first asked for; each is read, and outlined, once.

    Nothing is given back, so a shelf is for one run over files that do not change meanwhile.
    """

    def __init__(self) -> None:
        self.folders = Folders()
        self._sources: dict[Path, Source | None] = {}
        self._outlines: dict[Path, FileOutline] = {}
        self._import_words: dict[Path, frozenset[str]] = {}
        self._listings: dict[Path, tuple[Path, ...]] = {}

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
            statements = b" ".join(_IMPORT_STATEMENT.findall(_bytes_of(path)))
            words = _WORD.findall(statements)
            self._import_words[path] = frozenset(word.decode(errors="replace") for word in words)
        return self._import_words[path]

    def holds_word(self, path: Path, word: str) -> bool:
        """Whether the word stands anywhere in the file."""
        return word.encode() in _bytes_of(path)

    def files_under(self, root: Path) -> tuple[Path, ...]:
        """The Python files under ``root``, nearest first; bounded as in :func:`python_files`."""
        if root not in self._listings:
            self._listings[root] = tuple(python_files(root))
        return self._listings[root]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
