"""Statements that Python 3 spells otherwise. No token ever gains or loses a newline."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from rnnlint.python2.names import ITERTOOLS, MODULES
from rnnlint.python2.statements import COMPOUND, Statement
from rnnlint.python2.tokens import Token, at_depth_zero, closing, commas


def print_is_a_statement(tokens: Sequence[Token], statements: Sequence[Statement]) -> bool:
    """Unless the text imports ``print_function`` from the future."""
    return not any(
        tokens[statement.tokens[0]].text == "from"
        and any(tokens[index].text == "print_function" for index in statement.tokens)
        for statement in statements
    )


def respell(
    tokens: Sequence[Token], statement: Statement, following: Statement | None, *, prints: bool
) -> None:
    """The statement in Python 3's spelling; ``following`` is the one after it, ``prints`` says whether
    ``print`` is a statement.
    """
    indices = statement.tokens
    match tokens[indices[0]].text:
        case "print" if prints:
            _print(tokens, indices)
        case "exec":
            _exec(tokens, indices)
        case "raise":
            _raise(tokens, indices)
        case "except":
            _except(tokens, indices)
        case "import":
            _import(tokens, indices)
        case "from":
            _from_import(tokens, indices)
        case "def" if following is not None:
            _tuple_parameters(tokens, indices, following)


def _print(tokens: Sequence[Token], indices: Sequence[int]) -> None:
    """``print a, b`` · ``print >>f, a`` · ``print a,`` (stays on the line) · ``print``."""
    word, rest = indices[0], indices[1:]
    if not rest:
        tokens[word].text += "()"
        return
    if tokens[rest[0]].text == "(" and closing(tokens, rest[0]) == rest[-1]:
        return
    if tokens[rest[0]].text in ("=", "."):
        return
    ending = ""
    if tokens[rest[0]].text == ">>":
        between = commas(tokens, rest)
        target_end = between[0] if between else rest[-1] + 1
        target = "".join(token.text for token in tokens[rest[0] + 1 : target_end]).strip()
        for index in range(rest[0], min(target_end + 1, rest[-1] + 1)):
            tokens[index].text = ""
        ending = f"file={target}"
        rest = [index for index in rest if index > target_end]
    if rest and tokens[rest[-1]].text == ",":
        tokens[rest[-1]].text = ""
        rest = rest[:-1]
        ending = ", ".join(filter(None, (ending, 'end=" "')))
    _open_call(tokens, word)
    tokens[indices[-1]].text += (", " if rest and ending else "") + ending + ")"


def _exec(tokens: Sequence[Token], indices: Sequence[int]) -> None:
    """``exec code in globals, locals``."""
    if len(indices) < 2 or tokens[indices[1]].text in ("(", "=", "."):
        return
    for index in at_depth_zero(tokens, indices):
        if tokens[index].text == "in":
            tokens[index].text = ","
    _open_call(tokens, indices[0])
    tokens[indices[-1]].text += ")"


def _open_call(tokens: Sequence[Token], word: int) -> None:
    """A parenthesis after a word, in place of the blank that follows it."""
    following = tokens[word + 1]
    if following.kind == "space" and not following.text.startswith("\\"):
        following.text = "(" + following.text[1:]
    else:
        tokens[word].text += "("


def _raise(tokens: Sequence[Token], indices: Sequence[int]) -> None:
    """``raise E, value`` and ``raise E, value, traceback``."""
    between = commas(tokens, indices)
    if not between:
        return
    tokens[between[0]].text = "("
    if len(between) > 1:
        tokens[between[1]].text = ").with_traceback("
    tokens[indices[-1]].text += ")"


def _except(tokens: Sequence[Token], indices: Sequence[int]) -> None:
    """``except E, name:``."""
    for comma in commas(tokens, indices):
        tokens[comma].text = " as"


def _import(tokens: Sequence[Token], indices: Sequence[int]) -> None:
    """``import`` of modules that have another name in Python 3."""
    for before, index, after in zip(indices, indices[1:], [*indices[2:], None], strict=False):
        name = tokens[index].text
        if name in MODULES and tokens[before].text in ("import", ","):
            renamed = after is not None and tokens[after].text == "as"
            tokens[index].text = MODULES[name] + ("" if renamed else f" as {name}")


def _from_import(tokens: Sequence[Token], indices: Sequence[int]) -> None:
    """``from`` such a module; the iterators of ``itertools`` that became built-ins."""
    words = [tokens[index].text for index in indices]
    if words[1] in MODULES:
        tokens[indices[1]].text = MODULES[words[1]]
    names = [word for word in words[3:] if word not in (",", "(", ")")]
    if words[1] == "itertools" and all(name in ITERTOOLS for name in names):
        tokens[indices[1]].text = "builtins"
        for index in indices[3:]:
            name = tokens[index].text
            if name in ITERTOOLS:
                tokens[index].text = f"{ITERTOOLS[name]} as {name}"


def _tuple_parameters(tokens: Sequence[Token], indices: Sequence[int], following: Statement) -> None:
    """``def f(a, (b, c)):`` unpacks in front of its first statement, where that is a simple one."""
    first = following.tokens[0]
    if tokens[first].text in COMPOUND or tokens[first].text == "@":
        return
    for before, index in itertools.pairwise(indices):
        if tokens[index].text != "(" or tokens[before].text not in ("(", ","):
            continue
        end = closing(tokens, index)
        names = "".join(token.text for token in tokens[index + 1 : end]).strip()
        parameter = "_".join(re.findall(r"\w+", names))
        for inner in range(index, end + 1):
            tokens[inner].text = ""
        tokens[index].text = f"_{parameter}"
        tokens[first].text = f"{names} = _{parameter}; {tokens[first].text}"
