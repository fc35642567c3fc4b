"""What every step of a walk back has its share in, and only the step that the walk begins at is given.

A truncated backward pass walks, from each output, back over some steps: a loop in a loop. The gradient of an
input is a sum over all walks that come by its step; taken before the inner loop it holds the first share
alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.diagnosis.edits.candidate import Candidate, Kind
from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import BackwardText
from rnnlint.findings import Edit, Span

RANK = 0.2


def inner_loop_edits(text: BackwardText) -> Iterator[Candidate]:
    """Move ``dX[t] = δ @ U`` into the loop that takes δ back: ``dX[k] += δ @ U``."""
    for outer in text.loops:
        if not isinstance(outer, ast.For) or not isinstance(outer.target, ast.Name):
            continue
        for place, inner in enumerate(outer.body):
            if not isinstance(inner, ast.For) or not isinstance(inner.target, ast.Name):
                continue
            taken_back = {name for statement in inner.body for name in _taken_back(statement)}
            for statement in outer.body[:place]:
                if isinstance(statement, ast.Assign) and _is_a_share(statement, outer.target.id, taken_back):
                    yield _moved(text.program, statement, outer.target.id, inner, inner.target.id)


def _taken_back(statement: ast.stmt) -> Iterator[str]:
    """The variable of ``delta = (W.T @ delta) * …``."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in _names(value):
            yield name
        case _:
            pass


def _is_a_share(statement: ast.Assign, step: str, taken_back: set[str]) -> bool:
    """Whether it stores, under the step, something made of what the inner loop takes back."""
    match statement.targets:
        case [ast.Subscript(slice=index)]:
            return step in _names(index) and bool(taken_back & _names(statement.value))
        case _:
            return False


def _moved(program: ProgramText, statement: ast.Assign, step: str, inner: ast.For, walk: str) -> Candidate:
    span, first = program.span(statement), program.span(inner.body[0])
    target, value = (_renamed(program, node, step, walk) for node in (statement.targets[0], statement.value))
    added = f"{target} += {value}"
    indent = program.lines[first.line - 1][: first.column - 1]
    edits = (
        Edit(program.path, Span(span.line, 1, span.end_line + 1, 1), ""),
        Edit(program.path, Span(first.line, first.column, first.line, first.column), f"{added}\n{indent}"),
    )
    return Candidate(Kind.INTO_THE_WALK, edits, span, program.source(statement), added, RANK)


def _renamed(program: ProgramText, node: ast.expr, old: str, new: str) -> str:
    """The text of an expression with another variable."""
    span = program.span(node)
    text, places = program.source(node), []
    if span.line != span.end_line:
        return text
    for name in ast.walk(node):
        if isinstance(name, ast.Name) and name.id == old:
            places.append(program.span(name).column - span.column)
    for place in sorted(places, reverse=True):
        text = text[:place] + new + text[place + len(old) :]
    return text


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
