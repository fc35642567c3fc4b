"""What a subscript says where it is written out: a key, a slice of a tuple, the place of a bound."""

from __future__ import annotations

from rnnlint.model.steps import affine
from rnnlint.model.terms import Term
from rnnlint.syntax import tree

_UNIT = 1000


def literal_key(indices: tuple[tree.Expression, ...]) -> str | int | None:
    """The one index, where it is a word or a whole number that is written out."""
    match indices:
        case (tree.Constant(value=str() as key),):
            return key
        case (tree.Constant(value=bool()),):
            return None
        case (tree.Constant(value=int() as number),):
            return number
    return None


def literal_slice(indices: tuple[tree.Expression, ...]) -> slice | None:
    """``[:3]`` of a tuple, where its bounds are written out."""
    match indices:
        case (tree.Slice(lower=lower, upper=upper, step=None),):
            bounds = [each.value if isinstance(each, tree.Constant) else each for each in (lower, upper)]
            if all(isinstance(each, int | None) for each in bounds):
                return slice(*bounds)
    return None


def position_of(bound: Term | None) -> int | None:
    """Where a bound of a slice lies; an open one and a bound that is no sum of sizes have none."""
    form = affine(bound) if bound is not None else None
    return form.constant + _UNIT * sum(form.coefficients.values()) if form else None
