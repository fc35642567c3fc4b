"""Places of a program as an editor counts them: from 0, columns in the units agreed on with the client."""

from __future__ import annotations

import re
from functools import cached_property

from lsprotocol import types
from pygls.workspace import PositionCodec

from rnnlint.findings import Span
from rnnlint.records import dataclass, field

_NEWLINE = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Lines:
    """A document's text by lines, as the protocol divides it (a form feed ends no line), and its columns."""

    uri: str
    text: str
    codec: PositionCodec = field(default_factory=PositionCodec)

    @cached_property
    def _lines(self) -> list[str]:
        return _NEWLINE.split(self.text)

    def line(self, number: int) -> str:
        """Line ``number``, from 0, without its newline; empty beyond the end."""
        return self._lines[number] if 0 <= number < len(self._lines) else ""

    def position(self, line: int, column: int) -> types.Position:
        """The editor's position of a 1-based line and column in code points."""
        before = self.line(line - 1)[: column - 1]
        return types.Position(line - 1, self.codec.client_num_units(before))

    def range(self, span: Span) -> types.Range:
        """The editor's range of ``span``."""
        return types.Range(
            self.position(span.line, span.column), self.position(span.end_line, span.end_column)
        )

    def visible(self, span: Span) -> types.Range:
        """As :meth:`range`; an empty span reaches to the end of its line, so that something is underlined."""
        if (span.line, span.column) != (span.end_line, span.end_column):
            return self.range(span)
        end = len(self.line(span.line - 1).rstrip()) + 1
        column = span.column if span.column < end else 1
        return self.range(Span(span.line, column, span.line, end))
