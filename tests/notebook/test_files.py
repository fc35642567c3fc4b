"""Notebooks of every make on the command line: read by cell, repaired by line, refused in a sentence."""

from __future__ import annotations

import codecs
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from rnnlint.cli import command_line
from rnnlint.cli.failures import run
from rnnlint.findings import Edit, Span
from rnnlint.rewriting import write_fixed
from rnnlint.source import Source, UnreadableSourceError, decode_source, read_source

FIXTURE = Path(__file__).parents[2] / "fixtures" / "notebooks" / "lstm_missing_derivative.ipynb"
STORED = FIXTURE.read_text(encoding="utf-8")
NOTEBOOK = json.loads(STORED)
BUG, FIXED = "di = dc * g[t]", "di = dc * g[t] * i[t] * (1 - i[t])"
assert STORED.count(BUG) == 1


def as_strings(notebook: Any) -> Any:
    """Each cell's text as one string, which the format allows too."""
    return {**notebook, "cells": [{**c, "source": "".join(c["source"])} for c in notebook["cells"]]}


def of_the_third_format(notebook: Any) -> Any:
    cells = [
        {"cell_type": "code", "input": c["source"], "language": "python", "outputs": [], "collapsed": False}
        if c["cell_type"] == "code"
        else {"cell_type": "markdown", "source": c["source"]}
        for c in notebook["cells"]
    ]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}


def with_odd_cells(notebook: Any) -> Any:
    """Empty cells, a cell without a source, a raw cell, ids."""
    odd: list[Any] = [
        {"cell_type": "code", "source": [], "outputs": []},
        {"cell_type": "code", "source": "", "outputs": []},
        {"cell_type": "code", "outputs": []},
        {"cell_type": "code", "source": None, "outputs": []},
        {"cell_type": "raw", "source": ["def broken("]},
    ]
    return {**notebook, "cells": [{**c, "id": f"c{n}"} for n, c in enumerate([*odd, *notebook["cells"]])]}


def with_pictures(notebook: Any) -> Any:
    """Outputs that are larger than any program."""
    made = deepcopy(notebook)
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 9_000_000}}
    made["cells"][-1]["outputs"] = [picture]
    return made


def jupyters(notebook: Any, **style: Any) -> bytes:
    return (json.dumps(notebook, **{"indent": 1, "ensure_ascii": False, **style}) + "\n").encode()


ESCAPED = STORED.replace("dh = W_y.T", "dh = W_y.T  # \\u03b4 \\ud83d\\ude00 \\/ é")

MAKES = {
    "as Jupyter writes it": STORED.encode(),
    "one line": jupyters(NOTEBOOK, indent=None),
    "strings": jupyters(as_strings(NOTEBOOK), indent=4),
    "third format": jupyters(of_the_third_format(NOTEBOOK)),
    "odd cells": jupyters(with_odd_cells(NOTEBOOK)),
    "pictures": jupyters(with_pictures(NOTEBOOK)),
    "newlines of Windows": STORED.replace("\n", "\r\n").encode(),
    "byte order mark": codecs.BOM_UTF8 + STORED.encode(),
    "no newline at the end": STORED.rstrip("\n").encode(),
    "escapes": ESCAPED.encode(),
    "escapes in a string": jupyters(as_strings(NOTEBOOK)).replace(
        b"\\n        dW_y +=", b"  # \\u03b4 \\ud83d\\ude00 \\/ \xc3\xa9\\n        dW_y +="
    ),
}


