"""Edits tried on paper: what the first wrong statement would make of the values that one run recorded.

An edit after which it makes a true quantity is tried first; what cannot be computed is not judged.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rnnlint.diagnosis.suspects import Suspect, value_of
from rnnlint.diagnosis.tracing.judged import Made
from rnnlint.diagnosis.tracing.recording import Recording, UnknownValueError
from rnnlint.diagnosis.tracing.truths import NOTHING, Truths
from rnnlint.diagnosis.tracing.watched import Part, edited_statement, stands_in
from rnnlint.findings import Edit


@dataclass(frozen=True)
class Screen:
    """The first wrong result, and the run of its function."""

    first: Made
    truths: Truths
    recording: Recording
    statements: tuple[Suspect, ...]  # of the function

    @staticmethod
    def of(first: Made, made: Sequence[Made], truths: Truths) -> Screen:
        own = first.watched.statement
        same = {id(m.watched.statement.node): m.watched.statement for m in made}
        statements = [statement for statement in same.values() if statement.function is own.function]
        return Screen(first, truths, Recording.of(own.function, made), tuple(statements))

    def mends(self, edits: Sequence[Edit]) -> bool | None:
        """Whether the statement would make a true quantity, at its step and at those before it.

        None where that cannot be said.
        """
        own = self.first.watched.statement
        statement = next((s for s in self.statements if all(stands_in(e, s) for e in edits)), None)
        if statement is None or self.first.watched.part is not Part.RESULT:
            return None
        changed = edited_statement(statement, edits)
        if changed is None:
            return None
        if statement.node is own.node:
            place = _place(statement, self.first.watched.node)
            expression = _at(value_of(changed.node), place) if place is not None else None
            return self._is_true(expression, {}) if expression is not None else None
        match statement.node, changed.node:  # a variable that the statement reads is set otherwise
            case ast.Assign(targets=[target]), ast.Assign(value=value) if not isinstance(target, ast.Tuple):
                read = {ast.unparse(read.node) for read in self.first.reads if read.node is not None}
                if ast.unparse(target) in read and self.first.watched.node is not None:
                    return self._is_true(self.first.watched.node, {ast.unparse(target): value})
            case _:
                pass
        return None

    def _is_true(self, expression: ast.expr, given: dict[str, ast.expr]) -> bool | None:
        for step in range(self.first.step, -1, -1):
            now = self.recording.when(self.first, step)
            try:
                value = np.asarray(self.recording.value(expression, step, now or 0, given), dtype=float)
            except UnknownValueError:
                return None if step == self.first.step else True
            except (ValueError, TypeError):  # shapes that do not go together
                return False
            if not np.max(np.abs(value), initial=0.0) > NOTHING or not self.truths.adjoints.find(value):
                return False
        return True


def _place(statement: Suspect, wanted: ast.expr | None) -> tuple[int, ...] | None:
    """Where a result stands among those that a statement's value is written out of; () where it is alone."""
    value = value_of(statement.node)
    if value is wanted:
        return ()
    return next(((number,) for number, part in enumerate(_parts(value)) if part is wanted), None)


def _at(value: ast.expr | None, place: tuple[int, ...]) -> ast.expr | None:
    if not place:
        return value
    parts = list(_parts(value))
    return parts[place[0]] if place[0] < len(parts) else None


def _parts(value: ast.expr | None) -> Iterator[ast.expr]:
    match value:
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            yield from elements
        case ast.Dict(values=values):
            yield from values
        case _:
            pass
