"""What a helper computes: its body is evaluated on sample points and compared with the functions we know.

Nothing of the user's file is executed: the body is run on terms (:mod:`rnnlint.model.execution`), and the
term it returns is worked out with Python's own floats."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property

from rnnlint.model import vocabulary
from rnnlint.model.program import Definition, Program
from rnnlint.model.terms import Op, Term, Terms
from rnnlint.records import dataclass
from rnnlint.syntax import tree


class Computes(StrEnum):
    """The functions that helpers of recurrent networks compute."""

    SIGMOID = "σ(x)"
    SIGMOID_SLOPE = "σ′(x)"
    SIGMOID_SLOPE_OF_OUTPUT = "x(1−x)"
    TANH = "tanh(x)"
    TANH_SLOPE = "tanh′(x)"
    TANH_SLOPE_OF_OUTPUT = "1−x²"
    RELU = "relu(x)"
    RELU_SLOPE = "relu′(x)"
    IDENTITY = "x"
    SOFTMAX = "softmax(x)"
    SOFTMAX_SLOPE = "s(1−s), s = softmax(x)"


def sigmoid(x: float) -> float:
    """1 / (1 + e⁻ˣ), for any x."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


_KNOWN: dict[Computes, Callable[[float], float]] = {
    Computes.SIGMOID: sigmoid,
    Computes.SIGMOID_SLOPE: lambda x: sigmoid(x) * (1 - sigmoid(x)),
    Computes.SIGMOID_SLOPE_OF_OUTPUT: lambda x: x * (1 - x),
    Computes.TANH: math.tanh,
    Computes.TANH_SLOPE: lambda x: 1 - math.tanh(x) ** 2,
    Computes.TANH_SLOPE_OF_OUTPUT: lambda x: 1 - x * x,
    Computes.RELU: lambda x: max(x, 0.0),
    Computes.RELU_SLOPE: lambda x: float(x > 0),
    Computes.IDENTITY: lambda x: x,
}
_SAMPLES = (-2.3, -0.7, 0.4, 0.9, 1.6)
_CLOSE = 1e-6
"""Helpers add 1e-12 or 1e-8 where they divide: nearer than this is the same function."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What a call of a helper computes from its one array: ``computes`` names it where we know it.

    ``operands`` names the parameter that is the array; ``body`` is the result as a term over the symbol
    ``x``."""

    name: str
    operands: tuple[str]
    computes: Computes | None
    body: Term

    def at(self, x: float) -> float:
        """The helper's value at ``x``. Raises :class:`ArithmeticError` or :class:`ValueError` where it has
        none."""
        known = _KNOWN.get(self.computes) if self.computes is not None else None
        if known is not None:
            return known(x)
        (value,) = _work_out(self.body, (x,))
        return value

    @property
    def is_elementwise(self) -> bool:
        """Whether each number of the result rests on one number of the array alone; softmax is not."""
        return self.computes in _KNOWN or not any(t.op is Op.SUM or t.op is Op.CALL for t in self.body.walk())


@dataclass(frozen=True, slots=True)
class Helper:
    """A function as its callers know it, with what it computes when called with one array alone."""

    name: str
    definition: Definition
    contract: Contract | None


