"""``np.einsum`` and ``np.tensordot`` as the matrix products, sums and elementwise products that they are.

A contraction of two arrays is the product ``A @ B`` with those of the two turned that do not have the summed
axes at their inner side. Axes that stand beside each other and are summed together count as one.
"""

from __future__ import annotations

from rnnlint.model.terms import Op, Term, Terms
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class _Subscripts:
    """The letters of each operand and of the result."""

    operands: tuple[str, ...]
    result: str


def einsum(terms: Terms, subscripts: str, operands: tuple[Term, ...], node: tree.Call) -> Term | None:
    """What ``np.einsum`` computes, where one product says it; None for any other contraction."""
    parsed = _parsed(subscripts)
    if parsed is None or len(parsed.operands) != len(operands):
        return None
    if len(operands) == 1:
        return _of_one(terms, parsed, operands[0], node)
    return _of_two(terms, parsed, operands, node) if len(operands) == 2 else None


def tensordot(terms: Terms, left: Term, right: Term, axes: Term | None, node: tree.Call) -> Term | None:
    """What ``np.tensordot`` computes, where the axes are written out and are all first or all last."""
    if axes is None or axes.op is Op.NUMBER:
        return terms.make(Op.PRODUCT, left, right, origin=node)
    sides = axes.args if axes.op is Op.TUPLE and len(axes.args) == 2 else ()
    first = [_from_the_front(side) for side in sides]
    if len(first) != 2 or None in first:
        return None
    inner_left = terms.make(Op.TRANSPOSE, left, origin=left.origin) if first[0] else left
    inner_right = right if first[1] else terms.make(Op.TRANSPOSE, right, origin=right.origin)
    return terms.make(Op.PRODUCT, inner_left, inner_right, origin=node)


def _from_the_front(axes: Term) -> bool | None:
    """Whether the summed axes are an array's first ones (else its last); None where that is not seen.

    The axis 1 alone is the last one of a matrix.
    """
    numbers = [each.data for each in (axes.args if axes.op is Op.TUPLE else (axes,))]
    if numbers == list(range(len(numbers))):
        return True
    return False if numbers in ([1], [2]) else None


def _parsed(subscripts: str) -> _Subscripts | None:
    """The letters, without those of an ellipsis; None where the result is not written out."""
    left, arrow, result = subscripts.replace(" ", "").replace("...", "").partition("->")
    operands = tuple(left.split(","))
    plain = all(len(set(each)) == len(each) for each in operands)
    return _Subscripts(operands, result) if arrow and plain else None


def _of_one(terms: Terms, parsed: _Subscripts, operand: Term, node: tree.Call) -> Term | None:
    (letters,) = parsed.operands
    if len(parsed.result) < len(letters):
        return terms.make(Op.SUM, operand, data="sum", origin=node)
    if parsed.result == letters:
        return operand
    return terms.make(Op.TRANSPOSE, operand, origin=node) if parsed.result == letters[::-1] else None


def _of_two(terms: Terms, parsed: _Subscripts, operands: tuple[Term, ...], node: tree.Call) -> Term | None:
    (first, second), result = parsed.operands, parsed.result
    shared = [letter for letter in first if letter in second]
    summed = [letter for letter in shared if letter not in result]
    if len(summed) != len(shared):
        alike = not summed and first == second == result
        return terms.make(Op.MULTIPLY, *operands, origin=node) if alike else None
    left, right = operands
    free = [letter for letter in first if letter not in shared], [c for c in second if c not in shared]
    if summed:
        ends = _inner_side(first, summed), _inner_side(second, summed)
        if None in ends:
            return None
        left = left if ends[0] == "last" else terms.make(Op.TRANSPOSE, left, origin=left.origin)
        right = right if ends[1] == "first" else terms.make(Op.TRANSPOSE, right, origin=right.origin)
    product = terms.make(Op.PRODUCT, left, right, origin=node)
    if list(result) == free[0] + free[1]:
        return product
    return terms.make(Op.TRANSPOSE, product, origin=node) if list(result) == free[1] + free[0] else None


def _inner_side(letters: str, summed: list[str]) -> str | None:
    """Whether the summed axes of an operand are its first or its last ones; all of a vector's are both."""
    count = len(summed)
    if set(letters[-count:]) == set(summed) and set(letters[:count]) != set(summed):
        return "last"
    return "first" if set(letters[:count]) == set(summed) else None
