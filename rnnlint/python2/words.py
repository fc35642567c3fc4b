"""Words within a statement that Python 3 spells otherwise: numbers, strings, names, backticks, lambdas."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rnnlint.python2.names import BUILTINS, METHODS
from rnnlint.python2.statements import Statement
from rnnlint.python2.tokens import CLOSING, OPENING, Token, closing, solid


def respell_words(tokens: Sequence[Token], bound: frozenset[str]) -> None:
    """Numbers, strings, operators, built-in names and methods, except names that the text binds itself."""
    indices = solid(tokens)
    backtick_open = False
    for place, index in enumerate(indices):
        token = tokens[index]
        before = tokens[indices[place - 1]].text if place else ""
        after = tokens[indices[place + 1]].text if place + 1 < len(indices) else ""
        if token.kind == "number":
            token.text = _number(token.text)
        elif token.kind == "string":
            token.text = re.sub(r"^[uU]([rR])", r"\1", token.text)
        elif token.text == "<>":
            token.text = "!="
        elif token.text == "`":
            token.text = ")" if backtick_open else "repr("
            backtick_open = not backtick_open
        elif token.kind == "name" and token.text not in bound:
            token.text = _name(token.text, before, after)


def _number(text: str) -> str:
    text = text.rstrip("lL")
    return f"0o{text[1:]}" if re.fullmatch(r"0[0-7]*[1-7][0-7]*", text) else text


def _name(name: str, before: str, after: str) -> str:
    if before != ".":
        return BUILTINS.get(name, name)
    if name == "maxint":
        return "maxsize"
    return METHODS.get(name, name) if after == "(" else name


def unpack_in_lambdas(tokens: Sequence[Token], statements: Sequence[Statement]) -> None:
    """``lambda (a, b): …`` takes one argument and hands it on unpacked."""
    indices = solid(tokens)
    line_ends = frozenset(statement.tokens[-1] for statement in statements)
    for place, index in enumerate(indices[:-1]):
        opening = indices[place + 1]
        if tokens[index].text != "lambda" or tokens[opening].text != "(":
            continue
        end = closing(tokens, opening)
        last = _last_of_lambda(tokens, indices[indices.index(end) + 1 :], line_ends)
        tokens[index].text = "lambda _pair: (lambda"
        tokens[opening].text = ""
        tokens[end].text = ""
        tokens[last].text += ")(*_pair)"


def _last_of_lambda(tokens: Sequence[Token], indices: Sequence[int], line_ends: frozenset[int]) -> int:
    """The last token of the body, given the tokens from the lambda's colon on."""
    depth = 0
    last = indices[0]
    for index in indices[1:]:
        text = tokens[index].text
        depth += (text[-1:] in OPENING) - (text[:1] in CLOSING)
        if depth < 0 or (depth == 0 and text in (",", ";")):
            return last
        last = index
        if index in line_ends:
            return last
    return last
