"""A notebook's code cells as one program: magics and shell lines blanked, what does not parse left out."""

from __future__ import annotations

import io
import json
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rnnlint.blanks import fill_blanks
from rnnlint.records import dataclass
from rnnlint.source import (
    Cell,
    Source,
    UnreadableSourceError,
    as_python3,
    syntax_problem,
    unified_newlines,
)


def read_notebook(path: Path, original: str) -> Source:
    """The program of a notebook whose JSON is ``original``.

    Raises :class:`rnnlint.source.UnreadableSourceError` where it is none, or one in another language.
    """
    return source_of_cells(path, _code_cells(path, original), original)


def source_of_cells(path: Path, cells: Iterable[tuple[int, int, str]], original: str = "") -> Source:
    """A program of code cells: each one's index and number (as :class:`Cell` has them) and its text.

    Magics and shell lines are blanked, and so are cells that do not parse.
    """
    chunks: list[str] = []
    placed: list[Cell] = []
    line = 1
    python2 = False
    for index, number, body in cells:
        read = _read_cell(unified_newlines(body))
        python2 |= read.python2
        count = read.text.count("\n") + 1
        placed.append(Cell(index, number, line, count, read.skipped, read.unfinished))
        chunks.append(read.text)
        line += count
    joined = "\n".join(chunks) + ("\n" if chunks else "")
    problem = syntax_problem(joined)
    return Source(
        path, joined, original, cells=tuple(placed), notebook=True, python2=python2, problem=problem
    )


def _code_cells(path: Path, original: str) -> Iterator[tuple[int, int, str]]:
    """Index, number and text of each code cell."""
    try:
        document: Any = json.loads(original)
    except (ValueError, RecursionError):  # a number of 5,000 digits is a ValueError of its own
        raise UnreadableSourceError(f"{path}: is not a notebook (its JSON does not parse).") from None
    cells = _cells_of(document)
    if cells is None:
        raise UnreadableSourceError(f"{path}: is not a notebook (it has no list of cells).")
    language = _language(document.get("metadata"))
    if language.lower() not in _READ_LANGUAGES:
        raise UnreadableSourceError(f"{path}: is a notebook in {language}, not in Python.")
    number = 0
    for index, cell in enumerate(cells):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            number += 1
            body: Any = cell.get("source", cell.get("input"))
            text = "".join(map(str, body)) if isinstance(body, list) else body
            yield index, number, text if isinstance(text, str) else ""


def _cells_of(document: Any) -> list[Any] | None:
    """All cells of a notebook, or None where it has no list of them; nbformat 3 kept them in worksheets."""
    if not isinstance(document, dict):
        return None
    found = document.get("cells")
    sheets = document.get("worksheets")
    if found is None and isinstance(sheets, list):
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        return [cell for each in lists if isinstance(each, list) for cell in each]
    return found if isinstance(found, list) else None


_READ_LANGUAGES = frozenset({"", "python", "ipython", "sage"})


def _language(metadata: object) -> str:
    """What the notebook's kernel speaks, as its metadata say; "" where they do not."""
    if not isinstance(metadata, dict):
        return ""
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        said = metadata.get(key)
        if isinstance(said, dict) and isinstance(said.get(name), str) and said[name]:
            return str(said[name])
    return ""


@dataclass(frozen=True, slots=True)
class _CellText:
    """A cell as Python, as :class:`Cell` describes it."""

    text: str
    skipped: str | None = None
    python2: bool = False
    unfinished: tuple[int, ...] = ()


def _read_cell(body: str) -> _CellText:
    """A cell with magics and shell lines blanked, and all of it where it still does not parse."""
    if re.match(r"\s*%%(?!(?:time|timeit|capture|prun|rnnlint)\b)", body):
        return _CellText(_blank(body))  # another language
    text = _without_magics(body)
    converted = as_python3(text)
    if converted is not None:
        return _CellText(converted, python2=True)
    problem = syntax_problem(text)
    if problem is None:
        return _CellText(text)
    lines = text.split("\n")
    unfinished = tuple(n for n, line in enumerate(lines, start=1) if _UNFINISHED.match(line))
    finished = "\n".join(fill_blanks(lines, unfinished))
    if unfinished and syntax_problem(finished) is None:
        return _CellText(finished, unfinished=unfinished)
    return _CellText(_blank(body), skipped=f"line {problem.line}: {problem.message}")


_UNFINISHED = re.compile(r"^(\s*[A-Za-z_][\w.\[\], ]*[-+*/@]?=)\s*(#.*)?$")
"""An exercise's blank: ``f =`` with nothing after it."""

_MAGIC = re.compile(r"^(\s*)(?:%|!|\?|[\w.]+\?{1,2}\s*$|[\w, ]+=\s*[%!])")


def _without_magics(body: str) -> str:
    """``body`` with its magics blanked; inside an unfinished statement ``%`` is the operator."""
    if "%" not in body and "!" not in body and "?" not in body:
        return body
    lines = body.split("\n")
    for number, line in enumerate(lines):
        match = _MAGIC.match(line)
        if match and not _is_unfinished("\n".join(lines[:number])):
            lines[number] = f"{match.group(1)}pass" if match.group(1) else ""
    return "\n".join(lines)


def _is_unfinished(text: str) -> bool:
    """Whether a bracket, a string or a backslash at the end of ``text`` makes the next line part of it."""
    try:
        list(tokenize.generate_tokens(io.StringIO(text + "\n").readline))
    except tokenize.TokenError:
        return True
    except SyntaxError:  # of its indentation, which says nothing of its end
        return False
    return text.endswith("\\")


def _blank(text: str) -> str:
    return "\n" * text.count("\n")
