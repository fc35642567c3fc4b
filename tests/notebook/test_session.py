"""A kernel's history as one program: what each name means now, and nothing that never ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.notebook.session import path_of_notebook, program_of

PATH = Path("/course/week3.ipynb")


def text_of(*cells: str, current: int = 0) -> str:
    return program_of(list(enumerate(cells, start=1)), PATH, current).text


def statements(*cells: str, current: int = 0) -> list[str]:
    return [line for line in text_of(*cells, current=current).split("\n") if line.strip()]


def test_cells_are_numbered_as_they_ran() -> None:
    source = program_of([(2, "a = 1"), (5, "b = 2\nc = 3")], PATH, 5)
    assert source.label(1) == "cell 2:1"
    assert source.label(3) == "cell 5:2"


def test_of_two_definitions_the_last_counts() -> None:
    cells = (
        "def f():\n    return 1",
        "class A: ...\nx = f()",
        "@cached\ndef f():\n    return 2",
        "class A:\n    y = 3",
    )
    assert statements(*cells) == ["x = f()", "@cached", "def f():", "    return 2", "class A:", "    y = 3"]


def test_a_decorator_goes_with_its_function() -> None:
    assert statements("@cached\n@njit\ndef f():\n    return 1", "def f(): ...") == ["def f(): ..."]


def test_definitions_keep_their_lines() -> None:
    source = program_of([(1, "def f():\n    return 1\nx = 2"), (2, "def f():\n    return 3")], PATH, 2)
    assert source.text.split("\n")[2] == "x = 2"
    assert source.label(3) == "cell 1:3"


def test_methods_of_one_name_in_two_classes_are_two() -> None:
    cells = ("class A:\n    def f(self): ...", "class B:\n    def f(self): ...")
    assert statements(*cells) == "\n".join(cells).split("\n")


def test_a_cell_run_twice_counts_once() -> None:
    source = program_of([(1, "x = load()"), (2, "y = 1"), (3, "x = load()")], PATH, 3)
    assert [cell.number for cell in source.cells] == [2, 3]


def test_what_did_not_parse_never_ran() -> None:
    assert statements("x = (", "y = 1", current=2) == ["y = 1"]
    assert program_of([(1, "x = (")], PATH, 1).skipped_cells  # the current one is told


def test_magics_are_blanked_and_a_checked_cell_is_read() -> None:
    cells = (
        "%load_ext rnnlint",
        "!ls\nx = 1",
        "%%rnnlint --seed 7\ny = 2",
        "%%bash\nrm -r z",
        "%%timeit\nz = 3",
    )
    assert statements(*cells) == ["x = 1", "y = 2", "z = 3"]


@pytest.mark.parametrize(
    ("variables", "environment", "name"),
    [
        ({"__vsc_ipynb_file__": "/home/ada/lstm.ipynb"}, "", "lstm.ipynb"),
        ({}, "week3/lstm.ipynb", "lstm.ipynb"),
        ({}, "console-1", "notebook.ipynb"),
        ({}, "", "notebook.ipynb"),
    ],
)
def test_a_notebook_has_the_name_its_front_end_tells(
    variables: dict[str, str], environment: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", environment)
    assert path_of_notebook(variables) == tmp_path / name
