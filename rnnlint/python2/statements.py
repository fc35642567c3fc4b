"""Where the statements of a Python 2 text begin and end, and which names they bind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnlint.python2.tokens import CLOSING, OPENING, Token
from rnnlint.records import dataclass

COMPOUND = frozenset("if elif else for while try except finally with def class".split())


@dataclass(frozen=True, slots=True)
class Statement:
    """A simple statement, or the header of a compound one; the indices of its tokens that are not blank."""

    tokens: tuple[int, ...]


def statements_of(tokens: Sequence[Token]) -> Iterator[Statement]:
    """The simple statements and the headers, in order."""
    current: list[int] = []
    depth = lambdas = 0
    for index, token in enumerate(tokens):
        if token.kind in ("space", "comment"):
            continue
        if depth == 0 and (token.kind == "newline" or token.text == ";"):
            if current:
                yield Statement(tuple(current))
            current, lambdas = [], 0
            continue
        if token.kind == "newline":
            continue
        current.append(index)
        if token.kind == "op":
            depth = max(0, depth + (token.text in OPENING) - (token.text in CLOSING))
        lambdas += token.text == "lambda"
        if token.text == ":" and depth == 0:
            if lambdas:
                lambdas -= 1
            elif tokens[current[0]].text in COMPOUND:
                yield Statement(tuple(current))
                current = []
    if current:
        yield Statement(tuple(current))


def bound_names(tokens: Sequence[Token], statements: Sequence[Statement]) -> set[str]:
    """Names that the text itself assigns, imports or defines."""
    bound: set[str] = set()
    for statement in statements:
        words = [tokens[index].text for index in statement.tokens]
        if words[0] in ("import", "from") and "import" in words:
            bound.update(words[words.index("import") + 1 :])
        for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
            if after == "=" or before in ("as", "def", "class"):
                bound.add(word)
    return bound
