"""Python 2 to Python 3, line by line: the lines stay where they are, so that a finding names the right one.

What has a spelling in Python 3 is spelled so (``print``, ``except``, ``raise``, ``exec``, numbers, backticks,
renamed modules and built-ins). What only means something else, such as ``/`` between whole numbers or the
list that ``map`` returns, stays as it is: whoever runs the text has to mean it as Python 2 did.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence

from rnnlint.python2.names import ONLY_PYTHON2, ONLY_PYTHON2_METHODS
from rnnlint.python2.spelling import print_is_a_statement, respell
from rnnlint.python2.statements import bound_names, statements_of
from rnnlint.python2.tokens import Token, indents, solid, tokens_of
from rnnlint.python2.words import respell_words, unpack_in_lambdas


def convert(text: str) -> str | None:
    """``text`` as Python 3 with every line kept in place, or None where it is not Python 2 either."""
    converted = _converted(tokens_of(text))
    if converted == text:
        return None
    try:
        ast.parse(converted)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return converted


def is_python2(text: str) -> bool:
    """Whether a text that parses as Python 3 was written for Python 2: it uses a built-in name or a dict's
    method that only Python 2 has, and binds that name nowhere itself.
    """
    words = ONLY_PYTHON2 | ONLY_PYTHON2_METHODS
    if not any(word in text for word in words):
        return False
    tokens = tokens_of(text)
    bound = bound_names(tokens, list(statements_of(tokens)))
    words_of_text = [tokens[index].text for index in solid(tokens)]
    for before, word, after in zip(["", *words_of_text], words_of_text, words_of_text[1:], strict=False):
        only_there = ONLY_PYTHON2_METHODS if before == "." else ONLY_PYTHON2
        if word in only_there and after == "(" and word not in bound:
            return True
    return False


def _converted(tokens: Sequence[Token]) -> str:
    statements = list(statements_of(tokens))
    bound = frozenset(bound_names(tokens, statements))
    prints = print_is_a_statement(tokens, statements)
    _expand_tabs(tokens)
    for statement, following in itertools.zip_longest(statements, statements[1:]):
        respell(tokens, statement, following, prints=prints)
    respell_words(tokens, bound)
    unpack_in_lambdas(tokens, statements)
    return "".join(token.text for token in tokens)


def _expand_tabs(tokens: Sequence[Token]) -> None:
    """Indentation in which tabs and spaces are mixed, with tabs to every eighth column."""
    blanks = list(indents(tokens))
    if {" ", "\t"} <= {character for blank in blanks for character in blank.text}:
        for blank in blanks:
            blank.text = blank.text.expandtabs(8)
