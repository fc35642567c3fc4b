"""Python 2 to Python 3, line by line: the lines stay where they are, so that a finding names the right one.

What has a spelling in Python 3 is spelled so (``print``, ``except``, ``raise``, ``exec``, numbers, backticks,
renamed modules and built-ins). What only means something else, such as ``/`` between whole numbers or the
list that ``map`` returns, stays as it is: whoever runs the text has to mean it as Python 2 did.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
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
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_COMPOUND = frozenset("if elif else for while try except finally with def class".split())

_BUILTINS = {
    "xrange": "range",
    "raw_input": "input",
    "unicode": "str",
    "basestring": "str",
    "long": "int",
    "unichr": "chr",
}
_METHODS = {
    "iteritems": "items",
    "itervalues": "values",
    "iterkeys": "keys",
    "viewitems": "items",
    "viewvalues": "values",
    "viewkeys": "keys",
    "has_key": "__contains__",
    "next": "__next__",
}
_MODULES = {
    "cPickle": "pickle",
    "cStringIO": "io",
    "StringIO": "io",
    "Queue": "queue",
    "ConfigParser": "configparser",
    "__builtin__": "builtins",
    "urllib2": "urllib.request",
}
_ITERTOOLS = {"izip": "zip", "imap": "map", "ifilter": "filter"}
_ONLY_PYTHON2 = frozenset({"xrange", "raw_input", "unicode", "basestring"})
_ONLY_PYTHON2_METHODS = frozenset({"iteritems", "itervalues", "iterkeys", "has_key"})


def convert(text: str) -> str | None:
    """``text`` as Python 3 with every line kept in place, or None where it is not Python 2 either."""
    converted = _Conversion(_tokens(text)).run()
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
    words = _ONLY_PYTHON2 | _ONLY_PYTHON2_METHODS
    if not any(word in text for word in words):
        return False
    tokens = _tokens(text)
    bound = _bound(tokens, list(_split(tokens)))
    solid = [tokens[index] for index in _solid(tokens)]
    for before, token, after in zip([_Token("op", ""), *solid], solid, solid[1:], strict=False):
        only_there = _ONLY_PYTHON2_METHODS if before.text == "." else _ONLY_PYTHON2
        if token.text in only_there and after.text == "(" and token.text not in bound:
            return True
    return False


@dataclass(slots=True)
class _Token:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Statement:
    """A simple statement, or the header of a compound one; the indices of its tokens that are not blank."""

    tokens: tuple[int, ...]


def _tokens(text: str) -> list[_Token]:
    return [_Token(match.lastgroup or "op", match.group()) for match in _TOKEN.finditer(text)]


def _bound(tokens: Sequence[_Token], statements: Sequence[_Statement]) -> set[str]:
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


class _Conversion:
    """Changes the texts of tokens; none of them ever gains or loses a newline."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._statements = list(_split(tokens))
        self._bound = _bound(tokens, self._statements)
        self._prints = not any(
            statement.tokens
            and self._text(statement.tokens[0]) == "from"
            and any(self._text(index) == "print_function" for index in statement.tokens)
            for statement in self._statements
        )

    def run(self) -> str:
        """The converted text."""
        self._expand_tabs()
        for number, statement in enumerate(self._statements):
            if statement.tokens:
                self._statement(statement.tokens, self._statements[number + 1 : number + 2])
        self._words()
        self._lambdas()
        return "".join(token.text for token in self._tokens)

    def _text(self, index: int) -> str:
        return self._tokens[index].text

    def _append(self, index: int, text: str) -> None:
        self._tokens[index].text += text

    def _statement(self, tokens: tuple[int, ...], following: Sequence[_Statement]) -> None:
        match self._text(tokens[0]):
            case "print" if self._prints:
                self._print(tokens)
            case "exec":
                self._exec(tokens)
            case "raise":
                self._raise(tokens)
            case "except":
                self._except(tokens)
            case "import" | "from":
                self._import(tokens)
            case "def":
                self._tuple_parameters(tokens, following)

    def _print(self, tokens: tuple[int, ...]) -> None:
        """``print a, b`` · ``print >>f, a`` · ``print a,`` (stays on the line) · ``print``."""
        word, rest = tokens[0], tokens[1:]
        if not rest:
            self._append(word, "()")
            return
        if self._text(rest[0]) == "(" and _closing(self._tokens, rest[0]) == rest[-1]:
            return
        if self._text(rest[0]) in ("=", "."):
            return
        ending = ""
        if self._text(rest[0]) == ">>":
            commas = self._commas(rest)
            target_end = commas[0] if commas else rest[-1] + 1
            target = "".join(token.text for token in self._tokens[rest[0] + 1 : target_end]).strip()
            for index in range(rest[0], min(target_end + 1, rest[-1] + 1)):
                self._tokens[index].text = ""
            ending = f"file={target}"
            rest = tuple(index for index in rest if index > target_end)
        if rest and self._text(rest[-1]) == ",":
            self._tokens[rest[-1]].text = ""
            rest = rest[:-1]
            ending = ", ".join(filter(None, (ending, 'end=" "')))
        self._open_call(word)
        self._append(tokens[-1], (", " if rest and ending else "") + ending + ")")

    def _exec(self, tokens: tuple[int, ...]) -> None:
        """``exec code in globals, locals``."""
        if len(tokens) < 2 or self._text(tokens[1]) in ("(", "=", "."):
            return
        for index in self._at_depth_zero(tokens):
            if self._text(index) == "in":
                self._tokens[index].text = ","
        self._open_call(tokens[0])
        self._append(tokens[-1], ")")

    def _raise(self, tokens: tuple[int, ...]) -> None:
        """``raise E, value`` and ``raise E, value, traceback``."""
        commas = self._commas(tokens)
        if not commas:
            return
        self._tokens[commas[0]].text = "("
        if len(commas) > 1:
            self._tokens[commas[1]].text = ").with_traceback("
        self._append(tokens[-1], ")")

    def _except(self, tokens: tuple[int, ...]) -> None:
        """``except E, name:``."""
        for comma in self._commas(tokens):
            self._tokens[comma].text = " as"

    def _import(self, tokens: tuple[int, ...]) -> None:
        """Modules that have another name in Python 3."""
        words = [self._text(index) for index in tokens]
        if words[0] == "from":
            if words[1] in _MODULES:
                self._tokens[tokens[1]].text = _MODULES[words[1]]
            names = [word for word in words[3:] if word not in (",", "(", ")")]
            if words[1] == "itertools" and all(name in _ITERTOOLS for name in names):
                self._tokens[tokens[1]].text = "builtins"
                for index in tokens[3:]:
                    name = self._text(index)
                    if name in _ITERTOOLS:
                        self._tokens[index].text = f"{_ITERTOOLS[name]} as {name}"
            return
        for before, index, after in zip(tokens, tokens[1:], [*tokens[2:], None], strict=False):
            name = self._text(index)
            if name in _MODULES and self._text(before) in ("import", ","):
                renamed = after is not None and self._text(after) == "as"
                self._tokens[index].text = _MODULES[name] + ("" if renamed else f" as {name}")

    def _tuple_parameters(self, tokens: tuple[int, ...], following: Sequence[_Statement]) -> None:
        """``def f(a, (b, c)):`` unpacks in front of its first statement, where that is a simple one."""
        if not following or not following[0].tokens:
            return
        first = following[0].tokens[0]
        if self._text(first) in _COMPOUND or self._text(first) == "@":
            return
        for before, index in itertools.pairwise(tokens):
            if self._text(index) != "(" or self._text(before) not in ("(", ","):
                continue
            closing = _closing(self._tokens, index)
            names = "".join(token.text for token in self._tokens[index + 1 : closing]).strip()
            parameter = "_".join(re.findall(r"\w+", names))
            for inner in range(index, closing + 1):
                self._tokens[inner].text = ""
            self._tokens[index].text = f"_{parameter}"
            self._tokens[first].text = f"{names} = _{parameter}; {self._text(first)}"

    def _words(self) -> None:
        """Numbers, strings, operators, built-in names and methods."""
        solid = [
            i for i, token in enumerate(self._tokens) if token.kind not in ("space", "comment", "newline")
        ]
        backtick_open = False
        for place, index in enumerate(solid):
            token = self._tokens[index]
            before = self._text(solid[place - 1]) if place else ""
            after = self._text(solid[place + 1]) if place + 1 < len(solid) else ""
            if token.kind == "number":
                token.text = _number(token.text)
            elif token.kind == "string":
                token.text = re.sub(r"^[uU]([rR])", r"\1", token.text)
            elif token.text == "<>":
                token.text = "!="
            elif token.text == "`":
                token.text = ")" if backtick_open else "repr("
                backtick_open = not backtick_open
            elif token.kind == "name":
                token.text = self._word(token.text, before, after)

    def _word(self, word: str, before: str, after: str) -> str:
        if before == ".":
            if word == "maxint":
                return "maxsize"
            return _METHODS[word] if word in _METHODS and after == "(" and word not in self._bound else word
        return _BUILTINS[word] if word in _BUILTINS and word not in self._bound else word

    def _lambdas(self) -> None:
        """``lambda (a, b): …`` takes one argument and hands it on unpacked."""
        solid = [
            i for i, token in enumerate(self._tokens) if token.kind not in ("space", "comment", "newline")
        ]
        for place, index in enumerate(solid[:-1]):
            opening = solid[place + 1]
            if self._text(index) != "lambda" or self._text(opening) != "(":
                continue
            closing = _closing(self._tokens, opening)
            last = self._last_of_lambda(solid[solid.index(closing) + 1 :])
            self._tokens[index].text = "lambda _pair: (lambda"
            self._tokens[opening].text = ""
            self._tokens[closing].text = ""
            self._append(last, ")(*_pair)")

    def _last_of_lambda(self, solid: Sequence[int]) -> int:
        """The last token of the body, given the tokens from the lambda's colon on."""
        depth = 0
        last = solid[0]
        line_ends = {statement.tokens[-1] for statement in self._statements if statement.tokens}
        for index in solid[1:]:
            text = self._text(index)
            depth += (text[-1:] in _OPENING) - (text[:1] in _CLOSING)
            if depth < 0 or (depth == 0 and text in (",", ";")):
                return last
            last = index
            if index in line_ends:
                return last
        return last

    def _open_call(self, word: int) -> None:
        """A parenthesis after a word, in place of the blank that follows it."""
        following = self._tokens[word + 1]
        if following.kind == "space" and not following.text.startswith("\\"):
            following.text = "(" + following.text[1:]
        else:
            self._append(word, "(")

    def _commas(self, tokens: Sequence[int]) -> list[int]:
        return [index for index in self._at_depth_zero(tokens) if self._text(index) == ","]

    def _at_depth_zero(self, tokens: Sequence[int]) -> Iterator[int]:
        depth = 0
        for index in tokens:
            text = self._text(index)
            depth -= text in _CLOSING
            if depth == 0:
                yield index
            depth += text in _OPENING

    def _expand_tabs(self) -> None:
        """Indentation in which tabs and spaces are mixed, with tabs to every eighth column."""
        indents = list(_indents(self._tokens))
        kinds = {character for indent in indents for character in indent.text}
        if {" ", "\t"} <= kinds:
            for indent in indents:
                indent.text = indent.text.expandtabs(8)