@pytest.mark.parametrize("make", MAKES)
def test_a_fix_changes_the_line_and_nothing_else(make: str, tmp_path: Path) -> None:
    path = tmp_path / "lstm.ipynb"
    path.write_bytes(MAKES[make])
    source = read_source(path)
    before = source.text[: source.text.index(BUG)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n") + len(BUG)
    write_fixed(source, [Edit(path, Span(line, column, line, column), FIXED.removeprefix(BUG))])
    assert path.read_bytes() == MAKES[make].replace(BUG.encode(), FIXED.encode())


@pytest.mark.parametrize(("make", "cell"), [("as Jupyter writes it", 5), ("odd cells", 9)])
def test_places_are_code_cells_and_their_lines(
    make: str,
    cell: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lstm.ipynb").write_bytes(MAKES[make])
    words = "lstm.ipynb --select RNN205 --output-format concise --output-format json --output-file r.json"
    assert run(command_line, words.split(), "rnnlint") == 1
    assert capsys.readouterr().out.startswith(f"lstm.ipynb:cell {cell}:13:14: RNN205")
    (finding,) = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["files"][0]["findings"]
    assert (finding["cell"], finding["line"], finding["column"]) == (cell, 13, 14)
    (edit,) = finding["fix"]["edits"]
    assert (edit["cell"], edit["line"]) == (cell, 13)


def test_fix_writes_into_the_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lstm.ipynb").write_text(STORED, encoding="utf-8")
    run(command_line, ["lstm.ipynb", "--fix"], "rnnlint")
    captured = capsys.readouterr()
    assert captured.out.startswith("lstm.ipynb  RIGHT: 10 of 10 gradients")
    assert captured.err == "Wrote 1 fix to 1 file.\n"
    assert (tmp_path / "lstm.ipynb").read_text(encoding="utf-8") == STORED.replace(BUG, FIXED)


def read(cells: list[Any], **extra: Any) -> Source:
    return decode_source(Path("net.ipynb"), json.dumps({"cells": cells, **extra}).encode())


def code(text: str) -> dict[str, str]:
    return {"cell_type": "code", "source": text}


class TestLanguages:
    @pytest.mark.parametrize(
        "metadata",
        [
            {"kernelspec": {"name": "ir", "language": "R"}},
            {"language_info": {"name": "R"}},
            {"kernelspec": {"language": "R"}, "language_info": {"name": "R", "version": "4.1"}},
        ],
    )
    def test_a_notebook_in_another_language_is_refused_in_a_sentence(self, metadata: Any) -> None:
        with pytest.raises(UnreadableSourceError, match=r"^net\.ipynb: is a notebook in R, not in Python\.$"):
            read([code("x <- 1")], metadata=metadata)

    @pytest.mark.parametrize(
        "metadata",
        [
            {},
            None,
            {"language_info": {"name": "python"}},
            {"kernelspec": {"name": "python3"}},
            {"language_info": {}},
        ],
    )
    def test_what_may_be_python_is_read(self, metadata: Any) -> None:
        assert read([code("x = 1")], metadata=metadata).text == "x = 1\n"


class TestMagics:
    @pytest.mark.parametrize(
        "statement",
        [
            'print("loss %f"\n      % loss)',
            'print("loss %f" \\\n      % loss)',
            "ok = (a\n      != b)",
            'text = """\n%d items\n!x\n"""',
        ],
    )
    def test_an_operator_that_begins_a_line_is_none(self, statement: str) -> None:
        assert read([code(f"%time x\n{statement}")]).text == f"\n{statement}\n"

    @pytest.mark.parametrize(
        ("magic", "left"),
        [
            ("%matplotlib inline", ""),
            ("!pip install numpy", ""),
            ("net.forward?", ""),
            ("files = !ls", ""),
            ("if x:\n    %time f()", "if x:\n    pass"),
            (
                "def f():\n    return (1,\n            2)\n%timeit f()",
                "def f():\n    return (1,\n            2)\n",
            ),
        ],
    )
    def test_a_magic_is_blanked(self, magic: str, left: str) -> None:
        assert read([code(f"{magic}\ny = 1")]).text == f"{left}\ny = 1\n"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        '{"cells": 3}',
        '{"worksheets": [{"cells": null}], "cells": {}}',
        '{"cells": [{"cell',
        "\x00",
    ],
)
def test_what_is_no_notebook_is_refused_in_a_sentence(document: str) -> None:
    with pytest.raises(UnreadableSourceError, match=r"^net\.ipynb: is (not a notebook|binary)[^\n]*\.$"):
        decode_source(Path("net.ipynb"), document.encode())


@pytest.mark.parametrize(
    "document",
    ['{"worksheets": [{"cells": null}, 3]}', '{"cells": [3, {}, {"cell_type": "code", "source": {"a": 1}}]}'],
)
def test_what_is_hardly_one_is_read_as_empty(document: str) -> None:
    assert decode_source(Path("net.ipynb"), document.encode()).text.strip() == ""