class Helpers:
    """The contracts of a program's functions, each worked out once for each set of constant arguments."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._terms = Terms()
        self._known: dict[tuple[object, ...], Contract | None] = {}
        self.without_gates: set[int] = set()
        self.learned: dict[int, frozenset[str]] = {}

    def contract(
        self, definition: Definition, parameters: Sequence[str], given: Mapping[str, Term]
    ) -> Contract | None:
        """What the call computes, where all but one of its arguments are constants and it works on that one
        alone."""
        operands = [name for name in parameters if name in given and given[name].op is not Op.NUMBER]
        if definition.owner is not None and not definition.is_static:
            operands = operands[1:]
        if len(operands) != 1:
            return None
        constants = tuple(
            (name, given[name].data) for name in parameters if name in given and given[name].op is Op.NUMBER
        )
        asked = (id(definition.function), operands[0], constants)
        if asked not in self._known:
            self._known[asked] = None
            self._known[asked] = self._work_out_contract(definition, operands[0], dict(constants))
        return self._known[asked]

    def _work_out_contract(
        self, definition: Definition, operand: str, constants: Mapping[str, Hashable]
    ) -> Contract | None:
        from rnnlint.model.execution import Execution
        from rnnlint.model.places import TooLargeError

        given = {name: self._terms.number(value) for name, value in constants.items()}
        given[operand] = self._terms.symbol("x")
        execution = Execution(self.program, self._terms, self)
        try:
            body, _ = execution.run(definition, given)
        except TooLargeError:
            return None
        if body is None or execution.heap.loops or not all(_is_about_x(term) for term in body.walk()):
            return None
        if not body.holds(Op.SYMBOL):
            return None
        return Contract(definition.name, (operand,), _recognise(body), body)

    @cached_property
    def of_target(self) -> Mapping[str, Helper]:
        """The functions that the target file defines or imports, by the name it calls them by."""
        module = self.program.target
        names = dict.fromkeys(module.functions)
        names |= dict.fromkeys(each.bound for each in module.imports if each.name not in (None, "*"))
        for each in module.imports:
            found = self.program.imported_module(module, each) if each.name == "*" else None
            names |= dict.fromkeys(found.functions if found else ())
        found_helpers = {}
        for name in names:
            definition = self.program.function(module, name)
            if definition is not None:
                found_helpers[name] = Helper(name, definition, self._alone(definition))
        return found_helpers

    def _alone(self, definition: Definition) -> Contract | None:
        function = definition.function
        if not function.parameters or any(each.kind for each in function.parameters):
            return None
        first, *rest = function.parameters
        if any(not isinstance(each.default, tree.Constant) for each in rest):
            return None
        given = {
            each.name: self._terms.number(each.default.value)
            for each in rest
            if isinstance(each.default, tree.Constant)
        }
        given[first.name] = self._terms.symbol("x")
        return self.contract(definition, tuple(each.name for each in function.parameters), given)


def _is_about_x(term: Term) -> bool:
    if term.op is Op.SYMBOL:
        return term.data == "x"
    if term.op is Op.CALL:
        return term.data == "max"
    if term.op is Op.FILLED:
        return _fill_of(term) is not None
    return term.op in _COMPUTABLE


def _fill_of(term: Term) -> float | None:
    """What an array of zeros or ones holds."""
    kind = term.data[0] if isinstance(term.data, tuple) else ""
    return {"zeros": 0.0, "ones": 1.0}.get(kind)


_COMPUTABLE = frozenset(
    {
        Op.NUMBER,
        Op.ADD,
        Op.SUBTRACT,
        Op.MULTIPLY,
        Op.DIVIDE,
        Op.POWER,
        Op.NEGATE,
        Op.ELEMENTWISE,
        Op.APPLY,
        Op.SUM,
        Op.COMPARE,
        Op.TRANSPOSE,
    }
)


def _recognise(body: Term) -> Computes | None:
    try:
        if any(term.op is Op.SUM or term.data == "max" for term in body.walk()):
            return _recognise_softmax(_work_out(body, _SAMPLES))
        values = [_work_out(body, (x,))[0] for x in _SAMPLES]
    except (ArithmeticError, ValueError, TypeError):
        return None
    for computes, function in _KNOWN.items():
        if all(abs(value - function(x)) < _CLOSE for x, value in zip(_SAMPLES, values, strict=True)):
            return computes
    return None


def _recognise_softmax(values: tuple[float, ...]) -> Computes | None:
    total = sum(math.exp(x) for x in _SAMPLES)
    shares = [math.exp(x) / total for x in _SAMPLES]
    if all(abs(value - share) < _CLOSE for value, share in zip(values, shares, strict=True)):
        return Computes.SOFTMAX
    if all(abs(value - s * (1 - s)) < _CLOSE for value, s in zip(values, shares, strict=True)):
        return Computes.SOFTMAX_SLOPE
    return None


def _work_out(term: Term, x: tuple[float, ...]) -> tuple[float, ...]:
    """A helper's body for an array of numbers."""
    match term.op:
        case Op.NUMBER:
            if not isinstance(term.data, int | float):
                raise TypeError(f"{term.data!r} is no number")
            return (float(term.data),) * len(x)
        case Op.SYMBOL:
            return x
        case Op.FILLED:
            return (_fill_of(term) or 0.0,) * len(x)
        case Op.SUM:
            (inner,) = (_work_out(each, x) for each in term.args)
            total = sum(inner) / (len(inner) if term.data == "mean" else 1)
            return (total,) * len(x)
        case Op.CALL:
            return (max(_work_out(term.args[0], x)),) * len(x)
        case Op.APPLY:
            contract = term.data
            if not isinstance(contract, Contract):
                raise TypeError("a helper without a contract")
            return _work_out(contract.body, _work_out(term.args[0], x))
        case Op.TRANSPOSE:
            return _work_out(term.args[0], x)
    columns = [_work_out(each, x) for each in term.args]
    return tuple(on_numbers(term, row) for row in zip(*columns, strict=True))


def on_numbers(term: Term, operands: Sequence[float]) -> float:
    """An elementwise operation on one number an argument.

    Raises :class:`ArithmeticError` or :class:`ValueError` where it has no value, :class:`LookupError` where
    the operation is none of those."""
    match term.op, tuple(operands):
        case Op.ADD, (a, b):
            return a + b
        case Op.SUBTRACT, (a, b):
            return a - b
        case Op.MULTIPLY, (a, b):
            return a * b
        case Op.DIVIDE, (a, b):
            return a / b
        case Op.POWER, (a, b):
            power = a**b
            if isinstance(power, complex):
                raise TypeError("a root of a negative number")
            return float(power)
        case Op.NEGATE, (a,):
            return -a
        case Op.COMPARE, (a, b):
            return float(_ORDER[str(term.data)](a, b))
        case Op.ELEMENTWISE, values:
            return float(vocabulary.ELEMENTWISE[str(term.data)](*values))
    raise LookupError(term.op)


_ORDER: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
