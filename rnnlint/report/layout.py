"""Lines of text that know their emphasis: plain on a pipe, coloured on a terminal, equal in width on both."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from enum import Enum

from rnnlint.records import dataclass

WIDTH = 79
"""Columns of a report on any terminal."""

MARGIN = 3
"""What stands under a numbered title begins here."""


class Style(Enum):
    """Emphasis, as the terminal's colour code (SGR)."""

    PLAIN = ""
    BOLD = "1"
    FAINT = "2"
    WRONG = "1;31"
    RIGHT = "1;32"
    UNSURE = "1;33"
    REPLACEMENT = "32"
    CARET = "31"
    CODE = "36"


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one line."""

    text: str
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report."""

    segments: tuple[Segment, ...] = ()

    @property
    def text(self) -> str:
        """The line without its emphasis."""
        return "".join(segment.text for segment in self.segments)

    def column(self, start: int, text: str, style: Style = Style.PLAIN) -> Line:
        """The line with ``text`` at column ``start`` (0-based), or two blanks on where that is past."""
        if not text:
            return self
        gap = start - len(self.text)
        blank = " " * (gap if gap >= 2 or not self.segments else 2)
        return Line((*self.segments, Segment(blank), Segment(text, style)))


BLANK = Line()


def line(*parts: str | Segment) -> Line:
    """A line of plain strings and emphasised segments."""
    return Line(tuple(Segment(part) if isinstance(part, str) else part for part in parts))


def paragraph(text: str, indent: int = 0, first: str = "", width: int = WIDTH) -> list[Line]:
    """Running text, broken at ``width``; ``first`` opens it and the rest hangs under its end."""
    pieces = textwrap.wrap(text, width - indent - len(first), break_long_words=False, break_on_hyphens=False)
    hang = " " * (indent + len(first))
    opening = " " * indent + first
    return [line(opening if number == 0 else hang, piece) for number, piece in enumerate(pieces)]


def explanation(text: str, indent: int) -> list[Line]:
    """An explanation that may hold pictures: lines that are indented or narrow stay, long ones are broken."""
    lines: list[Line] = []
    for row in textwrap.dedent(text).strip("\n").split("\n"):
        if row.startswith(" ") or len(row) <= WIDTH - indent:
            lines.append(line(" " * indent + row.rstrip()))
        else:
            lines.extend(paragraph(row, indent))
    return lines


def plain(lines: Iterable[Line]) -> str:
    """The text for a pipe or a file."""
    return "".join(row.text.rstrip() + "\n" for row in lines)


def coloured(lines: Iterable[Line]) -> str:
    """The text for a terminal."""
    return "".join(_ansi(row.segments) + "\n" for row in lines)


def _ansi(segments: Sequence[Segment]) -> str:
    return "".join(
        f"\x1b[{segment.style.value}m{segment.text}\x1b[0m" if segment.style.value else segment.text
        for segment in segments
    )
