"""Edits of the first wrong statement tried on paper: what it would compute of the values of one run.

The user's program is not run for it. An edit after which the statement makes a true quantity is tried first;
what cannot be computed here (a function of the user's own on a new argument, a size) is not judged.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlint.diagnosis.suspects import Suspect, value_of
from rnnlint.diagnosis.tracing.judged import Made, targets_of
from rnnlint.diagnosis.tracing.truths import NOTHING, Truths
from rnnlint.diagnosis.tracing.watched import Part, edited_statement, stands_in
from rnnlint.findings import Edit

Array = np.ndarray[Any, np.dtype[np.float64]]

_FUNCTIONS: Mapping[str, Any] = {
    name: getattr(np, name)
    for name in "dot matmul outer multiply tanh square power exp sqrt sum zeros_like ones_like".split()
}
_OPERATORS: Mapping[type[ast.operator], Any] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.MatMult: np.matmul,
}


@dataclass(frozen=True, slots=True)
class _Held:
    """What an expression held, or a variable from then on (``is_set``)."""

    moment: int
    step: int
    value: Array
    is_set: bool = False


class _UnknownError(Exception):
    """An expression's value does not follow from what was recorded."""


@dataclass(frozen=True)
class Screen:
    """The first wrong result, and what everything in its function held at the steps up to it."""

    first: Made
    truths: Truths
    _values: Mapping[str, Sequence[_Held]]  # by text, in the order of the run
    _when: Mapping[int, int]  # by step, when the statement was reached

    @staticmethod
    def of(first: Made, made: Sequence[Made], truths: Truths) -> Screen:
        function = first.watched.statement.function
        values: dict[str, list[_Held]] = defaultdict(list)
        when: dict[int, int] = {}
        for moment, each in enumerate(made):
            if each.watched.statement.function is not function:
                continue
            for text, value in each.computed:
                values[text].append(_Held(moment, each.step, value))
            for target in targets_of(each.watched):
                after = each.after if each.after is not None else each.value
                values[ast.unparse(target)].append(_Held(moment, each.step, after, is_set=True))
            if each.watched.number == first.watched.number:
                when[each.step] = moment
        return Screen(first, truths, values, when)

    def mends(self, edits: Sequence[Edit]) -> bool | None:
        """Whether the statement would make a true quantity, at this step and where it did before.

        None where that cannot be said.
        """
        expression = self._result(edits)
        if expression is None:
            return None
        for step in range(self.first.step, -1, -1):
            try:
                value = np.asarray(self._of(expression, step), dtype=float)
            except _UnknownError:
                return None if step == self.first.step else True
            except (ValueError, TypeError):  # shapes that do not go together
                return False
            if not np.max(np.abs(value), initial=0.0) > NOTHING or not self.truths.adjoints.find(value):
                return False
        return True

    def _result(self, edits: Sequence[Edit]) -> ast.expr | None:
        """The expression of the first wrong result as the edits leave it; None where they reach elsewhere."""
        statement = self.first.watched.statement
        if self.first.watched.part is not Part.RESULT or not all(stands_in(e, statement) for e in edits):
            return None
        changed = edited_statement(statement, edits)
        if changed is None:
            return None
        place = _place(statement, self.first.watched.node)
        return _at(value_of(changed.node), place) if place is not None else None

    def _of(self, node: ast.expr, step: int) -> Any:
        match node:
            case ast.Name() | ast.Attribute() | ast.Subscript() | ast.Call():
                known = self._recorded(ast.unparse(node), step)
                if known is not None:
                    return known
            case _:
                pass
        match node:
            case ast.Constant(value=int(number)) | ast.Constant(value=float(number)):
                return number
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](self._of(left, step), self._of(right, step))
            case ast.IfExp(body=first, orelse=later):  # the edits' conditions hold at the first step alone
                return self._of(first if step == 0 else later, step)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._of(operand, step)
            case ast.Attribute(value=value, attr="T"):
                return np.transpose(self._of(value, step))
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name)):
                return self._called(name, node, node.args, step)
            case ast.Call(func=ast.Attribute(value=value, attr="dot" | "sum" as name)):
                return self._called(name, node, [value, *node.args], step)
            case ast.Subscript():
                return self._of_another_step(node, step)
            case _:
                raise _UnknownError

    def _of_another_step(self, node: ast.Subscript, step: int) -> Array:
        """``C[t + 1]`` where ``C[t]`` is read: what that was one step further back."""
        text, offset = _stepless(node)
        for distance in (1, -1, 2, -2):
            known = self._recorded(text.format(_written(offset + distance)), step + distance)
            if known is not None:
                return known
        raise _UnknownError

    def _called(self, name: str, call: ast.Call, arguments: Sequence[ast.expr], step: int) -> Any:
        function = _FUNCTIONS.get(name)
        if function is None:
            raise _UnknownError
        options: dict[str, Any] = {}
        for keyword in call.keywords:
            if keyword.arg not in ("axis", "keepdims") or not isinstance(keyword.value, ast.Constant):
                raise _UnknownError
            options[keyword.arg] = keyword.value.value
        return function(*(self._of(argument, step) for argument in arguments), **options)

    def _recorded(self, text: str, step: int) -> Array | None:
        """What an expression held when the statement was reached at a step."""
        now = self._when.get(step)
        if now is None:
            return None
        held = self._values.get(text, ())
        before = [each for each in held if each.moment <= now and not (each.is_set and each.moment == now)]
        if before and before[-1].step == step:
            return before[-1].value
        after = next((each for each in held if each.moment >= now and each.step == step), None)
        if after is not None and not after.is_set:
            return after.value
        return before[-1].value if before else None


def _stepless(node: ast.Subscript) -> tuple[str, int]:
    """A subscript's text with a gap for what is added to the step, and what that is."""
    holder = ast.unparse(node.value).replace("{", "{{").replace("}", "}}")
    match node.slice:
        case ast.Name(id=step):
            return f"{holder}[{step}{{}}]", 0
        case ast.BinOp(
            left=ast.Name(id=step), op=ast.Add() | ast.Sub() as op, right=ast.Constant(value=int(by))
        ):
            return f"{holder}[{step}{{}}]", by if isinstance(op, ast.Add) else -by
        case _:
            raise _UnknownError


def _written(offset: int) -> str:
    """As :func:`ast.unparse` writes it."""
    return "" if not offset else f" + {offset}" if offset > 0 else f" - {-offset}"


def _place(statement: Suspect, wanted: ast.expr | None) -> tuple[int, ...] | None:
    """Where a result stands among those that a statement's value is written out of; () where it is alone."""
    value = value_of(statement.node)
    if value is wanted:
        return ()
    for number, part in enumerate(_parts(value)):
        if part is wanted:
            return (number,)
    return None


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
