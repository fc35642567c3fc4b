"""Building the model of a program that a test spells out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rnnlint.model.backward import BackwardPass
from rnnlint.model.file_model import FileModel, build_model
from rnnlint.model.project import Project
from rnnlint.source import decode_source, read_source


def model_of(text: str) -> FileModel:
    """The model of one file without neighbours."""
    source = decode_source(Path("program.py"), text.encode())
    return build_model(Project.alone(source), source)


def model_in(folder: Path, files: Mapping[str, str], target: str) -> FileModel:
    """The model of ``target`` among files on disk."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    source = read_source(folder / target)
    return build_model(Project.of(source), source)


def backward_of(text: str) -> BackwardPass:
    """The one backward pass of a program that has gates."""
    (bptt,) = [each for each in model_of(text).backward_passes if each.deltas]
    return bptt
