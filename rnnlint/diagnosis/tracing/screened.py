"""Edits tried on paper: what the first wrong statement would make of the values that one run recorded.

An edit after which it makes a true quantity is tried first; what cannot be computed is not judged.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rnnlint.diagnosis.suspects import Suspect
from rnnlint.diagnosis.tracing.adjoints import fingerprint
from rnnlint.diagnosis.tracing.judged import Made, State, targets_of, wholes_beside
from rnnlint.diagnosis.tracing.recording import Recording, UnknownValueError
from rnnlint.diagnosis.tracing.truths import NOTHING, Quantity, Truths
from rnnlint.diagnosis.tracing.watched import Part, edited_statement, stands_in
from rnnlint.findings import Edit
from rnnlint.records import dataclass

Array = np.ndarray[Any, np.dtype[np.float64]]

MOST_READERS = 8


@dataclass(frozen=True)
class Screen:
    """The first wrong result, and the run of its function."""

    first: Made
    truths: Truths
    recording: Recording
    made: Sequence[Made]  # of the function
    statements: tuple[Suspect, ...]

    @staticmethod
    def of(first: Made, made: Sequence[Made], truths: Truths, at_hand: Mapping[str, Array]) -> Screen:
        own = first.watched.statement
        inside = [each for each in made if each.watched.statement.function is own.function]
        statements = {id(m.watched.statement.node): m.watched.statement for m in inside}
        return Screen(first, truths, Recording.of(inside, at_hand), inside, tuple(statements.values()))

    def prospect(self, edits: Sequence[Edit]) -> float | None:
        """How well edits do on paper: 0 where the statement then makes no true quantity, at its step or one
        before; else 1 and the share of the statements reading it that then make one as well. A part of a
        stack has no readers: 2 where it is a part of what its neighbours are parts of. Half, where another
        statement of the step makes the same quantity: it need not be made twice.

        None where that cannot be said.
        """
        wanted = self.first.watched.node
        statement = next((s for s in self.statements if all(stands_in(e, s) for e in edits)), None)
        if statement is None or wanted is None or self.first.watched.part is Part.AFTER:
            return None
        changed = edited_statement(statement, edits)
        if changed is None:
            return None
        if statement.node is self.first.watched.statement.node:
            expression = in_the_same_place(statement.node, wanted, changed.node)
            return self._judged(expression) if expression is not None else None
        read = {ast.unparse(read.node) for read in self.first.reads if read.node is not None}
        for target, value, new in _set_otherwise(statement.node, changed.node):
            setter = next((m for m in self.made if m.watched.node is value), None)
            if setter is not None and ast.unparse(target) in read:
                return self._judged(wanted, _SetSo(setter.watched.number, ast.unparse(target), new))
        return None

    def _judged(self, expression: ast.expr, set_so: _SetSo | None = None) -> float | None:
        for step in range(self.first.step, -1, -1):
            true = self._true(expression, step, set_so)
            if true is None and step == self.first.step:
                return None
            if true is not None and not true:
                return 0.0
            if step == self.first.step and true and all(_use(q) in self._claimed for q in true):
                return 0.5
            if step == self.first.step and true and self._neighbours:
                return 2.0 if any(quantity.part_of in self._neighbours for quantity in true) else 1.0
        return self._spread(expression, set_so)

    def _spread(self, expression: ast.expr, set_so: _SetSo | None) -> float:
        """1 and the share of the statements reading the result that then make something true."""
        targets = [ast.unparse(target) for target in targets_of(self.first.watched)]
        if len(targets) != 1 or not self._readers:
            return 1.5
        now = self.recording.when(self.first, self.first.step) or 0
        result = {targets[0]: self._value(expression, self.first.step, now, set_so)}
        true = sum(bool(self._true_of(reader, result)) for reader in self._readers)
        return 1.0 + true / len(self._readers)

    @cached_property
    def _claimed(self) -> frozenset[tuple[int, str, int]]:
        """The quantities that other statements of the step make or use, and what all of them are given."""
        here = [each for each in self.made if each.step == self.first.step]
        values = [v for m in here if self._stands_beside(m) for _, v in m.computed]
        values += [read.value for m in here for read in m.reads if read.state is State.TRUE]
        return frozenset(_use(quantity) for v in values for quantity in self.truths.adjoints.find(v))

    def _stands_beside(self, other: Made) -> bool:
        """Whether it is made by another statement, or is another part of the same stack."""
        mine, theirs = self.first.watched, other.watched
        parts = mine.part is Part.PASSED and theirs.part is Part.PASSED
        return mine.statement.node is not theirs.statement.node or (parts and mine.node is not theirs.node)

    @cached_property
    def _neighbours(self) -> frozenset[str]:
        """Of what the other parts of the same stack are true parts."""
        return wholes_beside(self.first, self.made)

    @cached_property
    def _readers(self) -> list[Made]:
        """What is made of the first wrong result at the same step; of what is carried, at the next one."""
        mark = fingerprint(self.first.value)
        now = self.recording.when(self.first, self.first.step) or 0
        reading = [
            each
            for each in self.made[now:]
            if each is not self.first and any(fingerprint(read.value) == mark for read in each.reads)
        ]
        same = [each for each in reading if each.step == self.first.step]
        return (same or [each for each in reading if each.step == self.first.step + 1])[:MOST_READERS]

    def _true(self, expression: ast.expr, step: int, set_so: _SetSo | None) -> list[Quantity] | None:
        """The true quantities that the first wrong result would have been; None where that is not known."""
        now = self.recording.when(self.first, step) or 0
        return self._looked_up(lambda: self._value(expression, step, now, set_so))

    def _true_of(self, reader: Made, given: Mapping[str, Array]) -> list[Quantity] | None:
        """Those that a statement would have made of other values."""
        node, now = reader.watched.node, self.recording.when(reader, reader.step) or 0
        return self._looked_up(lambda: self.recording.value(node, reader.step, now, given)) if node else None

    def _looked_up(self, value_of: Callable[[], Any]) -> list[Quantity] | None:
        try:
            value = np.asarray(value_of(), dtype=np.float64)
        except UnknownValueError:
            return None
        except (ValueError, TypeError):  # shapes that do not go together
            return []
        silent = not np.max(np.abs(value), initial=0.0) > NOTHING
        return [] if silent else self.truths.adjoints.find(value)

    def _value(self, expression: ast.expr, step: int, now: int, set_so: _SetSo | None) -> Array:
        given = self._given(set_so, now) if set_so is not None else {}
        return np.asarray(self.recording.value(expression, step, now, given), dtype=np.float64)

    def _given(self, set_so: _SetSo, now: int) -> dict[str, Array]:
        """What the variable would hold at a moment; nothing where it has not been set by then."""
        reached = self.recording.last(set_so.number, now)
        if reached is None:
            return {}
        value = self.recording.value(set_so.expression, *reached)
        return {set_so.target: np.asarray(value, dtype=np.float64)}


@dataclass(frozen=True, slots=True)
class _SetSo:
    """A variable that one watched statement would set otherwise."""

    number: int
    target: str
    expression: ast.expr


def _set_otherwise(statement: ast.stmt, changed: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr, ast.expr]]:
    """What an assignment sets otherwise once it is changed: the target, its value and its new value."""
    match statement, changed:
        case (
            ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)),
            ast.Assign(value=ast.Tuple(elts=news)),
        ) if len(targets) == len(values) == len(news):
            for target, value, new in zip(targets, values, news, strict=True):
                if ast.unparse(value) != ast.unparse(new):
                    yield target, value, new
        case ast.Assign(targets=[target], value=value), ast.Assign(value=new) if not isinstance(
            target, ast.Tuple
        ):
            yield target, value, new
        case _:
            pass


def _use(quantity: Quantity) -> tuple[int, str, int]:
    return quantity.number, quantity.of, quantity.step


def in_the_same_place(root: ast.AST, wanted: ast.AST, other: ast.AST) -> ast.expr | None:
    """What stands in another tree where ``wanted`` stands in ``root``."""
    return _at(other, _way(root, wanted))


def _way(root: ast.AST, wanted: ast.AST) -> tuple[int, ...] | None:
    """From a node down to one inside it: which child each time."""
    if root is wanted:
        return ()
    for number, child in enumerate(ast.iter_child_nodes(root)):
        rest = _way(child, wanted)
        if rest is not None:
            return (number, *rest)
    return None


def _at(root: ast.AST, way: tuple[int, ...] | None) -> ast.expr | None:
    """Where the same way leads in another tree."""
    if way is None:
        return None
    node = root
    for number in way:
        children = list(ast.iter_child_nodes(node))
        if number >= len(children):
            return None
        node = children[number]
    return node if isinstance(node, ast.expr) else None
