"""Matrix products: transposes and the order of the operands."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from rnnlint.diagnosis.edits.candidate import Candidate, Kind, replacing
from rnnlint.diagnosis.program_text import TIGHTEST, ProgramText, precedence
from rnnlint.diagnosis.suspects import Suspect
from rnnlint.diagnosis.vocabulary import Vocabulary


def matrix_edits(suspect: Suspect, words: Vocabulary) -> Iterator[Candidate]:
    """Each operand transposed or not; both at once and changed about; a product that should be element by
    element.
    """
    program = suspect.program
    value = suspect.value
    if value is None:
        return
    for node in ast.walk(value):
        operands = matrix_operands(node)
        if operands is None or not isinstance(node, ast.expr):
            continue
        left, right = operands
        for operand in (left, right):
            yield replacing(program, operand, transposed(program, operand), Kind.TRANSPOSE, 0.2)
        written = _written(program, node)
        both = (transposed(program, left), transposed(program, right))
        yield replacing(program, node, written(*both), Kind.TRANSPOSE, 1.5)
        plain = (program.operand(right, ast.MatMult), program.operand(left, ast.MatMult))
        yield replacing(program, node, written(*plain), Kind.MATRIX_ORDER, 1.5)
        yield replacing(program, node, written(*reversed(both)), Kind.MATRIX_ORDER, 1.7)


def matrix_operands(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """The two sides of ``A @ B``, ``np.dot(A, B)``, ``A.dot(B)``, ``np.outer(a, b)``."""
    match node:
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            return left, right
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="dot" | "matmul" | "outer"),
            args=[a, b],
        ):
            return a, b
        case ast.Call(func=ast.Attribute(value=left, attr="dot"), args=[right]):
            return left, right
        case _:
            return None


def transposed(program: ProgramText, operand: ast.expr) -> str:
    """The text of ``operand``, with ``.T`` taken off or put on."""
    if isinstance(operand, ast.Attribute) and operand.attr == "T":
        return _enclosed(program, operand.value)
    return f"{_enclosed(program, operand)}.T"


def _enclosed(program: ProgramText, node: ast.expr) -> str:
    text = program.source(node)
    return f"({text})" if precedence(node) < TIGHTEST else text


def _written(program: ProgramText, node: ast.expr) -> Callable[[str, str], str]:
    """Writes a product of two operands the way ``node`` does."""
    match node:
        case ast.BinOp():
            return lambda left, right: f"{left} @ {right}"
        case ast.Call(func=ast.Attribute(value=value, attr="dot")) if len(node.args) == 1 and value:
            return lambda left, right: f"{left}.dot({right})"
        case ast.Call(func=func):
            return lambda left, right: f"{program.source(func)}({left}, {right})"
        case _:
            raise TypeError(node)
