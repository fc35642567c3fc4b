"""Whatever lies in a file: a finding or one clear sentence, a documented exit status, and an end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Ended

from fixtures.buggy.planting import planted

Call = Callable[..., Ended]

BUGGY = next(bug.text for bug in planted() if bug.name == "column_dict-RNN101")
BUG = "RNN101 error"


def with_comment(comment: str) -> str:
    return f"# {comment}\n{BUGGY}"


READ_AS_PYTHON = {
    "lines that end as in Windows": BUGGY.replace("\n", "\r\n").encode(),
    "lines that end as they once did on a Macintosh": BUGGY.replace("\n", "\r").encode(),
    "lines that end in both ways": BUGGY.replace("\n", "\r\n", 20).encode(),
    "no newline at the end": BUGGY.rstrip().encode(),
    "a byte-order mark": BUGGY.encode("utf-8-sig"),
    "tabs": BUGGY.replace("    ", "\t").encode(),
    "form feeds": BUGGY.replace("\n\ndef", "\n\f\ndef").encode(),
    "Latin 1, said": with_comment("-*- coding: latin-1 -*- é").encode("latin-1"),
    "Latin 1, not said": with_comment("é").encode("latin-1"),
    "code page 1252, said": with_comment("coding: cp1252 €").encode("cp1252"),
    "code page 1252, not said": with_comment("€").encode("cp1252"),
    "UTF-16": BUGGY.encode("utf-16"),
    "UTF-16, high byte first": b"\xfe\xff" + BUGGY.encode("utf-16-be"),
    "an encoding that does not exist": with_comment("coding: klingon é").encode(),
    "a codec that makes bytes": with_comment("coding: hex").encode(),
    "a codec that makes nothing": with_comment("coding: undefined").encode(),
    "names in Greek": BUGGY.replace("dc_next", "δc_next").encode(),
    "Python 2": b"print 'x'\n" + BUGGY.encode(),
    "Python 2 with tabs": b"print 'x'\n" + BUGGY.replace("    ", "\t").encode(),
    "a line of a megabyte": (BUGGY + f"text = '{'a' * 1_000_000}'\n").encode(),
    "a list of ten thousand numbers": (BUGGY + f"x = [{'1, ' * 10_000}]\n").encode(),
    "a hundred branches": (BUGGY + "if x: pass\n" + "elif y: pass\n" * 100).encode(),
}
NESTED = {
    "sum": " + ".join(["W @ dh"] * 5000),
    "sum that Python still compiles": " + ".join(["dh"] * 700),
    "brackets": "[" * 180 + "]" * 180,
    "attributes": "W" + ".T" * 900,
    "calls": "f" + "()" * 400,
    "conditions": " and ".join(["x"] * 2000),
    "choices": "1 if x else " * 900 + "2",
    "strings side by side": "(" + "'a' " * 1000 + ")",
    "functions": "lambda: " * 400 + "1",
}
NO_PYTHON = {
    "a thousand brackets": "x = " + "(" * 1000 + ")" * 1000,
    "two hundred ifs": "".join(" " * k + "if x:\n" for k in range(200)) + " " * 200 + "pass",
    "a blank that is none": BUGGY.replace("    c =", "\u00a0   c =", 1),
    "a number too long": "x = " + "9" * 10_000,
    "a line that goes on": "x = 1 + \\",
    "half a character": "x = '\ud800'",
}
NO_TEXT = {
    "a null byte": BUGGY.encode().replace(b"H = hs", b"H\0 = hs"),
    "numbers": bytes(range(256)) * 4,
    "UTF-16 without its mark": BUGGY.encode("utf-16-le"),
    "UTF-32": BUGGY.encode("utf-32"),
    "half a character of UTF-16": b"\xff\xfea",
}
NO_NOTEBOOK = {
    "nothing": b"",
    "a bracket": b"{",
    "brackets without end": b"[" * 100_000,
    "a list": b"[]",
    "a number of 5,000 digits": b'{"cells": [], "x": ' + b"9" * 5000 + b"}",
    "cells that are no list": b'{"cells": {"a": 1}}',
}


def by_name(contents: dict) -> list:
    return [pytest.param(content, id=name) for name, content in contents.items()]


def lint(call: Call, name: str) -> Ended:
    ended = call("--no-run", "--output-format", "concise", name)
    assert "internal error" not in ended.err
    return ended


@pytest.mark.parametrize("content", by_name(READ_AS_PYTHON))
def test_python_in_any_dress(call: Call, folder: Path, content: bytes) -> None:
    (folder / "lstm.py").write_bytes(content)
    ended = lint(call, "lstm.py")
    assert ended.status == 1
    assert BUG in ended.out


@pytest.mark.parametrize("expression", by_name(NESTED))
@pytest.mark.parametrize("place", ["dh = p", "x = p"])
def test_what_is_nested_too_deeply_is_said_to_be(
    call: Call, folder: Path, expression: str, place: str
) -> None:
    line = (
        f"        {place}\n".replace("p\n", f"{expression}\n") if place[0] == "d" else f"x = {expression}\n"
    )
    text = (
        BUGGY.replace("        dc_next = dc", f"{line}        dc_next = dc")
        if line[0] == " "
        else BUGGY + line
    )
    (folder / "lstm.py").write_text(text, encoding="utf-8")
    ended = lint(call, "lstm.py")
    assert ended.status in (0, 1)
    assert ended.out.count("RNN002") == 1 and "nested too deeply" in ended.out


def test_a_program_that_is_written_out_step_by_step(call: Call, folder: Path) -> None:
    written_out = "".join(f"        dh = dh * (1 - {k} * dh)\n" for k in range(300))
    text = BUGGY.replace("        dc_next = dc", f"{written_out}        dc_next = dc")
    (folder / "lstm.py").write_text(text, encoding="utf-8")
    assert lint(call, "lstm.py").status in (0, 1)


@pytest.mark.parametrize("text", by_name(NO_PYTHON))
def test_what_is_no_python_is_a_finding(call: Call, folder: Path, text: str) -> None:
    (folder / "lstm.py").write_bytes(text.encode("utf-8", "surrogatepass"))
    ended = lint(call, "lstm.py")
    assert ended.out.count("RNN002") <= 1
    assert ended.status in (0, 1)


@pytest.mark.parametrize("content", by_name(NO_TEXT))
def test_what_is_no_text_is_one_sentence(call: Call, folder: Path, content: bytes) -> None:
    (folder / "lstm.py").write_bytes(content)
    ended = lint(call, "lstm.py")
    assert ended.status == 2
    assert ended.out == "lstm.py: is binary, not Python source.\n"


@pytest.mark.parametrize("content", by_name(NO_NOTEBOOK))
def test_what_is_no_notebook_is_one_sentence(call: Call, folder: Path, content: bytes) -> None:
    (folder / "lstm.ipynb").write_bytes(content)
    ended = lint(call, "lstm.ipynb")
    assert ended.status == 2
    assert ended.out.startswith("lstm.ipynb: is not a notebook (") and ended.out.count("\n") == 1


@pytest.mark.parametrize("content", [b"", b"\n\n  \n", b"\xef\xbb\xbf", b"# nothing"])
def test_an_empty_file_is_no_mistake(call: Call, folder: Path, content: bytes) -> None:
    (folder / "lstm.py").write_bytes(content)
    assert lint(call, "lstm.py").status == 0


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(call: Call, folder: Path) -> None:
    os.mkfifo(folder / "lstm.py")
    ended = lint(call, "lstm.py")
    assert ended.status == 2
    assert ended.out == "lstm.py: is a pipe, not a file. Standard input is read with: -\n"


def test_a_folder_may_be_called_like_a_file(call: Call, folder: Path) -> None:
    (folder / "lstm.py").mkdir()
    (folder / "lstm.py" / "cell.py").write_text(BUGGY, encoding="utf-8")
    os.mkfifo(folder / "lstm.py" / "pipe.py")
    ended = lint(call, "lstm.py")
    assert ended.status == 1
    assert ended.out.startswith("lstm.py/cell.py:56:")


def test_links_in_circles_end(call: Call, folder: Path) -> None:
    (folder / "lstm.py").write_text(BUGGY, encoding="utf-8")
    (folder / "a.py").symlink_to("b.py")
    (folder / "b.py").symlink_to("a.py")
    (folder / "again").symlink_to(folder, target_is_directory=True)
    ended = lint(call, ".")
    assert ended.status == 1
    assert ended.out.count(BUG) == 1
