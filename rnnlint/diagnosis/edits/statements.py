"""How a statement keeps its result, whether it belongs there at all, and which steps a loop takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.diagnosis.edits.candidate import Candidate, Kind, replacing
from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import BackwardText, Suspect, runs_backward
from rnnlint.diagnosis.vocabulary import Vocabulary
from rnnlint.findings import Edit, Span

_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}


def statement_edits(suspect: Suspect, words: Vocabulary) -> Iterator[Candidate]:
    """``=`` and ``+=``, the sign of an update, the axis of a sum, the statement left out."""
    program, node = suspect.program, suspect.node if suspect.part is None else None
    match node:
        case ast.Assign(targets=[target], value=value) if not isinstance(target, ast.Tuple) and suspect.loops:
            yield _operator(suspect, target, value, "+=", Kind.OVERWRITE, 0.1)
        case ast.AugAssign(target=target, op=op, value=value):
            if isinstance(op, ast.Add):
                yield _operator(suspect, target, value, "=", Kind.ADDED_TWICE, 1.5)
                yield _operator(suspect, target, value, "-=", Kind.SIGN, 0.9)
            elif isinstance(op, ast.Sub):
                yield _operator(suspect, target, value, "+=", Kind.SIGN, 0.5)
            if type(op) in _OPERATORS:
                span = program.span(node)
                edit = Edit(program.path, span, "pass")
                yield Candidate(Kind.SPURIOUS_STATEMENT, (edit,), span, program.source(node), "pass", 3.0)
        case _:
            pass
    computed = suspect.value
    if computed is not None:
        yield from _axes(suspect, computed)


def _operator(
    suspect: Suspect, target: ast.expr, value: ast.expr, new: str, kind: Kind, rank: float
) -> Candidate:
    """The candidate with another assignment operator between ``target`` and ``value``."""
    program = suspect.program
    left, right = program.span(target), program.span(value)
    between = Span(left.end_line, left.end_column, right.line, right.column)
    text = program.between(between)
    old = text[: text.index("=") + 1].strip()
    edit = Edit(program.path, between, text.replace(old, new, 1))
    span = program.span(suspect.node)
    before = program.source(suspect.node)
    return Candidate(kind, (edit,), span, before, before.replace(old, new, 1), rank)


def _axes(suspect: Suspect, value: ast.expr) -> Iterator[Candidate]:
    program = suspect.program
    for node in ast.walk(value):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="sum"), args=[first], keywords=[]):
                array = program.source(first)
                yield replacing(program, node, f"np.sum({array}, axis=1, keepdims=True)", Kind.AXIS, 0.8)
                yield replacing(program, node, f"np.sum({array}, axis=0)", Kind.AXIS, 0.8)
                yield replacing(program, node, f"np.sum({array}, axis=0, keepdims=True)", Kind.AXIS, 0.9)
            case ast.Call(func=ast.Attribute(attr="sum", value=whole), args=[], keywords=[]):
                array = program.operand(whole)
                yield replacing(program, node, f"{array}.sum(axis=0)", Kind.AXIS, 0.8)
                yield replacing(program, node, f"{array}.sum(axis=1, keepdims=True)", Kind.AXIS, 0.9)
            case _:
                pass


def loop_edits(text: BackwardText, words: Vocabulary) -> Iterator[Candidate]:
    """Steps that a loop leaves out, and a loop that runs forward."""
    program = text.program
    for loop in text.loops:
        yield from _guards(program, loop)
        if not isinstance(loop, ast.For):
            continue
        for node in ast.walk(loop.iter):
            match node:
                case ast.Constant(value=int(number)) if not isinstance(number, bool):
                    yield replacing(program, node, str(number - 1), Kind.STEPS, 1.2)
                    yield replacing(program, node, str(number + 1), Kind.STEPS, 1.6)
                case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
                    yield replacing(program, node, str(1 - number), Kind.STEPS, 1.6)
                case ast.Call(func=ast.Name(id="range"), args=[_, second]):
                    yield replacing(program, node, f"range({program.source(second)})", Kind.STEPS, 0.9)
                case _:
                    pass
        if not runs_backward(program, loop):
            whole = program.source(loop.iter)
            yield replacing(program, loop.iter, f"reversed({whole})", Kind.STEPS, 0.7)


def _guards(program: ProgramText, loop: ast.For | ast.While) -> Iterator[Candidate]:
    """The step at which a branch of the loop is taken, one earlier and one later."""
    for statement in loop.body:
        match statement:
            case ast.If(
                test=ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.Lt() | ast.Gt()], comparators=[end])
            ):
                match end:
                    case ast.Constant(value=int(number)) if not isinstance(number, bool):
                        texts = [str(number - 1), str(number + 1)]
                    case ast.Name() | ast.BinOp():
                        texts = [f"{program.source(end)} - 1", f"{program.source(end)} + 1"]
                    case _:
                        texts = []
                for new in texts:
                    yield replacing(program, end, new, Kind.STEPS, 0.8)
            case _:
                pass
