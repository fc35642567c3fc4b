"""Blanks of an exercise: filled where their names say what they are, left to fail where they do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnlint.source import Source, read_source

FORWARD = """def forward(xs, h_prev, C_prev, p):
    W_f, W_i, W_g, W_o, b_f, b_i, b_g, b_o = p
    for x in xs:
        z = np.vstack((h_prev, x))
        # YOUR CODE HERE
        f =
        i =   # the input gate
        g = tanh(np.dot(W_g, z) + b_g)
        C_prev =
        o =
        h_prev = o * tanh(C_prev)
    return h_prev
"""


def notebook(tmp_path: Path, *cells: str) -> Source:
    path = tmp_path / "exercise.ipynb"
    written = [
        {"cell_type": "code", "source": text, "metadata": {}, "outputs": [], "execution_count": None}
        for text in cells
    ]
    path.write_text(json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return read_source(path)


def test_gates_and_cell_state_get_the_standard_equations_in_the_exercises_own_words(tmp_path):
    source = notebook(tmp_path, FORWARD)
    written = [source.line_text(n).strip() for n in (6, 7, 9, 10)]
    assert written == [
        "f = sigmoid(np.dot(W_f, z) + b_f)",
        "i = sigmoid(np.dot(W_i, z) + b_i)  # the input gate",
        "C_prev = f * C_prev + i * g",
        "o = sigmoid(np.dot(W_o, z) + b_o)",
    ]
    assert source.skipped_cells == ()
    assert source.notes == (
        "Code cell 1 has blanks (line 6, 7, 9, 10); the standard equations stand in for them.",
    )


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        ("loss =\nprint(loss)\n", "loss = ..."),
        ("for x in xs:\n    total +=  # add it up\n", "total += ...  # add it up"),
        (FORWARD.replace("W_f", "A").replace("b_f", "a"), "f = ..."),
    ],
    ids=["a loss", "a sum", "a gate whose weights are not known"],
)
def test_a_blank_with_no_standard_meaning_stays_open_and_is_not_claimed(tmp_path, cell, left):
    source = notebook(tmp_path, cell)
    assert source.skipped_cells == ()
    (number,) = [n for n in source.cells[0].unfinished if source.line_text(n).strip().startswith(left[:3])][
        :1
    ]
    assert source.line_text(number).strip() == left
    assert all(f" {number}," not in note and f" {number})" not in note for note in source.notes)


def test_lines_stay_where_they_are(tmp_path):
    source = notebook(tmp_path, "a = 1\n", FORWARD, "b = 2\n")
    assert source.line_text(source.cells[2].first_line) == "b = 2"
    assert source.place(source.cells[1].first_line + 5).line == 6


def test_a_cell_that_is_broken_otherwise_is_left_out_and_named(tmp_path):
    source = notebook(tmp_path, "f =\nfor in range(3):\n", "b = 2\n")
    (cell,) = source.skipped_cells
    assert cell.number == 1 and cell.unfinished == ()
    assert source.line_text(1) == ""


def test_a_finished_cell_is_never_touched(tmp_path):
    text = FORWARD.replace("f =\n", "f = sigmoid(np.dot(W_f, z))\n").replace("i =   #", "i = 1  #")
    text = text.replace("C_prev =\n", "C_prev = f\n").replace("o =\n", "o = 1\n")
    assert notebook(tmp_path, text).text.rstrip("\n") == text.rstrip("\n")
