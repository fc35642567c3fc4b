"""A file or notebook becomes one program whose lines are its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnlint.source import Place, Source, UnreadableSourceError, decode_source, read_source


def program(raw: bytes, name: str = "net.py") -> Source:
    return decode_source(Path(name), raw)


def notebook(*cells: str, **extra: Any) -> Source:
    described = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    described.insert(1, {"cell_type": "markdown", "source": ["# text"]})
    return program(json.dumps({"cells": described, **extra}).encode(), "net.ipynb")


@pytest.mark.parametrize(
    ("raw", "text", "encoding"),
    [
        (b"x = 1\n", "x = 1\n", "utf-8"),
        (b"x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n", "utf-8"),
        (b"x = 1\ry = 2\r", "x = 1\ny = 2\n", "utf-8"),
        ("s = 'é'\n".encode(), "s = 'é'\n", "utf-8"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n", "utf-8"),
        ("# coding: latin-1\ns = 'é'\n".encode("latin-1"), "# coding: latin-1\ns = 'é'\n", "iso-8859-1"),
        ("s = 'é'\n".encode("latin-1"), "s = 'é'\n", "latin-1"),
        ("x = 1\n".encode("utf-16"), "x = 1\n", "utf-16"),
        (b"", "", "utf-8"),
    ],
)
def test_encodings_and_newlines(raw: bytes, text: str, encoding: str) -> None:
    source = program(raw)
    assert (source.text, source.encoding, source.problem) == (text, encoding, None)


def test_a_syntax_error_is_a_problem_with_its_place() -> None:
    problem = program(b"x = 1\ndef f(:\n").problem
    assert problem is not None
    assert problem.line == 2


def test_python_2_is_converted() -> None:
    source = program(b"import numpy as np\nfor t in xrange(3):\n\tprint t, 'loss'\n")
    assert source.python2
    assert source.problem is None
    assert source.text.split("\n")[1:3] == ["for t in range(3):", "\tprint(t, 'loss')"]


def test_python_2_that_happens_to_parse_is_converted() -> None:
    source = program(b"for t in xrange(3):\n    pass\n")
    assert source.python2
    assert "range(3)" in source.text
    assert "xrange" not in source.text


@pytest.mark.parametrize("raw", [b"\0\1\2", b"\x7fELF\0", b"\xff\xfe\x00"])
def test_binary_files_are_refused_in_a_sentence(raw: bytes) -> None:
    with pytest.raises(UnreadableSourceError, match=r"net\.py: .*binary"):
        program(raw)


def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSourceError, match="no such file"):
        read_source(tmp_path / "missing.py")
    with pytest.raises(UnreadableSourceError, match="directory"):
        read_source(tmp_path)


class TestNotebooks:
    def test_cells_are_joined_and_lines_lead_back(self) -> None:
        source = notebook("x = 1\ny = 2", "def f():\n    return x\n")
        assert source.text == "x = 1\ny = 2\ndef f():\n    return x\n\n"
        assert source.place(2) == Place(2, 1)
        assert source.place(4) == Place(2, 2)
        assert [cell.index for cell in source.cells] == [0, 2]

    def test_magics_are_blanked(self) -> None:
        source = notebook("%matplotlib inline\n!pip install x\nx = 1", "if x:\n    %time f()", "%%html\n<b>")
        assert source.problem is None
        assert [line for line in source.text.split("\n") if line.strip()] == ["x = 1", "if x:", "    pass"]

    def test_a_cell_that_does_not_parse_is_left_out_and_named(self) -> None:
        source = notebook("x = 1", "def f(:\n  what", "y = 2")
        assert source.problem is None
        assert [cell.number for cell in source.skipped_cells] == [2]
        assert source.line_text(4) == "y = 2"

    def test_python_2_cells_make_a_python_2_program(self) -> None:
        source = notebook("x = 1", "print x")
        assert source.python2
        assert source.line_text(2) == "print(x)"

    @pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"not json", b'{"cells": 3}'])
    def test_what_is_no_notebook_is_refused_in_a_sentence(self, raw: bytes) -> None:
        with pytest.raises(UnreadableSourceError, match="not a notebook"):
            program(raw, "net.ipynb")
