"""Scenarios that are stated by hand: what is called, with what, and what the results are called.

The table of ``pyproject.toml``, read strictly; :mod:`rnnlint.gradients.stated` makes programs of it. The
calls are never Python to be executed: an argument is a name, a literal, an attribute or item of a name, or
a tuple, list or dict of those.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from rnnlint.records import dataclass, field
from rnnlint.suggestions import suggestion

TABLE = "[tool.rnnlint.gradients]"


class ScenarioError(Exception):
    """A stated scenario cannot be read; the message is one sentence that says where and why."""


class Arrangement(StrEnum):
    """How arrays are laid out whose shapes are not stated."""

    COLUMNS = "columns"  # (features, 1) or (features, batch)
    ROWS = "rows"  # (1, features) or (batch, features)
    VECTORS = "vectors"  # (features,)
    LIST = "list"  # a list of steps
    TIME_FIRST = "time-first"
    BATCH_FIRST = "batch-first"  # (batch, time, features)
    TIME_LAST = "time-last"
    INDICES = "indices"  # integers instead of one-hot vectors


@dataclass(frozen=True, slots=True)
class Argument:
    """What a call gives: the text of it, and the parameter's name where it is given by name."""

    text: str
    keyword: str | None = None

    @property
    def name(self) -> str | None:
        """The name that the argument is, None where it is built of several or of none."""
        return self.text if self.text.isidentifier() and self.text not in ("True", "False", "None") else None


@dataclass(frozen=True, slots=True)
class Call:
    """``LSTM.forward(x, h0) -> hs, cache``: "LSTM.forward", its arguments, and its results by name.

    A result that is not needed is ``""`` (written ``_``); no results means that none are stated.
    """

    function: str
    arguments: tuple[Argument, ...]
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatedSize:
    """Σ coefficient · axis + constant: ``4*H`` and ``D+H`` are sizes of an array."""

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0


@dataclass(frozen=True, slots=True)
class StatedShape:
    """An array's axes; with ``below`` it holds integers from 0 up to that size."""

    axes: tuple[StatedSize, ...]
    below: StatedSize | None = None


@dataclass(frozen=True, slots=True)
class ExplicitScenario:
    """One backward pass, and how it is run.

    ``pattern`` says of which files (as in ``.gitignore``, relative to the configuration). ``forward`` is None
    where the backward does both. ``parameters`` are the names of what has gradients, empty where that is to
    be inferred; ``gradients`` says for a parameter where its gradient is left: one of the backward's results,
    or ``self.something``.
    """

    pattern: str
    backward: Call
    forward: Call | None = None
    construct: Call | None = None
    parameters: tuple[str, ...] = ()
    shapes: Mapping[str, StatedShape] = field(default_factory=dict)
    gradients: Mapping[str, str] = field(default_factory=dict)
    layout: tuple[Arrangement, ...] = ()


KEYS = ("forward", "backward", "construct", "parameters", "shapes", "gradients", "layout")


def parse_scenarios(table: object) -> tuple[ExplicitScenario, ...]:
    """The table ``gradients``: for each pattern of files one scenario, or a list of them.

    Raises :class:`ScenarioError`.
    """
    if not isinstance(table, dict):
        raise ScenarioError(f'{TABLE} must hold tables, one a file: {TABLE[:-1]}."lstm.py"].')
    for key in table:
        if key in KEYS:
            raise ScenarioError(f'{TABLE}: {key!r} belongs in the table of a file, {TABLE[:-1]}."lstm.py"].')
    found: list[ExplicitScenario] = []
    for pattern, value in table.items():
        stated = value if isinstance(value, list) else [value]
        found += [parse_scenario(pattern, each, f"{TABLE[:-1]}.{pattern!r}]") for each in stated]
    return tuple(found)


def parse_scenario(pattern: str, table: object, where: str) -> ExplicitScenario:
    """One scenario's table. Raises :class:`ScenarioError`; ``where`` opens its message."""
    if not isinstance(table, dict):
        raise ScenarioError(f"{where} must be a table with at least the key backward.")
    for key in table:
        if key not in KEYS:
            raise ScenarioError(f"{where}: unknown key {key!r}.{suggestion(key, KEYS)}")
    if "backward" not in table:
        raise ScenarioError(f"{where}: the key backward is missing.")
    calls = {
        key: parse_call(table[key], f"{where}: {key}")
        for key in ("forward", "backward", "construct")
        if key in table
    }
    construct = calls.get("construct")
    if construct is not None and (construct.results or "." in construct.function):
        raise ScenarioError(f'{where}: construct must be the call of a class, such as "LSTM(D, H)".')
    return ExplicitScenario(
        pattern,
        calls["backward"],
        calls.get("forward"),
        construct,
        _names(table.get("parameters", []), f"{where}: parameters"),
        _shapes(table.get("shapes", {}), f"{where}: shapes"),
        _gradients(table.get("gradients", {}), f"{where}: gradients"),
        _layout(table.get("layout"), f"{where}: layout"),
    )


