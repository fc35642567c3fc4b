"""Where on the page things stand: a block with the anchors of its findings and of its files' lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rnnlint.findings import Finding
from rnnlint.records import dataclass
from rnnlint.report.block import Block


@dataclass(frozen=True, slots=True)
class Stage:
    """``anchors`` says by ``id(finding)`` where each is told, ``prefixes`` how the anchors of a file's lines
    begin, by its absolute path.
    """

    block: Block
    anchors: Mapping[int, str]
    prefixes: Mapping[Path, str]

    def anchor(self, finding: Finding) -> str:
        """Where a finding is told."""
        return self.anchors[id(finding)]

    def line_anchor(self, path: Path, line: int) -> str:
        """Where a line stands; empty where its file is not shown."""
        prefix = self.prefixes.get(path.absolute())
        return f"{prefix}-L{line}" if prefix else ""

    def place(self, path: Path, line: int) -> str:
        """``line 26``, ``cell 3:12``, or ``forward.py:12`` in another file."""
        label = self.block.scene.label(path, line)
        return f"line {label}" if label.isdigit() else label
