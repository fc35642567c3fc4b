"""NumPy's shape errors as equations between sizes."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from rnnlint.gradients.forms import FAR
from rnnlint.gradients.sizes import Size, decode
from rnnlint.sandbox.job import Trouble

_NOT_ALIGNED = re.compile(r"not aligned: (\d+) \(dim \d+\) != (\d+) \(dim \d+\)")
_DIFFERENT = re.compile(r"size (\d+) is different from (\d+)")
_CONCATENATED = re.compile(r"at index \d+ has size (\d+) and the array at index \d+ has size (\d+)")
_INDEX = re.compile(r"index (-?\d+) is out of bounds for axis \d+ with size (\d+)")
_RESHAPED = re.compile(r"cannot reshape array of size (\d+) into shape (\([\d,]*\))")
_SHAPE = re.compile(r"\((?:\d+,?)*(?:,\d+)*\)")
_REMAPPED = re.compile(r"->(\((?:\d+|newaxis|,)*\))")
"""What ``einsum`` says of each operand: its axes in the order of all letters."""
_FOR_A_SUM = "shape-mismatch for sum"
_SHAPED_MESSAGES = ("broadcast", "shape mismatch", "doesn't match")


def equations(trouble: Trouble, sizes: Mapping[str, int]) -> list[tuple[Size, Size]]:
    """The sizes that an error says should be equal, as expressions of the dyes in ``sizes``; empty where it
    says nothing."""
    message = trouble.message.replace(" ", "") if "(" in trouble.message else trouble.message
    found: list[tuple[Size, Size]] = []
    unequal = _contracted(trouble) if _FOR_A_SUM in trouble.message else _unequal(trouble.message, message)
    for left, right in unequal:
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
        remapped = [text.replace("newaxis", "1") for text in _REMAPPED.findall(packed)]
        shapes = [_numbers(text) for text in remapped or _SHAPE.findall(packed)]
        if len(shapes) >= 2:
            left, right = shapes[0], shapes[1]
            for a, b in zip(reversed(left), reversed(right), strict=False):
                if a != b and (1 not in (a, b) or "output" in message or "input array" in message):
                    yield a, b


def _contracted(trouble: Trouble) -> Iterator[tuple[int, int]]:
    """The lengths of the axes that ``tensordot(a, b, axes)`` sums over, whose error names none."""
    shapes = {operand.text: operand.shape for operand in trouble.operands}
    try:
        tree = ast.parse(trouble.source.strip(), mode="eval")
    except SyntaxError:
        return
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[a, b, *rest]) if (
                name == "tensordot"
            ):
                left, right = shapes.get(ast.unparse(a)), shapes.get(ast.unparse(b))
                axes = _axes([*rest, *(k.value for k in node.keywords if k.arg == "axes")])
                if left is None or right is None:
                    return
                for i, j in axes:
                    if -len(left) <= i < len(left) and -len(right) <= j < len(right) and left[i] != right[j]:
                        yield left[i], right[j]
            case _:
                pass


def _axes(stated: Sequence[ast.expr]) -> list[tuple[int, int]]:
    """The pairs of axes that are summed over: ``2``, ``(-1, 0)``, ``((0, 1), (0, 1))``."""
    try:
        axes = ast.literal_eval(stated[0]) if stated else 2
    except ValueError:
        return []
    match axes:
        case int(count):
            return [(i - count, i) for i in range(count)]
        case (int(i), int(j)):
            return [(i, j)]
        case (tuple() | list() as left, tuple() | list() as right):
            return [(i, j) for i, j in zip(left, right, strict=False) if type(i) is int and type(j) is int]
        case _:
            return []


def _reshaped(size: int, shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    wanted = math.prod(shape)
    common = math.gcd(size, wanted)
    if common and size // common > 1:
        yield size // common, wanted // common


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", text))
