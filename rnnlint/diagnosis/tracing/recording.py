"""What one run of a function recorded, and what other expressions of it would have been: the user's program
is not run for that.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.diagnosis.suspects import BackwardText, targets
from rnnlint.diagnosis.tracing.adjoints import fingerprint
from rnnlint.diagnosis.tracing.judged import Made, targets_of
from rnnlint.diagnosis.tracing.truths import Truths
from rnnlint.records import dataclass

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


class UnknownValueError(Exception):
    """An expression's value does not follow from what was recorded: a user's function, a size."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What an expression held at a moment, or a variable from then on (``is_set``)."""

    moment: int
    step: int
    value: Array
    is_set: bool = False


@dataclass(frozen=True)
class Recording:
    """The expressions of one function with what they held, in the order of the run.

    A moment is a place in that order; a step counts how often a statement was reached.
    """

    _held: Mapping[str, Sequence[_Held]]  # by text, in normal form
    _constants: Mapping[str, Array]  # weights that the function can name, and need not read
    _moments: Mapping[tuple[int, int], int]  # when a watched expression was reached at a step
    _sizes: Mapping[str, int]  # what slices are cut at

    @staticmethod
    def of(made: Sequence[Made], constants: Mapping[str, Array]) -> Recording:
        """From what the statements of one function made."""
        held: dict[str, list[_Held]] = defaultdict(list)
        moments: dict[tuple[int, int], int] = {}
        for moment, each in enumerate(made):
            moments[each.watched.number, each.step] = moment
            for text, value in each.computed:
                held[text].append(_Held(moment, each.step, value))
            for target in targets_of(each.watched):
                after = each.after if each.after is not None else each.value
                held[ast.unparse(target)].append(_Held(moment, each.step, after, is_set=True))
        named = {ast.unparse(ast.parse(text, mode="eval")): value for text, value in constants.items()}
        return Recording(held, named, moments, _sizes_in(held))

    def when(self, made: Made, step: int) -> int | None:
        """The moment at which a statement was reached at a step."""
        return self._moments.get((made.watched.number, step))

    def last(self, number: int, now: int) -> tuple[int, int] | None:
        """The step and the moment at which a watched expression was reached last before a moment."""
        reached = ((moment, step) for (n, step), moment in self._moments.items() if n == number)
        moment, step = max((each for each in reached if each[0] < now), default=(-1, -1))
        return (step, moment) if step >= 0 else None

    def known(self, text: str, step: int, now: int) -> Array | None:
        """What an expression held at a moment of a step; None where that is not known."""
        held = self._held.get(text, ())
        before = [each for each in held if each.moment <= now and not (each.is_set and each.moment == now)]
        if before and before[-1].step == step:
            return before[-1].value
        after = next((each for each in held if each.moment >= now and each.step == step), None)
        if after is not None and not after.is_set:
            return after.value
        return before[-1].value if before else self._constants.get(text)

    def value(self, node: ast.expr, step: int, now: int, given: Mapping[str, Array] | None = None) -> Any:
        """What an expression would have been; ``given`` are variables that would have been set otherwise.

        Raises :class:`UnknownValueError`, and NumPy's own errors where shapes do not go together.
        """
        match node:
            case ast.Name() | ast.Attribute() | ast.Subscript() | ast.Call():
                text = ast.unparse(node)
                if given and text in given:
                    return given[text]
                known = self.known(text, step, now) if not _reads(node, given) else None
                if known is not None:
                    return known
            case _:
                pass
        match node:
            case ast.Constant(value=int(number)) | ast.Constant(value=float(number)):
                return number
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](
                    self.value(left, step, now, given), self.value(right, step, now, given)
                )
            case ast.IfExp(body=first, orelse=later):  # the edits' conditions hold at the first step alone
                return self.value(first if step == 0 else later, step, now, given)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand, step, now, given)
            case ast.Attribute(value=value, attr="T"):
                return np.transpose(self.value(value, step, now, given))
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name), args=arguments):
                values = [self.value(argument, step, now, given) for argument in arguments]
                return _called(name, node, values)
            case ast.Call(func=ast.Attribute(value=held, attr="dot" | "sum" as name), args=arguments):
                values = [self.value(argument, step, now, given) for argument in (held, *arguments)]
                return _called(name, node, values)
            case ast.Subscript(value=held, slice=index) if _is_cut(index):
                bounds = tuple(self._cut(each) for each in _axes(index))
                return self.value(held, step, now, given)[bounds]
            case ast.Subscript():
                return self._of_another_step(node, step, now)
            case _:
                raise UnknownValueError

    def _cut(self, index: ast.Slice) -> slice:
        ends: list[int | None] = []
        for bound in (index.lower, index.upper):
            match bound:
                case None:
                    ends.append(None)
                case ast.Constant(value=int(number)):
                    ends.append(number)
                case _ if ast.unparse(bound) in self._sizes:
                    ends.append(self._sizes[ast.unparse(bound)])
                case _:
                    raise UnknownValueError
        return slice(*ends)

    def _of_another_step(self, node: ast.Subscript, step: int, now: int) -> Array:
        """``C[t + 1]`` where ``C[t]`` is read: what that was one step further back."""
        text, offset = _stepless(node)
        for distance in (1, -1, 2, -2):
            held = self._held.get(text.format(_written(offset + distance)), ())
            there = next((each.value for each in held if each.step == step + distance), None)
            if there is not None:
                return there
        raise UnknownValueError


