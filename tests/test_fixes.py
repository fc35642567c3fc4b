"""Fixes in texts and in files: which are applied, and what stays as it was."""

from __future__ import annotations

import ast
import json
import stat
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnlint.findings import Edit, Fix, Span
from rnnlint.fixes import apply_edits, apply_fixes
from rnnlint.rewriting import UnwritableFixError, write_fixed
from rnnlint.source import Source, read_source

FILE = Path("a.py")


def edit(line: int, column: int, end_line: int, end_column: int, text: str, path: Path = FILE) -> Edit:
    return Edit(path, Span(line, column, end_line, end_column), text)


def fix(*edits: Edit) -> Fix:
    return Fix("a fix", edits)


# --- texts -----------------------------------------------------------------------------------------------


def test_edits_are_made_at_code_points():
    assert (
        apply_edits("δf = C[t - 1]  # π\nx = 1\n", [edit(1, 6, 1, 14, "C[t]")]) == "δf = C[t]  # π\nx = 1\n"
    )


def test_insertions_at_one_place_stand_in_the_order_given():
    text = apply_edits("a\nb\n", [edit(2, 1, 2, 1, "first\n"), edit(2, 1, 2, 1, "second\n")])
    assert text == "a\nfirst\nsecond\nb\n"


@pytest.mark.parametrize("outside", [edit(4, 1, 4, 2, ""), edit(1, 9, 1, 9, "x"), edit(0, 1, 1, 1, "x")])
def test_an_edit_outside_the_text_is_refused(outside):
    with pytest.raises(ValueError, match="no line"):
        apply_edits("ab\ncd\n", [outside])


def test_overlapping_edits_are_refused():
    with pytest.raises(ValueError, match="overlapping"):
        apply_edits("abcdef\n", [edit(1, 1, 1, 4, "x"), edit(1, 3, 1, 5, "y")])


def test_of_overlapping_fixes_the_first_is_kept_whole():
    first, second = fix(edit(1, 5, 1, 6, "2")), fix(edit(1, 5, 1, 6, "3"), edit(2, 5, 2, 6, "4"))
    applied = apply_fixes({FILE: "x = 1\ny = 1\n"}, [first, second])
    assert applied.texts == {FILE: "x = 2\ny = 1\n"}
    assert (applied.applied, applied.skipped) == ((first,), (second,))


def test_an_edit_that_two_fixes_share_is_made_once():
    shared = edit(1, 1, 1, 1, "import numpy as np\n")
    applied = apply_fixes({FILE: "x = 1\n"}, [fix(shared), fix(shared, edit(1, 5, 1, 6, "2"))])
    assert applied.texts == {FILE: "import numpy as np\nx = 2\n"}
    assert applied.skipped == ()


def test_a_fix_that_leaves_no_python_is_skipped_and_the_others_applied():
    good, bad = fix(edit(2, 5, 2, 6, "2")), fix(edit(1, 5, 1, 6, "("))
    applied = apply_fixes({FILE: "x = 1\ny = 1\n"}, [bad, good])
    assert applied.texts == {FILE: "x = 1\ny = 2\n"}
    assert applied.skipped == (bad,)


def test_a_fix_that_reaches_into_another_file_is_applied_in_both_or_in_none():
    other = Path("b.py")
    both = fix(edit(1, 5, 1, 6, "2"), edit(1, 5, 1, 6, "2", other))
    assert apply_fixes({FILE: "x = 1\n"}, [both]).texts == {FILE: "x = 1\n"}
    assert apply_fixes({FILE: "x = 1\n", other: "y = 1\n"}, [both]).texts == {
        FILE: "x = 2\n",
        other: "y = 2\n",
    }


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6), st.sampled_from(["", "1", "zz"])), max_size=8)
)
def test_what_is_applied_and_what_is_skipped_are_all_fixes_and_the_text_parses(places):
    text = "value = [1, 2, 3]\n" * 3
    fixes = []
    for offset, length, new in places:
        line, column = divmod(offset, 17)
        fixes.append(fix(edit(line + 1, column + 1, line + 1, min(column + 1 + length, 18), new)))
    applied = apply_fixes({FILE: text}, fixes)
    assert sorted(map(id, applied.applied + applied.skipped)) == sorted(map(id, fixes))
    ast.parse(applied.texts[FILE])


