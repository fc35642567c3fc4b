"""The built-in names and the world around the user's files: no data, no keyboard, no clock to wait for."""

from __future__ import annotations

import builtins
import functools
import io
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import rewriting

MADE_UP = "the quick brown fox jumps over a lazy dog\nand 12 more words follow here, again and again.\n" * 3
"""What every data file holds: several distinct words and characters, more than one line."""
_LONGEST_OUTPUT = 10_000


class Output(io.TextIOBase):
    """Standard output, of which the first characters are kept."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start anew."""
        self._kept: list[str] = []
        self._room = _LONGEST_OUTPUT

    def write(self, text: str) -> int:
        if self._room > 0:
            self._kept.append(text[: self._room])
            self._room -= len(text)
        return len(text)

    def getvalue(self) -> str:
        return "".join(self._kept)


class _DataText(io.StringIO):
    def __deepcopy__(self, memo: dict[int, Any]) -> _DataText:
        return self


class _DataBytes(io.BytesIO):
    def __deepcopy__(self, memo: dict[int, Any]) -> _DataBytes:
        return self


def builtins_of_user(
    import_: Callable[..., Any], note: Callable[[str], None], python2: bool
) -> dict[str, Any]:
    """The built-in names for one of the user's files."""
    names = dict(vars(builtins))

    def open_data(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        note("Data files are not read; each is taken to hold a few made-up words.")
        content = "" if set(mode) & set("wax") else MADE_UP
        return _DataBytes(content.encode()) if "b" in mode else _DataText(content)

    def input_nothing(prompt: object = "") -> str:
        return ""

    names.update(__import__=import_, open=open_data, input=input_nothing, exit=sys.exit, quit=sys.exit)
    names.update(rewriting.NAMES)
    if python2:
        names.update(_PYTHON2, file=open_data, raw_input=input_nothing)
    return names


def calm_world() -> Output:
    """No arguments, no waiting; the new standard output."""
    output = Output()
    sys.stdout = output
    sys.stderr = Output()
    sys.argv = [""]
    sys.stdin = io.StringIO()
    time.sleep = lambda seconds: None
    return output


def _compare(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def _map(function: Callable[..., Any] | None, *iterables: Iterable[Any]) -> list[Any]:
    return list(map(function, *iterables)) if function else list(zip(*iterables, strict=False))


def _filter(function: Callable[[Any], Any] | None, iterable: Iterable[Any]) -> Any:
    kept = list(filter(function, iterable))
    if isinstance(iterable, str):
        return "".join(kept)
    return tuple(kept) if isinstance(iterable, tuple) else kept


def _zip(*iterables: Iterable[Any]) -> list[Any]:
    return list(zip(*iterables, strict=False))


def _range(*bounds: Any) -> list[int]:
    return list(range(*map(int, bounds)))


def _xrange(*bounds: Any) -> range:
    return range(*map(int, bounds))


_PYTHON2: Mapping[str, Any] = {
    "map": _map, "filter": _filter, "zip": _zip, "range": _range, "xrange": _xrange,
    "reduce": functools.reduce,
    "unicode": str, "long": int, "basestring": str, "unichr": chr, "cmp": _compare,
}  # fmt: skip
