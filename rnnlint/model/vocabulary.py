"""NumPy's words as terms: which functions pass a value on, which work element by element, which multiply
matrices."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from rnnlint.model import contractions
from rnnlint.model.terms import Op, Term, Terms, replace_origin
from rnnlint.syntax import tree

PASSES = frozenset(
    "copy array asarray asanyarray ascontiguousarray atleast_1d atleast_2d squeeze reshape ravel "
    "float64 float32 "
    "expand_dims nan_to_num real asfarray broadcast_to".split()
)
"""Functions whose result is their first argument, for all that a derivative can tell."""
METHOD_PASSES = frozenset("copy reshape ravel flatten squeeze astype view tolist".split())
REARRANGEMENTS = frozenset("appendleft extend extendleft popleft remove reverse rotate sort".split())
"""Methods after which the entries of a list or a deque stand at other indices than those they were put at."""
LIST_CHANGES = REARRANGEMENTS | {"pop", "clear"}
BUILT_IN_PASSES = frozenset("list tuple float dict".split())
HARMLESS = frozenset(
    "print len range int str format isinstance zip enumerate reversed max min abs sum".split()
)
STANDARD_HELPERS = {"sigmoid": "special.expit", "logistic": "special.expit", "tanh": "tanh"}
"""Helpers that mean one thing wherever they are defined, and NumPy's or SciPy's name of it."""
STACKS = frozenset("concatenate hstack vstack row_stack column_stack stack r_ c_ append".split())
FILLS = {
    "zeros": "zeros",
    "zeros_like": "zeros",
    "ones": "ones",
    "ones_like": "ones",
    "empty": "empty",
    "empty_like": "empty",
    "full": "full",
    "eye": "eye",
}
BINARY = {
    "add": Op.ADD,
    "subtract": Op.SUBTRACT,
    "multiply": Op.MULTIPLY,
    "divide": Op.DIVIDE,
    "true_divide": Op.DIVIDE,
    "power": Op.POWER,
    "dot": Op.PRODUCT,
    "matmul": Op.PRODUCT,
    "outer": Op.PRODUCT,
    "inner": Op.PRODUCT,
}


def _where(condition: float, then: float, otherwise: float) -> float:
    return then if condition else otherwise


ELEMENTWISE: dict[str, Callable[..., float]] = {
    "exp": math.exp,
    "tanh": math.tanh,
    "log": math.log,
    "log1p": math.log1p,
    "expm1": math.expm1,
    "sqrt": math.sqrt,
    "abs": abs,
    "absolute": abs,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "sin": math.sin,
    "cos": math.cos,
    "arctan": math.atan,
    "maximum": max,
    "minimum": min,
    "square": lambda x: x * x,
    "sign": lambda x: float((x > 0) - (x < 0)),
    "reciprocal": lambda x: 1 / x,
    "where": _where,
    "clip": lambda x, low, high: min(max(x, low), high),
    "special.expit": lambda x: 1 / (1 + math.exp(-x)),
    "logaddexp": lambda x, y: math.log(math.exp(x) + math.exp(y)),
    "heaviside": lambda x, middle: float(x > 0) if x else middle,
}
"""NumPy's elementwise functions on one number."""


def array_term(
    terms: Terms,
    name: str,
    arguments: tuple[Term, ...],
    named: Mapping[str, tree.Expression],
    node: tree.Call,
) -> Term:
    """What a call of NumPy's ``name`` gives."""
    match name, arguments:
        case _, (first, *_) if name in PASSES:
            return replace_origin(first, first.origin or node)
        case _, (left, right, *_) if name in BINARY:
            return terms.make(BINARY[name], left, right, origin=node)
        case "negative", (operand,):
            return terms.make(Op.NEGATE, operand, origin=node)
        case "transpose", (operand, *_):
            return terms.make(Op.TRANSPOSE, operand, origin=node)
        case (("sum" | "mean"), (operand, *_)):
            return terms.make(Op.SUM, operand, data=name, origin=node)
        case (("max" | "amax"), (operand, *_)):
            return terms.make(Op.CALL, operand, data="max", origin=node)
        case "einsum", (Term(op=Op.NUMBER, data=str() as subscripts), *operands):
            found = contractions.einsum(terms, subscripts, tuple(operands), node)
            return found or terms.make(Op.CALL, *operands, data="np.einsum", origin=node)
        case "tensordot", (left, right, *axes):
            found = contractions.tensordot(terms, left, right, axes[0] if axes else None, node)
            return found or terms.make(Op.CALL, left, right, data="np.tensordot", origin=node)
        case _, (first, *_) if name in STACKS:
            pieces = first.args if first.op is Op.TUPLE else arguments
            return terms.make(Op.STACK, *pieces, data=name, origin=node)
        case _, _ if name in FILLS:
            return terms.fresh(Op.FILLED, *arguments, kind=FILLS[name], origin=node)
        case _, (Term(op=Op.STACK) as stack, *rest) if name in ELEMENTWISE and _are_numbers(rest):
            changed = (array_term(terms, name, (each, *rest), named, node) for each in stack.args)
            return terms.make(Op.STACK, *changed, data=stack.data, origin=node)
        case _, _ if name in ELEMENTWISE and arguments:
            return terms.make(Op.ELEMENTWISE, *arguments, data=name, origin=node)
        case _, _ if name.startswith("random."):
            return terms.fresh(Op.FILLED, *arguments, kind="random", origin=node)
        case (("split" | "array_split" | "hsplit" | "vsplit"), (operand, *_)):
            return terms.make(Op.CALL, operand, data="split", origin=node)
    return terms.make(Op.CALL, *arguments, data=f"np.{name}", origin=node)


def _are_numbers(terms: Sequence[Term]) -> bool:
    return all(
        each.op is Op.NUMBER or (each.op is Op.NEGATE and each.args[0].op is Op.NUMBER) for each in terms
    )