# --- files -----------------------------------------------------------------------------------------------


def stored(tmp_path: Path, content: bytes, name: str = "a.py") -> Source:
    path = tmp_path / name
    path.write_bytes(content)
    return read_source(path)


def at(source: Source, line: int, column: int, end_column: int, text: str) -> Edit:
    return edit(line, column, line, end_column, text, source.path)


def test_mixed_newlines_stay_and_new_lines_end_as_their_neighbour(tmp_path):
    source = stored(tmp_path, b"a = 1\r\nb = 1\nc = 1\rd = 1")
    edits = [at(source, 1, 5, 6, "2"), at(source, 2, 1, 1, "n = 0\n"), at(source, 4, 5, 6, "2")]
    write_fixed(source, edits)
    assert source.path.read_bytes() == b"a = 2\r\nn = 0\r\nb = 1\nc = 1\rd = 2"


def test_lines_added_after_a_last_line_without_newline(tmp_path):
    source = stored(tmp_path, b"a = 1\r\nb = 1")
    write_fixed(source, [at(source, 2, 6, 6, "\nc = 1")])
    assert source.path.read_bytes() == b"a = 1\r\nb = 1\r\nc = 1"


def test_a_line_is_taken_out_with_its_newline(tmp_path):
    source = stored(tmp_path, b"a = 1\r\nb = 1\r\nc = 1\r\n")
    write_fixed(source, [edit(2, 1, 3, 1, "", source.path)])
    assert source.path.read_bytes() == b"a = 1\r\nc = 1\r\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\ufeffé = 1\n".encode(), "\ufeffé = 2\n".encode()),
        ("# coding: latin-1\né = 1\n".encode("latin-1"), "# coding: latin-1\né = 2\n".encode("latin-1")),
        ("\ufeffé = 1\n".encode("utf-16-be"), "\ufeffé = 2\n".encode("utf-16-be")),
    ],
    ids=["byte-order mark", "latin-1", "utf-16, high byte first"],
)
def test_the_encoding_stays(tmp_path, before, after):
    source = stored(tmp_path, before)
    write_fixed(source, [at(source, source.text.count("\n"), 5, 6, "2")])
    assert source.path.read_bytes() == after


def test_the_mode_stays_and_a_symbolic_link_stays_one(tmp_path):
    source = stored(tmp_path, b"a = 1\n")
    source.path.chmod(0o750)
    link = tmp_path / "link.py"
    link.symlink_to(source.path)
    linked = read_source(link)
    write_fixed(linked, [at(linked, 1, 5, 6, "2")])
    assert link.is_symlink() and source.path.read_bytes() == b"a = 2\n"
    assert stat.S_IMODE(source.path.stat().st_mode) == 0o750
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.py", "link.py"]


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path):
    source = stored(tmp_path, b"a = 1\n")
    source.path.write_bytes(b"a = 7\n")
    with pytest.raises(UnwritableFixError, match="has changed"):
        write_fixed(source, [at(source, 1, 5, 6, "2")])
    assert source.path.read_bytes() == b"a = 7\n"


def test_a_character_that_the_encoding_lacks_is_refused(tmp_path):
    source = stored(tmp_path, b"# coding: latin-1\na = 1\n")
    with pytest.raises(UnwritableFixError, match="lacks"):
        write_fixed(source, [at(source, 2, 6, 6, "  # σ")])
    assert source.path.read_bytes() == b"# coding: latin-1\na = 1\n"


# --- notebooks -------------------------------------------------------------------------------------------

