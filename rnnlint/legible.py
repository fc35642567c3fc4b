"""Words of the user's code, fit to be shown: they steer no terminal, begin no line of their own and turn no
text round.

An exception may say anything. What a terminal obeys (escape, bell), what XML cannot hold (NUL) and what
changes the direction of writing (U+202E) becomes U+FFFD, and a line that breaks goes on: in the log of a
build server a line that begins with ``::error::`` is a command.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_BREAK = re.compile("\\s*[\n\r\v\f\x1c-\x1f\x85\u2028\u2029]\\s*")


def legible(text: str) -> str:
    """The text without what is not to be seen but obeyed; its lines stay."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The legible text on one line."""
    return legible(_BREAK.sub(" ", text))