def parse_call(text: object, where: str) -> Call:
    """``"forward(x, h0) -> hs, cache"``. Raises :class:`ScenarioError`; ``where`` opens its message."""
    example = '"forward(x, h0, W) -> hs, cache"'
    if not isinstance(text, str):
        raise ScenarioError(f"{where} must be a call in quotes, such as {example}.")
    left, arrow, right = text.replace("→", "->").partition("->")
    try:
        call = ast.parse(left.strip(), mode="eval").body
    except SyntaxError:
        raise ScenarioError(f"{where}: {left.strip()!r} is not a call such as {example}.") from None
    match call:
        case ast.Call(func=ast.Name(id=function)):
            pass
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=method)):
            function = f"{owner}.{method}"
        case _:
            raise ScenarioError(f"{where}: {left.strip()!r} is not a call such as {example}.")
    arguments = [Argument(_argument(value, where)) for value in call.args]
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ScenarioError(f"{where}: write the arguments out, ** is not read.")
        arguments.append(Argument(_argument(keyword.value, where), keyword.arg))
    return Call(function, tuple(arguments), _results(right, where) if arrow else ())


def names_in(text: str) -> tuple[str, ...]:
    """The names that an argument is built of, each once, in order."""
    nodes = ast.walk(ast.parse(text, mode="eval"))
    return tuple(dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name)))


_READ = (ast.Name, ast.Constant, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.Dict, ast.Load)
_COUNTED = (ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.UnaryOp, ast.USub)


def _argument(value: ast.expr, where: str) -> str:
    for node in ast.walk(value):
        if not isinstance(node, _READ + _COUNTED) or (
            isinstance(node, ast.Attribute) and node.attr.startswith("__")
        ):
            raise ScenarioError(
                f"{where}: {ast.unparse(value)!r} is not read: give names, numbers, tuples or dicts of them."
            )
    return ast.unparse(value)


def _results(text: str, where: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.strip().removesuffix(",").split(",")]
    for name in names:
        if not name.isidentifier():
            raise ScenarioError(f"{where}: after -> stand the names of the results, and {name!r} is no name.")
    return tuple("" if name == "_" else name for name in names)


def _names(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ScenarioError(f"{where} must be a list of names.")
    return tuple(value)


def _shapes(value: object, where: str) -> dict[str, StatedShape]:
    if not isinstance(value, dict):
        raise ScenarioError(f'{where} must be a table such as {{ W = ["H", "D+H"] }}.')
    return {name: _shape(axes, f"{where}: {name}") for name, axes in value.items()}


def _shape(value: object, where: str) -> StatedShape:
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        raise ScenarioError(f'{where} must be a list of sizes such as ["H", "D+H"] or [1, "4*H"].')
    below: StatedSize | None = None
    axes: Sequence[Any] = value
    if axes and isinstance(axes[-1], str) and axes[-1].lstrip().startswith("<"):
        below = _size(axes[-1].lstrip().removeprefix("<"), where)
        axes = axes[:-1]
    return StatedShape(tuple(_size(item, where) for item in axes), below)


_TERM = re.compile(r"(?:(?P<number>\d+)\s*\*?\s*)?(?P<axis>[A-Za-z_]\w*)?")


def _size(value: str | int, where: str) -> StatedSize:
    terms: dict[str, int] = {}
    constant = 0
    for part in str(value).split("+"):
        match = _TERM.fullmatch(part.strip())
        if match is None or not part.strip():
            raise ScenarioError(f'{where}: {value!r} is no size; write "H", "D+H", "4*H" or a number.')
        number = int(match["number"] or 1)
        if match["axis"]:
            terms[match["axis"]] = terms.get(match["axis"], 0) + number
        else:
            constant += number
    if not terms and constant < 1:
        raise ScenarioError(f"{where}: a size is at least 1, not {value!r}.")
    return StatedSize(tuple(sorted(terms.items())), constant)


def _gradients(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ScenarioError(f'{where} must be a table of parameter = "where its gradient is".')
    made: dict[str, str] = {}
    for name, text in value.items():
        try:
            made[name] = _argument(ast.parse(text, mode="eval").body, f"{where}: {name}")
        except SyntaxError:
            raise ScenarioError(
                f"{where}: {name}: {text!r} is neither a result nor an attribute such as self.dW."
            ) from None
    return made


def _layout(value: object, where: str) -> tuple[Arrangement, ...]:
    if value is None:
        return ()
    known = [each.value for each in Arrangement]
    if not isinstance(value, str):
        raise ScenarioError(f"{where} must be one or more of {', '.join(known)}, in one string.")
    words = [word.strip() for word in value.split(",")]
    for word in words:
        if word not in known:
            raise ScenarioError(f"{where}: {word!r} is none of {', '.join(known)}.{suggestion(word, known)}")
    return tuple(Arrangement(word) for word in words)
