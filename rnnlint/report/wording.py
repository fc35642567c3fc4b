"""How figures and places are said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnlint.source import Source

_SMALL = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``1 bug``, ``3 bugs``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def spelled(number: int) -> str:
    """``nine``; figures from thirteen on."""
    return _SMALL[number] if number < len(_SMALL) else str(number)


def error(value: float) -> str:
    """A relative error in at most four characters where it matters: ``.76``, ``1.20``, ``3e-5``."""
    if value < 0.005:
        return scientific(value)
    return f"{value:.2f}".removeprefix("0")


def scientific(value: float) -> str:
    """``3e-13``, without the padded exponent; ``0`` for nothing."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def beside(path: Path, home: Path) -> str:
    """``path`` as a reader of ``home`` names it: relative to the folder of ``home`` where it lies there."""
    relative = os.path.relpath(path, home.parent)
    return str(path) if relative.startswith("..") else relative


def place(source: Source | None, row: int) -> str:
    """``26``, or ``cell 3:12`` in a notebook."""
    return str(row) if source is None else source.label(row)


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence."""
    flat = " ".join(text.split())
    end = flat.find(". ")
    return flat if end < 0 else flat[: end + 1]
