"""Files that import one another: looked through once, never in a circle."""

from __future__ import annotations

from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.source import read_source


def test_star_imports_in_a_circle_end(tmp_path):
    (tmp_path / "cells.py").write_text("from layers import *\nclass Cell(Base):\n    pass\n")
    (tmp_path / "layers.py").write_text("from cells import *\nclass Layer(Missing):\n    pass\n")
    (tmp_path / "lstm.py").write_text(
        "from cells import *\n"
        "class LSTM(Cell):\n"
        "    def backward(self, dhs):\n"
        "        for t in reversed(range(3)):\n"
        "            self.step(dhs[t])\n"
        "            squash(dhs[t])\n"
    )
    source = read_source(tmp_path / "lstm.py")
    assert [finding.code for finding in lint(Project.of(source), source) if finding.severity == "error"] == []
