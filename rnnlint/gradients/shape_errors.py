"""NumPy's shape errors as equations between sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from rnnlint.gradients.forms import FAR
from rnnlint.gradients.sizes import Size, decode
from rnnlint.sandbox.job import Trouble

_NOT_ALIGNED = re.compile(r"not aligned: (\d+) \(dim \d+\) != (\d+) \(dim \d+\)")
_DIFFERENT = re.compile(r"size (\d+) is different from (\d+)")
_CONCATENATED = re.compile(r"at index \d+ has size (\d+) and the array at index \d+ has size (\d+)")
_INDEX = re.compile(r"index (-?\d+) is out of bounds for axis \d+ with size (\d+)")
_RESHAPED = re.compile(r"cannot reshape array of size (\d+) into shape (\([\d,]*\))")
_SHAPE = re.compile(r"\((?:\d+,?)*(?:,\d+)*\)")
_SHAPED_MESSAGES = ("broadcast", "shape mismatch", "doesn't match")


def equations(trouble: Trouble, sizes: Mapping[str, int]) -> list[tuple[Size, Size]]:
    """The sizes that an error says should be equal, as expressions of the dyes in ``sizes``; empty where it
    says nothing."""
    message = trouble.message.replace(" ", "") if "(" in trouble.message else trouble.message
    found: list[tuple[Size, Size]] = []
    for left, right in _unequal(trouble.message, message):
        a, b = decode(left, sizes), decode(right, sizes)
        if a is not None and b is not None:
            found.append((a, b))
    return found


def _unequal(message: str, packed: str) -> Iterator[tuple[int, int]]:
    for pattern in (_NOT_ALIGNED, _DIFFERENT, _CONCATENATED):
        match = pattern.search(message)
        if match:
            yield int(match[1]), int(match[2])
            return
    match = _INDEX.search(message)
    if match:
        index, size = int(match[1]), int(match[2])
        yield ((index - FAR if index >= FAR else index) + 1 if index >= 0 else -index), size
        return
    match = _RESHAPED.search(message)
    if match:
        yield from _reshaped(int(match[1]), _numbers(match[2]))
        return
    if any(words in message for words in _SHAPED_MESSAGES):
        shapes = [_numbers(text) for text in _SHAPE.findall(packed)]
        if len(shapes) >= 2:
            left, right = shapes[0], shapes[1]
            for a, b in zip(reversed(left), reversed(right), strict=False):
                if a != b and (1 not in (a, b) or "output" in message or "input array" in message):
                    yield a, b


def _reshaped(size: int, shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    wanted = math.prod(shape)
    common = math.gcd(size, wanted)
    if common and size // common > 1:
        yield size // common, wanted // common


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", text))