def _solid(tokens: Sequence[_Token]) -> list[int]:
    """The indices of the tokens that are not blank."""
    return [index for index, token in enumerate(tokens) if token.kind not in ("space", "comment", "newline")]


def _indents(tokens: Sequence[_Token]) -> Iterator[_Token]:
    depth = 0
    at_start = True
    for token in tokens:
        if token.kind == "space" and at_start and depth == 0 and "\n" not in token.text:
            yield token
        at_start = token.kind == "newline"
        if token.kind == "op":
            depth = max(0, depth + (token.text in _OPENING) - (token.text in _CLOSING))


def _split(tokens: Sequence[_Token]) -> Iterator[_Statement]:
    """The simple statements and the headers, in order."""
    current: list[int] = []
    depth = lambdas = 0
    for index, token in enumerate(tokens):
        if token.kind in ("space", "comment"):
            continue
        if depth == 0 and (token.kind == "newline" or token.text == ";"):
            if current:
                yield _Statement(tuple(current))
            current, lambdas = [], 0
            continue
        if token.kind == "newline":
            continue
        current.append(index)
        if token.kind == "op":
            depth = max(0, depth + (token.text in _OPENING) - (token.text in _CLOSING))
        lambdas += token.text == "lambda"
        if token.text == ":" and depth == 0:
            if lambdas:
                lambdas -= 1
            elif tokens[current[0]].text in _COMPOUND:
                yield _Statement(tuple(current))
                current = []
    if current:
        yield _Statement(tuple(current))


def _closing(tokens: Sequence[_Token], opening: int) -> int:
    """The index of the bracket that closes the one at ``opening``, or of the last token."""
    depth = 0
    for index in range(opening, len(tokens)):
        if tokens[index].kind == "op":
            depth += (tokens[index].text in _OPENING) - (tokens[index].text in _CLOSING)
            if depth == 0:
                return index
    return len(tokens) - 1


def _number(text: str) -> str:
    text = text.rstrip("lL")
    return f"0o{text[1:]}" if re.fullmatch(r"0[0-7]*[1-7][0-7]*", text) else text
