"""Where findings are shown: how a place is called, and the text that stands there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.records import dataclass
from rnnlint.report import wording

if TYPE_CHECKING:
    from rnnlint.source import Source


@dataclass(frozen=True, slots=True)
class Scene:
    """Where findings are shown: the file the block is about, and the texts at hand."""

    home: Path
    sources: Mapping[Path, Source]

    def source(self, path: Path) -> Source | None:
        """The text of ``path``, if it is at hand."""
        return self.sources.get(path.absolute())

    def label(self, path: Path, row: int) -> str:
        """``26``, or ``forward.py:12`` in another file."""
        number = wording.place(self.source(path), row)
        if path.absolute() == self.home.absolute():
            return number
        return f"{wording.beside(path, self.home)}:{number}"
