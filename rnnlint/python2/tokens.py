"""The words of a Python 2 text, as a list whose texts joined are the text again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rnnlint.records import dataclass

_PATTERN = re.compile(
    r"""
      (?P<comment> \#[^\n]*)
    | (?P<string>  (?:[uU][rR]|[bB][rR]|[rR][bB]|[fF][rR]|[rR][fF]|[uUbBrRfF])?
                   (?:'''(?:\\.|[^\\])*?'''
                    | \"""(?:\\.|[^\\])*?\"""
                    | '(?:\\.|[^\\'\n])*'
                    | "(?:\\.|[^\\"\n])*"))
    | (?P<number>  0[xX][0-9a-fA-F]+[lL]? | 0[bB][01]+[lL]? | 0[oO][0-7]+[lL]?
                 | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[jJlL]?)
    | (?P<name>    [^\W\d]\w*)
    | (?P<newline> \n)
    | (?P<space>   (?:[ \t\f]|\\\n)+)
    | (?P<op>      <>|\*\*=|//=|>>=|<<=|\.\.\.|[-+*/%&|^<>=!]=|\*\*|//|>>|<<|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
_BLANK = ("space", "comment", "newline")


@dataclass(slots=True)
class Token:
    """A word, whose text a conversion may change."""

    kind: str
    text: str


def tokens_of(text: str) -> list[Token]:
    """Every character of ``text`` belongs to one token."""
    return [Token(match.lastgroup or "op", match.group()) for match in _PATTERN.finditer(text)]


def solid(tokens: Sequence[Token]) -> list[int]:
    """The indices of the tokens that are not blank."""
    return [index for index, token in enumerate(tokens) if token.kind not in _BLANK]


def indents(tokens: Sequence[Token]) -> Iterator[Token]:
    """The blanks that lines begin with, outside brackets."""
    depth = 0
    at_start = True
    for token in tokens:
        if token.kind == "space" and at_start and depth == 0 and "\n" not in token.text:
            yield token
        at_start = token.kind == "newline"
        if token.kind == "op":
            depth = max(0, depth + (token.text in OPENING) - (token.text in CLOSING))


def closing(tokens: Sequence[Token], opening: int) -> int:
    """The index of the bracket that closes the one at ``opening``, or of the last token."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind == "op":
            depth += (tokens[index].text in OPENING) - (tokens[index].text in CLOSING)
            if depth == 0:
                return index
    return len(tokens) - 1


def at_depth_zero(tokens: Sequence[Token], indices: Sequence[int]) -> Iterator[int]:
    """Those of ``indices`` that stand in no bracket opened among them."""
    depth = 0
    for index in indices:
        text = tokens[index].text
        depth -= text in CLOSING
        if depth == 0:
            yield index
        depth += text in OPENING


def commas(tokens: Sequence[Token], indices: Sequence[int]) -> list[int]:
    """The commas among ``indices`` that stand in no bracket."""
    return [index for index in at_depth_zero(tokens, indices) if tokens[index].text == ","]
