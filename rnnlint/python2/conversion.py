"""The conversion of a whole text, and whether one needs it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence

from rnnlint.python2.names import ONLY_PYTHON2, ONLY_PYTHON2_METHODS
from rnnlint.python2.spelling import print_is_a_statement, respell
from rnnlint.python2.statements import bound_names, statements_of
from rnnlint.python2.tokens import Token, indents, solid, tokens_of
from rnnlint.python2.words import respell_words, unpack_in_lambdas


def converted(text: str) -> str | None:
    """As :func:`rnnlint.python2.convert`."""
    made = _converted(tokens_of(text))
    if made == text:
        return None
    try:
        ast.parse(made)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return made


def calls_python2(text: str) -> bool:
    """Whether a text calls what only Python 2 has, and does not bind that name itself."""
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
