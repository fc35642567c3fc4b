"""Files that import one another: looked through once, never in a circle."""

from __future__ import annotations

from rnnlint.model.file_model import build_model
from rnnlint.model.project import Project
from rnnlint.source import read_source


def test_star_imports_in_a_circle_end(tmp_path):
    (tmp_path / "cells.py").write_text("from layers import *\nclass Cell:\n    pass\n")
    (tmp_path / "layers.py").write_text("from cells import *\ndef squash(x):\n    return x\n")
    (tmp_path / "lstm.py").write_text("from cells import *\n")
    source = read_source(tmp_path / "lstm.py")
    model = build_model(Project.of(source), source)
    assert model.program.class_named(model.module, "Missing") is None
    assert model.program.function(model.module, "missing") is None
    assert model.program.class_named(model.module, "Cell") is not None
    assert model.program.function(model.module, "squash") is not None
