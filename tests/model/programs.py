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
    source = read_source(written(folder, files) / target)
    return build_model(Project.of(source), source)


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder with these files in it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def backward_of(text: str) -> BackwardPass:
    """The one backward pass of a program that has gates."""
    (bptt,) = [each for each in model_of(text).backward_passes if each.deltas]
    return bptt
