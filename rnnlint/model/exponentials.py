"""Formulas written with exp: softmax, the sigmoid and tanh as people spell them out."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.code_blocks import CodeBlock, method_called, place_of
from rnnlint.records import dataclass
from rnnlint.syntax import tree

_BOUNDING = frozenset({"max", "amax", "maximum", "nanmax", "clip", "minimum", "fmax", "fmin", "abs", "where"})


@dataclass(frozen=True, slots=True)
class Fraction:
    """A division in which exp stands, with the calls of exp that it is made of.

    ``exponents`` are what those calls raise e to; ``division`` is where it is divided, ``divisor`` by what.
    """

    block: CodeBlock
    division: tree.Expression
    calls: tuple[tree.Call, ...]

    @property
    def divisor(self) -> tree.Expression | None:
        """What stands below the bar, None where it is a power."""
        return self.division.right if isinstance(self.division, tree.Binary) else None

    @property
    def exponents(self) -> tuple[tree.Expression, ...]:
        """The arguments of the calls."""
        return tuple(call.arguments[0] for call in self.calls)

    @property
    def is_bounded(self) -> bool:
        """Whether what is raised was shifted by its maximum, clipped, or chosen by a condition before."""
        return any(_is_bounded(self.block, each, depth=3) for each in self.exponents)

    @property
    def is_written_in_place(self) -> bool:
        """Whether every exp stands in the division itself, not in a variable before it."""
        inside = list(self.division.walk())
        return all(any(node is call for node in inside) for call in self.calls)


def softmax_fractions(block: CodeBlock) -> Iterator[Fraction]:
    """``exp(x) / sum(exp(x))``, through variables too."""
    for division in _divisions(block):
        above = exponential(block, division.left)
        summed = _summed(block, division.right)
        below = exponential(block, summed) if summed else None
        if above and below and above.arguments[0] == below.arguments[0]:
            yield Fraction(block, division, (above,) if above is below else (above, below))


def sigmoid_fractions(block: CodeBlock) -> Iterator[Fraction]:
    """``1 / (1 + exp(u))``, the sigmoid where u is −x, under a bar or to the power of −1."""
    for node in block.of_kind(tree.Expression):
        match _inverted(block, node):
            case tree.Binary(operator="+", left=first, right=second):
                below = _beside_one(block, first, second)
                if below:
                    yield Fraction(block, node, (below,))


def exploding_sigmoids(block: CodeBlock) -> Iterator[Fraction]:
    """``exp(x) / (1 + exp(x))``: the sigmoid, and inf / inf for large x."""
    for division in _divisions(block):
        above, under = exponential(block, division.left), _resolved(block, division.right)
        match under:
            case tree.Binary(operator="+", left=first, right=second):
                below = _beside_one(block, first, second)
                if above and below and above.arguments[0] == below.arguments[0]:
                    yield Fraction(block, division, (above,) if above is below else (above, below))


def _inverted(block: CodeBlock, node: tree.Expression) -> tree.Expression | None:
    """``u`` of ``1 / u``, ``u ** -1``, ``np.power(u, -1)`` and ``np.reciprocal(u)``."""
    match node:
        case tree.Binary(operator="/", left=tree.Constant(value=1), right=under):
            return under
        case tree.Binary(operator="**", left=under, right=exponent) if _is_minus_one(exponent):
            return under
        case tree.Call(arguments=(under, exponent)) if block.called(node) == "power" and _is_minus_one(
            exponent
        ):
            return under
        case tree.Call(arguments=(under,)) if block.called(node) == "reciprocal":
            return under
    return None


def _is_minus_one(exponent: tree.Expression) -> bool:
    match exponent:
        case tree.Unary(operator="-", operand=tree.Constant(value=1)) | tree.Constant(value=-1):
            return True
    return False


def tanh_fractions(block: CodeBlock) -> Iterator[Fraction]:
    """``(e^x − e^−x) / (e^x + e^−x)``, or one side divided through: ``(1 − e^−2x) / (1 + e^−2x)``."""
    for division in _divisions(block):
        above, below = _resolved(block, division.left), _resolved(block, division.right)
        match above, below:
            case tree.Binary(operator="-", left=a, right=b), tree.Binary(operator="+", left=c, right=d):
                sides = [exponential(block, each) for each in (a, b, c, d)]
                same = {_spoken(sides[0], a), _spoken(sides[1], b)} == {
                    _spoken(sides[2], c),
                    _spoken(sides[3], d),
                }
                if any(sides) and same:
                    yield Fraction(block, division, tuple(call for call in sides if call))


def exponential(block: CodeBlock, expression: tree.Expression) -> tree.Call | None:
    """The call of exp whose value ``expression`` is, directly or as a variable's only value."""
    if isinstance(expression, tree.Call) and block.called(expression) == "exp" and expression.arguments:
        return expression
    resolved = _resolved(block, expression)
    return exponential(block, resolved) if resolved is not expression else None


def _divisions(block: CodeBlock) -> Iterator[tree.Binary]:
    for node in block.of_kind(tree.Binary):
        if node.operator == "/":
            yield node


def _resolved(block: CodeBlock, expression: tree.Expression) -> tree.Expression:
    """A variable's value, where it has exactly one in this block; anything else as it is."""
    if not isinstance(expression, tree.Name):
        return expression
    values = block.values_of(expression)
    return values[0] if len(values) == 1 and values[0] is not expression else expression


def _summed(block: CodeBlock, expression: tree.Expression) -> tree.Expression | None:
    """What a sum adds up: ``x`` of ``np.sum(x)``, ``sum(x)``, ``x.sum()``, and of a variable holding one."""
    expression = _resolved(block, expression)
    method = method_called(expression)
    match expression:
        case tree.Call(function=tree.Name(id="sum"), arguments=(summed,)):
            return summed
        case tree.Call(arguments=(summed, *_)) if block.called(expression) == "sum":
            return summed
    return method[1] if method and method[0] == "sum" else None


def _beside_one(block: CodeBlock, first: tree.Expression, second: tree.Expression) -> tree.Call | None:
    for one, other in ((first, second), (second, first)):
        if isinstance(one, tree.Constant) and one.value == 1:
            return exponential(block, other)
    return None


def _spoken(call: tree.Call | None, expression: tree.Expression) -> tree.Expression:
    return call.arguments[0] if call else expression


def _is_bounded(block: CodeBlock, expression: tree.Expression, depth: int) -> bool:
    for node in expression.walk():
        name = block.called(node)
        method = method_called(node)
        builtin = (
            isinstance(node, tree.Call) and isinstance(node.function, tree.Name) and node.function.id == "max"
        )
        if builtin or name in _BOUNDING or (method and method[0] in _BOUNDING):
            return True
        if isinstance(node, tree.Conditional):
            return True
    if depth == 0:
        return False
    read = [node for node in expression.walk() if isinstance(node, tree.Name | tree.Attribute)]
    return any(
        value is not expression and _is_bounded(block, value, depth - 1)
        for node in read
        if place_of(node)
        for value in block.values_of(node)
    )
