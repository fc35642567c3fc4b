"""Projects that share what was read, and modules that are there in a form nobody can read."""

from __future__ import annotations

from pathlib import Path

from rnnlint.model.project import Project
from rnnlint.model.shelf import Shelf
from rnnlint.source import read_source


def written(folder: Path, **texts: str) -> dict[str, Path]:
    paths = {}
    for stem, text in texts.items():
        paths[stem] = folder / f"{stem}.py"
        paths[stem].write_text(text, encoding="utf-8")
    return paths


def test_projects_are_the_same_with_a_shelf_and_without(tmp_path: Path) -> None:
    paths = written(
        tmp_path,
        forward="from cells import (\n    sigmoid,\n)\n\ndef forward(x):\n    return sigmoid(x)\n",
        backward="import forward\n",
        cells="def sigmoid(x):\n    return x\n",
        other="word = 'import forward'\n",
    )
    shelf = Shelf()
    for path in paths.values():
        source = read_source(path)
        alone, shared = Project.of(source), Project.of(source, shelf)
        assert shared.callers == alone.callers
        assert dict(shared.resolved) == dict(alone.resolved)
        assert list(shared.files) == list(alone.files)
    assert Project.of(read_source(paths["forward"]), shelf).callers == (paths["backward"],)
    assert Project.of(read_source(paths["cells"]), shelf).callers == (paths["forward"],)


def test_a_file_is_read_once_for_all_projects(tmp_path: Path) -> None:
    paths = written(tmp_path, a="import c\n", b="import c\n", c="x = 1\n")
    shelf = Shelf()
    Project.of(read_source(paths["a"]), shelf)
    paths["c"].unlink()
    assert paths["c"] in Project.of(read_source(paths["b"]), shelf).files


def test_nothing_stands_in_for_a_compiled_module(tmp_path: Path) -> None:
    paths = written(tmp_path, a="from fast import step\n", other="def step():\n    pass\n")
    assert Project.of(read_source(paths["a"])).notes  # other.py defines it
    (tmp_path / "fast.cpython-311-x86_64-linux-gnu.so").write_bytes(b"\x7fELF")
    project = Project.of(read_source(paths["a"]))
    assert project.notes == ()
    assert paths["other"] not in project.files


def test_functions_that_follow_one_another_stand_in_for_a_missing_module(tmp_path: Path) -> None:
    helpers = "def sigmoid(x):\n    return x\n\ndef tanh(x):\n    return x\ndef relu(x): return x\n"
    paths = written(tmp_path, backward="from lost.module import sigmoid, tanh, relu\n", helpers=helpers)
    project = Project.of(read_source(paths["backward"]))
    assert paths["helpers"] in project.files
    assert len(project.notes) == 1
