"""What went wrong in the user's code, where, in which expression, and the shapes of the arrays in it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from .job import Failure, Operand, Trouble
from .stubs import StubUsedError

LONGEST_MESSAGE = 2_000
MOST_OPERANDS = 24
_Shape = tuple[int, ...]


def trouble_from(error: BaseException, texts: Mapping[str, str]) -> Trouble:
    """Trouble for an error raised by the user's code. ``texts`` are the programs by path."""
    failure = Failure.RAISED
    if isinstance(error, MemoryError):
        failure = Failure.MEMORY
    elif isinstance(error, StubUsedError):
        failure = Failure.STUB
    place = _innermost(error.__traceback__, texts)
    exception, message = type(error).__name__, message_of(error)
    if place is None:
        return Trouble(failure, exception, message)
    frame, line, span = place
    path = frame.f_code.co_filename
    source = _slice(texts[path], span) if span else ""
    return Trouble(
        failure, exception, message, path, line, frame.f_code.co_qualname, _operands(source, frame), source
    )


def message_of(error: BaseException) -> str:
    """What the error says, if it can say it."""
    try:
        return str(error)[:LONGEST_MESSAGE]
    except BaseException:  # noqa: BLE001 - the user's exception may fail to print itself
        return ""


_Span = tuple[int, int, int, int]


def _innermost(
    trace: TracebackType | None, texts: Mapping[str, str]
) -> tuple[FrameType, int, _Span | None] | None:
    found: tuple[FrameType, int, _Span | None] | None = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in texts:
            found = trace.tb_frame, trace.tb_lineno, _span(trace)
        trace = trace.tb_next
    return found


def _span(trace: TracebackType) -> _Span | None:
    positions = itertools.islice(trace.tb_frame.f_code.co_positions(), trace.tb_lasti // 2, None)
    line, end_line, column, end_column = next(positions, (None, None, None, None))
    if line is None or end_line is None or column is None or end_column is None:
        return None
    return line, column, end_line, end_column


def _slice(text: str, span: _Span) -> str:
    """The span's text; columns count bytes of UTF-8."""
    line, column, end_line, end_column = span
    lines = [row.encode("utf-8") for row in text.split("\n")[line - 1 : end_line]]
    if not lines:
        return ""
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    return b"\n".join(lines).decode("utf-8", "replace")


def _operands(source: str, frame: FrameType) -> tuple[Operand, ...]:
    """Every name, attribute, element and operator of the expression whose shape follows without a call."""
    tree = _parsed(source)
    if tree is None:
        return ()
    reader = _Reader(frame)
    found: dict[str, _Shape] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.BinOp)):
            shape = reader.shape(node)
            if shape is not None:
                found.setdefault(ast.unparse(node), shape)
    return tuple(Operand(text, shape) for text, shape in itertools.islice(found.items(), MOST_OPERANDS))


def _parsed(source: str) -> ast.AST | None:
    """An expression, over several lines perhaps, or a statement such as ``dW += x``."""
    for text in (f"({source})", source.strip()):
        try:
            return ast.parse(text)
        except SyntaxError:
            continue
    return None


class _Reader:
    """Evaluates what can be read without running code: names, instance attributes, elements."""

    def __init__(self, frame: FrameType) -> None:
        self._locals = frame.f_locals
        self._globals = frame.f_globals

    def shape(self, node: ast.expr) -> _Shape | None:
        """The shape of an array-valued expression, or None; of an operator, the shape it would yield."""
        if isinstance(node, ast.BinOp):
            left, right = self._side(node.left), self._side(node.right)
            return None if left is None or right is None else _shape_after(node.op, left, right)
        value = self.value(node)
        return tuple(value.shape) if isinstance(value, np.ndarray) else None

    def _side(self, node: ast.expr) -> _Shape | None:
        if isinstance(node, ast.BinOp):
            return self.shape(node)
        value = self.value(node)
        if isinstance(value, np.ndarray):
            return tuple(value.shape)
        return () if isinstance(value, (int, float, np.generic)) else None

    def value(self, node: ast.AST | None) -> Any:
        """The expression's value, or None where it cannot be had."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._locals[name] if name in self._locals else self._globals.get(name)
            case ast.Attribute(value=inner, attr=name):
                return _attribute(self.value(inner), name)
            case ast.Subscript(value=inner, slice=index):
                return _element(self.value(inner), self._index(index))
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                value = self.value(inner)
                return -value if isinstance(value, (int, np.ndarray)) else None
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _WHOLE_OPERATORS:
                a, b = self.value(left), self.value(right)
                return _WHOLE_OPERATORS[type(op)](a, b) if type(a) is int and type(b) is int else None
            case _:
                return None

    def _index(self, node: ast.expr) -> Any:
        match node:
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(self.value(lower), self.value(upper), self.value(step))
            case ast.Tuple(elts=parts):
                return tuple(self._index(part) for part in parts)
            case _:
                return self.value(node)


_WHOLE_OPERATORS: Mapping[type, Any] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
}


def _attribute(value: Any, name: str) -> Any:
    if isinstance(value, np.ndarray):
        return value.T if name == "T" else None
    held = getattr(value, "__dict__", None)
    return held.get(name) if isinstance(held, dict) else None


def _element(container: Any, index: Any) -> Any:
    if type(container) not in (list, tuple, dict, np.ndarray):
        return None
    try:
        return container[index]
    except (LookupError, TypeError, ValueError):
        return None


def _shape_after(operator: ast.operator, left: _Shape, right: _Shape) -> _Shape | None:
    if not isinstance(operator, ast.MatMult):
        try:
            return np.broadcast_shapes(left, right)
        except ValueError:
            return None
    if (
        not left
        or not right
        or left[-1] != right[-2 if len(right) > 1 else 0]
        or max(len(left), len(right)) > 2
    ):
        return None
    return left[:-1] + right[1:] if len(right) > 1 else left[:-1]
