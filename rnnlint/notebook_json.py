"""The lines of a notebook's cells in its JSON text: where they stand, and changing nothing but them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice

from rnnlint.hunks import Hunk, replace_lines, split_keeping_newlines

_DECODER = json.JSONDecoder()
_WHITESPACE = re.compile(r"[ \t\n\r]*")

Extent = tuple[int, int]
"""Where a JSON value stands in the text: its first character, and the one after its last."""


def replace_cell_lines(document: str, hunks: Mapping[int, Sequence[Hunk]]) -> str:
    """``document`` with ``hunks`` made in the sources of its cells, by the cells' index.

    Outputs, metadata, indentation and the lines not touched keep their characters. Raises
    :class:`ValueError` where ``document`` is not JSON and :class:`LookupError` where it has no such cell.
    """
    cells = list(_cells(document))
    for index in sorted(hunks, reverse=True):
        start, end = _source(document, cells[index])
        changed = _changed_source(document[start:end], hunks[index], escape=document.isascii())
        document = document[:start] + changed + document[end:]
    return document


_NEWLINE = re.compile(r"\r\n|\r|\n")
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # one character in two halves
    r"|\\u[0-9a-fA-F]{4}|\\.|[^\"]"
)


@lru_cache(maxsize=64)
def cell_line_offsets(document: str, index: int) -> tuple[tuple[int, ...], ...]:
    """Where the characters of a cell's lines stand in ``document``, the end of each line as a last one.

    Raises :class:`ValueError` where ``document`` is not JSON and :class:`LookupError` where it has no such
    cell.
    """
    start, end = _source(document, list(_cells(document))[index])
    strings = [(start, end)] if document[start] == '"' else list(_elements(document, start))
    characters = [
        (json.loads(f'"{match.group()}"'), match.start())
        for first, last in strings
        for match in _CHARACTER.finditer(document, first + 1, last - 1)
    ]
    closing = strings[-1][1] - 1 if strings else start + 1
    offsets = [*(offset for _, offset in characters), closing]
    ends = list(_NEWLINE.finditer("".join(character for character, _ in characters)))
    first_of_line = [0, *(end.end() for end in ends)]
    last_of_line = [*(end.start() for end in ends), len(characters)]
    return tuple(
        tuple(offsets[first : last + 1]) for first, last in zip(first_of_line, last_of_line, strict=True)
    )


def _cells(document: str) -> Iterator[Extent]:
    """The cells in order: of ``cells``, or of every one of nbformat 3's ``worksheets``."""
    notebook = dict(_members(document, _skip(document, 0)))
    if "cells" in notebook:
        yield from _elements(document, notebook["cells"][0])
        return
    for start, _ in _elements(document, notebook["worksheets"][0]):
        yield from _elements(document, dict(_members(document, start))["cells"][0])


def _source(document: str, cell: Extent) -> Extent:
    members = dict(_members(document, cell[0]))
    return members["source"] if "source" in members else members["input"]


def _changed_source(raw: str, hunks: Sequence[Hunk], *, escape: bool) -> str:
    """The JSON value ``raw``, a cell's text as one string or as a list, after ``hunks``."""
    value = json.loads(raw)
    whole = isinstance(value, str)
    body = value if whole else "".join(value)
    before = [line for line in split_keeping_newlines(body) if line] if whole else value
    after = [line for line in replace_lines(body, hunks, "\n") if line]
    first = _common_start(before, after)
    last = min(_common_start(before[::-1], after[::-1]), len(before) - first, len(after) - first)
    new = [json.dumps(line, ensure_ascii=escape) for line in after[first : len(after) - last]]
    if whole:
        kept = list(_written_lines(raw, before))
        inside = [*kept[:first], *(line[1:-1] for line in new), *kept[len(kept) - last :]]
        return f'"{"".join(inside)}"'
    extents = list(_elements(raw, 0))
    elements = [raw[start:end] for start, end in extents]
    return _as_list(raw, extents, [*elements[:first], *new, *elements[len(elements) - last :]])


_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)
"""One character as a JSON string writes it; beyond the first plane it takes two escapes."""


def _written_lines(raw: str, lines: Sequence[str]) -> Iterator[str]:
    """The JSON string ``raw`` without its quotes, cut where the text that it stands for has its ``lines``."""
    written = _CHARACTER.finditer(raw, 1, len(raw) - 1)
    for line in lines:
        yield "".join(match.group() for match in islice(written, len(line)))


def _as_list(raw: str, extents: Sequence[Extent], elements: Sequence[str]) -> str:
    """A JSON list of ``elements``, laid out as the list ``raw`` is."""
    if not extents:
        return f"[{', '.join(elements)}]"
    lead, tail = raw[1 : extents[0][0]], raw[extents[-1][1] : -1]
    separator = raw[extents[0][1] : extents[1][0]] if len(extents) > 1 else f",{lead or ' '}"
    return f"[{lead}{separator.join(elements)}{tail}]"


def _common_start(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


# --- where values stand in a JSON text ------------------------------------------------------------------


def _members(text: str, start: int) -> Iterator[tuple[str, Extent]]:
    """The keys of the object that begins at ``start``, each with where its value stands."""
    position = _skip(text, _expect(text, start, "{"))
    while text[position] != "}":
        key, position = _DECODER.raw_decode(text, position)
        begin = _skip(text, _expect(text, _skip(text, position), ":"))
        _, end = _DECODER.raw_decode(text, begin)
        yield key, (begin, end)
        position = _after_comma(text, end)


def _elements(text: str, start: int) -> Iterator[Extent]:
    """Where the elements of the list that begins at ``start`` stand."""
    position = _skip(text, _expect(text, start, "["))
    while text[position] != "]":
        _, end = _DECODER.raw_decode(text, position)
        yield position, end
        position = _after_comma(text, end)


def _after_comma(text: str, position: int) -> int:
    position = _skip(text, position)
    return _skip(text, position + 1) if text[position] == "," else position


def _expect(text: str, position: int, character: str) -> int:
    if text[position : position + 1] != character:
        raise ValueError(f"expected {character} at character {position}")
    return position + 1


def _skip(text: str, position: int) -> int:
    match = _WHITESPACE.match(text, position)
    return match.end() if match else position
