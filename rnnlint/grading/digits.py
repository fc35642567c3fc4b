"""Gradients that are right to some digits alone.

What is derived is right to the last digits of float64, in whatever order it is summed. What is measured, by
differences of any order and however they are laid out, is not: what the differences lose is some thousand
times more. A small constant, as in ``p / (q + 1e-8)``, costs digits too, and is told by what is left without
it: a derivation is exact then, and differences have nothing left to divide by.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping

from rnnlint.grading.judging import Judgement
from rnnlint.grading.results import PartVerdict
from rnnlint.grading.submission import Program
from rnnlint.records import replace

LAST_DIGITS = 2e-14
"""The relative error of what is derived is ten or twenty times less, that of the best differences more."""
LARGEST_CONSTANT = 1e-5

Part = tuple[str, str]
"""A task's name and that of a gradient."""


def inexact(found: Mapping[str, Judgement]) -> dict[str, Part]:
    """The gradients that are right to some digits alone, by their keys."""
    return {
        f"{task}.{part}": (task, part)
        for task, judgement in found.items()
        for part, error in judgement.errors.items()
        if error > LAST_DIGITS
    }


def is_exact(found: Mapping[str, Judgement], part: Part) -> bool:
    """Whether a gradient is right to the last digits."""
    judgement, name = found[part[0]], part[1]
    return judgement.verdicts[name] is PartVerdict.RIGHT and judgement.errors[name] <= LAST_DIGITS


def without_small_constants(program: Program) -> Program:
    """The program with zero for its small constants, and the teacher's files likewise."""
    return replace(
        program,
        sources={
            name: replace(source, text=_without(source.text)) for name, source in program.sources.items()
        },
        provided={name: _without(text) for name, text in program.provided.items()},
    )


def _without(text: str) -> str:
    tree = ast.parse(text)
    return ast.unparse(_Without().visit(tree))


class _Without(ast.NodeTransformer):
    """Puts zero for ``1e-8``, ``10 ** -8`` and the like."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant(0.0) if isinstance(node.value, float) and _is_small(node.value) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        match node:
            case ast.BinOp(
                left=ast.Constant(value=int() | float() as base),
                op=ast.Pow(),
                right=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as exponent)),
            ) if base > 1 and _is_small(math.exp(-exponent * math.log(base))):
                return ast.Constant(0.0)
        return self.generic_visit(node)


def _is_small(number: float) -> bool:
    return 0 < abs(number) <= LARGEST_CONSTANT
