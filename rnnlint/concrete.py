"""The concrete tree, libcst's: what a program's text holds beside what it means, its comments and blanks.

Reading a program needs none of it and is done on Python's own tree. What is written into a file is held
against it first.
"""

from __future__ import annotations

from collections import Counter

import libcst as cst
from libcst import matchers as m


class NotConcreteError(ValueError):
    """A text that libcst does not read; the message says where."""


def lost_comments(before: str, after: str) -> tuple[str, ...]:
    """The comments of one program that the other lacks, in their order.

    Raises :class:`NotConcreteError` where libcst does not read one of them.
    """
    left = Counter(_comments(after))
    lost: list[str] = []
    for comment in _comments(before):
        if left[comment]:
            left[comment] -= 1
        else:
            lost.append(comment)
    return tuple(lost)


def _comments(text: str) -> list[str]:
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise NotConcreteError(f"line {error.raw_line}") from None
    return [node.value for node in m.findall(module, m.Comment()) if isinstance(node, cst.Comment)]