def _sizes_in(held: Mapping[str, Sequence[_Held]]) -> dict[str, int]:
    """What ``H`` is where ``dz[:H]`` was recorded."""
    found: dict[str, int] = {}
    for text, values in held.items():
        node = ast.parse(text, mode="eval").body if ":" in text else None
        if isinstance(node, ast.Subscript) and _is_cut(node.slice):
            for axis, each in enumerate(_axes(node.slice)):
                if each.lower is None and each.upper is not None and axis < values[0].value.ndim:
                    found[ast.unparse(each.upper)] = values[0].value.shape[axis]
    return found


def _is_cut(index: ast.expr) -> bool:
    """Whether all indices are slices without a step."""
    members = index.elts if isinstance(index, ast.Tuple) else [index]
    return all(isinstance(each, ast.Slice) and each.step is None for each in members)


def _axes(index: ast.expr) -> list[ast.Slice]:
    members = index.elts if isinstance(index, ast.Tuple) else [index]
    return [each for each in members if isinstance(each, ast.Slice)]


def weights_at_hand(truths: Truths, text: BackwardText) -> dict[str, Array]:
    """The forward pass's weights that a backward pass can name too: attributes, globals, its parameters."""
    own = {target.id for s in text.program.tree.body for target in targets(s) if isinstance(target, ast.Name)}
    if text.function is not None:
        own |= {parameter.arg for parameter in text.function.args.args}
    return {
        use.watched.text: use.value
        for use in truths.uses
        if use.watched.is_read and use.value.ndim == 2 and fingerprint(use.value) in truths.parameters
        if use.watched.text.partition("[")[0].partition(".")[0] in own
    }


def _called(name: str, call: ast.Call, values: Sequence[Any]) -> Any:
    options: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg not in ("axis", "keepdims") or not isinstance(keyword.value, ast.Constant):
            raise UnknownValueError
        options[keyword.arg] = keyword.value.value
    if name not in _FUNCTIONS:
        raise UnknownValueError
    return _FUNCTIONS[name](*values, **options)


def _reads(node: ast.expr, given: Mapping[str, Array] | None) -> bool:
    return bool(given) and any(
        isinstance(inner, ast.expr) and ast.unparse(inner) in (given or {}) for inner in ast.walk(node)
    )


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
            raise UnknownValueError


def _written(offset: int) -> str:
    """As :func:`ast.unparse` writes it."""
    return "" if not offset else f" + {offset}" if offset > 0 else f" - {-offset}"