CELLS = [
    {"cell_type": "markdown", "metadata": {}, "source": ["# LSTM\n", "text"]},
    {
        "cell_type": "code",
        "execution_count": 3,
        "metadata": {"tags": ["a"]},
        "outputs": [{"name": "stdout", "output_type": "stream", "text": ["source\n"]}],
        "source": ["%matplotlib inline\n", "x = 1\n", "é = 'é'"],
    },
    {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": ["y = 1"]},
]
NOTEBOOK = {"cells": CELLS, "metadata": {"source": 1}, "nbformat": 4, "nbformat_minor": 4}


def as_notebook(tmp_path: Path, **style: object) -> Source:
    text = json.dumps(NOTEBOOK, **style) + "\n"
    return stored(tmp_path, text.encode(), "n.ipynb")


def expected(sources: dict[int, list[str]], **style: object) -> bytes:
    cells = [{**cell, "source": sources.get(index, cell["source"])} for index, cell in enumerate(CELLS)]
    return (json.dumps({**NOTEBOOK, "cells": cells}, **style) + "\n").encode()


@pytest.mark.parametrize(
    "style",
    [{"indent": 1, "ensure_ascii": False}, {"indent": 4}, {}, {"indent": "\t", "sort_keys": True}],
    ids=["as Jupyter writes", "four spaces, escaped", "one line", "tabs, sorted"],
)
def test_only_the_edited_lines_of_a_notebook_change(tmp_path, style):
    source = as_notebook(tmp_path, **style)
    write_fixed(source, [at(source, 2, 5, 6, "2"), at(source, 4, 1, 1, "n = 0\n"), at(source, 4, 5, 6, "2")])
    wanted = {1: ["%matplotlib inline\n", "x = 2\n", "é = 'é'\n", "n = 0"], 2: ["y = 2"]}
    assert source.path.read_bytes() == expected(wanted, **style)
    nbformat.validate(nbformat.reads(source.path.read_text(), as_version=4))


def test_a_cell_stored_as_one_string_stays_one(tmp_path):
    text = json.dumps({"cells": [{"cell_type": "code", "source": "x = 1\ny = 1\n"}]}, indent=1)
    source = stored(tmp_path, text.encode(), "n.ipynb")
    write_fixed(source, [at(source, 2, 5, 6, "2")])
    assert source.path.read_text() == text.replace("y = 1", "y = 2")


def test_cells_of_the_third_format_are_found(tmp_path):
    sheets = [{"cells": [{"cell_type": "code", "input": ["x = 1\n", "y = 1"]}]}]
    text = json.dumps({"worksheets": sheets, "nbformat": 3}, indent=1)
    source = stored(tmp_path, text.encode(), "n.ipynb")
    write_fixed(source, [at(source, 1, 5, 6, "2")])
    assert source.path.read_text() == text.replace("x = 1", "x = 2")


def test_an_edited_magic_is_refused(tmp_path):
    source = as_notebook(tmp_path, indent=1)
    before = source.path.read_bytes()
    with pytest.raises(UnwritableFixError, match="read back"):
        write_fixed(source, [edit(1, 1, 2, 1, "", source.path), at(source, 1, 1, 1, "%load x")])
    assert source.path.read_bytes() == before


def test_a_fix_that_would_lose_a_comment_is_refused(tmp_path):
    text = "dc = (\n    dh * o  # through the output gate\n    + dc_next\n)\n"
    source = stored(tmp_path, text.encode())
    with pytest.raises(UnwritableFixError, match="lose the comment '# through the output gate'"):
        write_fixed(source, [edit(1, 6, 4, 2, "dh * o + dc_next", source.path)])
    assert source.path.read_text() == text


def test_comments_beside_an_edit_stay(tmp_path):
    source = stored(tmp_path, b"x = 1  # one\ny = x  # one\n")
    write_fixed(source, [at(source, 1, 5, 6, "2")])
    assert source.path.read_text() == "x = 2  # one\ny = x  # one\n"


def test_a_fix_across_cells_is_refused(tmp_path):
    source = as_notebook(tmp_path, indent=1)
    with pytest.raises(UnwritableFixError, match="across cells"):
        write_fixed(source, [edit(3, 1, 4, 2, "", source.path)])
