"""A program's text for the page: its colours, what findings mark in it, and which stretches are folded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, String, is_token_subtype

from rnnlint.findings import Finding, Related, Span
from rnnlint.records import dataclass, replace
from rnnlint.report import wording
from rnnlint.report.excerpt import repair

if TYPE_CHECKING:
    from rnnlint.source import Cell, Source

CONTEXT = 4
"""Lines shown before and after a finding's."""

SHORT = 40
"""A text of so few lines is shown whole."""

LARGEST_COLOURED = 200_000
"""Characters; longer texts stay plain."""

_COLOURS = (
    (Comment, "com"),
    (Keyword, "key"),
    (String, "str"),
    (Number, "num"),
    (Name.Function, "fun"),
    (Name.Class, "fun"),
    (Name.Builtin, "fun"),
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line with one look: ``colour`` a class of the style, ``mark`` a severity, or ""."""

    text: str
    colour: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What stands under a line: a link to what is told of it, and what to write there.

    ``tone`` is the finding's severity, or ``related`` for a line that a finding elsewhere rests on.
    """

    title: str
    tone: str
    anchor: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the listing."""

    anchor: str
    label: str
    pieces: tuple[Piece, ...]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines that are shown, or folded under ``title``; ``heading`` names the notebook's cell they begin."""

    rows: tuple[Row, ...]
    title: str = ""
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A file's text: under ``title``, cells of a notebook one after the other."""

    title: str
    stretches: tuple[Stretch, ...]


def listing(
    source: Source,
    findings: Sequence[Finding],
    related: Sequence[Related],
    anchors: Mapping[int, str],
    prefix: str,
    title: str,
) -> Listing:
    """The text of ``source`` with its findings and the lines that findings rest on.

    ``anchors`` says by ``id(finding)`` where each is told, ``prefix`` begins the anchors of the lines.
    """
    lines = source.text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    coloured = list(_coloured(source.text)) if len(source.text) <= LARGEST_COLOURED else None
    remarks: dict[int, list[Remark]] = {}
    for finding in findings:
        remarks.setdefault(finding.span.line, []).append(_remark(finding, source, anchors))
    for each in related:
        remarks.setdefault(each.span.line, []).append(Remark(each.message, "related"))
    marked: list[Finding | Related] = [*findings, *related]
    rows: list[Row] = []
    for number, text in enumerate(lines, start=1):
        colours = coloured[number - 1] if coloured else ()
        pieces = tuple(_pieces(text, colours, _marks(number, text, marked)))
        label = str(source.place(number).line)
        rows.append(Row(f"{prefix}-L{number}", label, pieces, tuple(remarks.get(number, ()))))
    spans = [each.span for each in marked]
    if not source.notebook:
        return Listing(title, tuple(_stretches(rows, _wanted(spans), 0)))
    parts = (_cell(rows, spans, cell) for cell in source.cells)
    return Listing(title, tuple(stretch for part in parts for stretch in part))


def _cell(rows: Sequence[Row], spans: Sequence[Span], cell: Cell) -> Iterator[Stretch]:
    """A notebook's cell: folded whole where nothing in it is marked."""
    above = cell.first_line - 1
    own = rows[above : above + cell.line_count]
    inside = [span for span in spans if above < span.line <= above + len(own)]
    if not inside:
        yield Stretch(tuple(own), f"Cell {cell.number}: {wording.count(len(own), 'line')}")
        return
    left_out = " (left out: it does not parse)" if cell.skipped else ""
    first, *more = _stretches(own, _wanted(inside), above)
    yield replace(first, heading=f"Cell {cell.number}{left_out}")
    yield from more


def _wanted(spans: Sequence[Span]) -> frozenset[int]:
    """The lines to show: those that are marked, with their surroundings."""
    return frozenset(
        number for span in spans for number in range(span.line - CONTEXT, span.end_line + CONTEXT + 1)
    )


def _stretches(rows: Sequence[Row], wanted: frozenset[int], above: int) -> Iterator[Stretch]:
    """The rows after the first ``above``, in turn shown and folded; gaps too small to fold are shown."""
    if wanted and len(rows) <= SHORT:
        yield Stretch(tuple(rows))
        return
    start = 0
    while start < len(rows):
        shown = start + above + 1 in wanted
        end = start + 1
        while end < len(rows) and (end + above + 1 in wanted) == shown:
            end += 1
        part = tuple(rows[start:end])
        many = len(part) > 1
        title = f"Lines {part[0].label}–{part[-1].label}" if many else f"Line {part[0].label}"
        yield Stretch(part, title if not shown and (len(part) > 2 or not wanted) else "")
        start = end


def _remark(finding: Finding, source: Source, anchors: Mapping[int, str]) -> Remark:
    shown = repair(finding, source)
    instead = shown.instead or "; ".join(shown.added)
    name = finding.name.replace("-", " ")
    return Remark(f"{finding.code} {name}", finding.severity.value, anchors.get(id(finding), ""), instead)


Mark = tuple[int, int, str]
"""First column, the one after the last (both 0-based), and the severity."""


_TONES = ("related", "advice", "warning", "error")
"""Of two marks on one character the later one is seen."""


def _marks(number: int, text: str, marked: Sequence[Finding | Related]) -> list[Mark]:
    marks: list[Mark] = []
    for each in marked:
        span = each.span
        if span.line <= number <= span.end_line:
            start = span.column - 1 if number == span.line else len(text) - len(text.lstrip())
            end = span.end_column - 1 if number == span.end_line else len(text)
            marks.append((start, end, each.severity.value if isinstance(each, Finding) else "related"))
    return sorted(marks, key=lambda mark: _TONES.index(mark[2]))


Colour = tuple[int, int, str]


def _coloured(text: str) -> Iterator[list[Colour]]:
    """For every line, its stretches of colour (0-based columns)."""
    line: list[Colour] = []
    column = 0
    for _, kind, value in PythonLexer().get_tokens_unprocessed(text):
        colour = next((name for token, name in _COLOURS if is_token_subtype(kind, token)), "")
        for number, part in enumerate(value.split("\n")):
            if number:
                yield line
                line, column = [], 0
            if colour and part:
                line.append((column, column + len(part), colour))
            column += len(part)
    yield line


def _pieces(text: str, colours: Sequence[Colour], marks: Sequence[Mark]) -> Iterator[Piece]:
    """The line cut wherever its colour or its mark changes."""
    looks = [["", ""] for _ in text]
    for position, stretches in enumerate((colours, marks)):
        for start, end, name in stretches:
            for look in looks[max(start, 0) : end]:
                look[position] = name
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or looks[end] != looks[start]:
            yield Piece(text[start:end], *looks[start])
            start = end
