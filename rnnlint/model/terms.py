"""Values as terms: what a variable holds, as an expression over what the program was given.

A term remembers the source expression it came from (``origin``), which is no part of what it says: two terms
are equal where they say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from enum import StrEnum

from rnnlint.records import dataclass, field
from rnnlint.syntax import tree


class Op(StrEnum):
    """How a term is made of its arguments."""

    NUMBER = "number"  # data: the number, or any other literal
    SYMBOL = "symbol"  # data: the name of something given: a parameter, a global, an attribute
    ADD = "add"
    SUBTRACT = "subtract"
    MULTIPLY = "multiply"
    DIVIDE = "divide"
    POWER = "power"
    NEGATE = "negate"
    ELEMENTWISE = "elementwise"  # data: NumPy's name of it (exp, maximum)
    APPLY = "apply"  # a helper of the project on one array; data: its contract
    PRODUCT = "product"  # a matrix product, inner or outer
    TRANSPOSE = "transpose"
    SUM = "sum"
    STACK = "stack"  # concatenated; data: NumPy's name of it
    PART = "part"  # a slice or an unpacked element; data: which
    RECALL = "recall"  # args: a sequence and an index
    SEQUENCE = "sequence"  # a list, dict or array that is filled; data: its number
    TUPLE = "tuple"
    CARRIED = "carried"  # what a variable holds when a loop's step begins; data: (loop, place)
    LAST = "last"  # what a loop left behind; data: the loop
    CHOICE = "choice"  # args: condition, then, otherwise; data: which one a step in the middle takes
    FILLED = "filled"  # an array of one value; data: (zeros, ones, random or empty; its number)
    CALL = "call"  # anything else; data: its name
    COMPARE = "compare"  # data: the operator


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """``op`` of ``args``; ``key`` is equal for terms that say the same."""

    op: Op
    args: tuple[Term, ...]
    data: Hashable
    key: int
    origin: tree.Expression | None = field(default=None, repr=False)
    depth: int = field(default=1, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Term) and self.key == other.key

    def __hash__(self) -> int:
        return self.key

    def walk(self) -> Iterator[Term]:
        """This term and those in it, each once."""
        seen: set[int] = set()
        ahead = [self]
        while ahead:
            term = ahead.pop()
            if term.key not in seen:
                seen.add(term.key)
                yield term
                ahead.extend(term.args)

    def has(self, wanted: Callable[[Term], bool], without: set[int], *, not_in: Op | None = None) -> bool:
        """Whether ``wanted`` holds for this term or one in it, but not inside an operation ``not_in``.

        ``without`` collects the keys of terms that hold none, so that several questions look at each once.
        """
        seen: set[int] = set()
        ahead = [self]
        while ahead:
            term = ahead.pop()
            if term.key not in seen and term.key not in without:
                if wanted(term):
                    return True
                seen.add(term.key)
                if term.op is not not_in:
                    ahead.extend(term.args)
        without |= seen
        return False

    def holds(self, *ops: Op) -> bool:
        """Whether any of these operations is in it."""
        return any(term.op in ops for term in self.walk())

    @property
    def name(self) -> str:
        """The last word of a symbol's name: ``W_f`` of ``self.params['W_f']``."""
        return str(self.data).rpartition(".")[2].rpartition("[")[2].strip("]'\"") if self.data else ""


class Terms:
    """Makes terms and gives equal ones an equal key."""

    def __init__(self) -> None:
        self._keys: dict[Hashable, int] = {}
        self._fresh = 0

    def make(self, op: Op, *args: Term, data: Hashable = None, origin: tree.Expression | None = None) -> Term:
        """The term ``op(*args)``."""
        said = (op, type(data), data, tuple([each.key for each in args]))
        key = self._keys.setdefault(said, len(self._keys))
        depth = 0
        for each in args:
            if each.depth > depth:
                depth = each.depth
        return Term(op, args, data, key, origin, depth + 1)

    def number(self, value: Hashable, origin: tree.Expression | None = None) -> Term:
        """A literal."""
        return self.make(Op.NUMBER, data=value, origin=origin)

    def symbol(self, name: str, origin: tree.Expression | None = None) -> Term:
        """Something given under a name."""
        return self.make(Op.SYMBOL, data=name, origin=origin)

    def fresh(self, op: Op, *args: Term, kind: str, origin: tree.Expression | None = None) -> Term:
        """A term equal to no other: a new list, an array of zeros."""
        self._fresh += 1
        return self.make(op, *args, data=(kind, self._fresh), origin=origin)


def walk_all(roots: Iterable[Term]) -> Iterator[Term]:
    """These terms and those in them, each once, in the order in which :meth:`Term.walk` meets them."""
    seen: set[int] = set()
    for root in roots:
        ahead = [root]
        while ahead:
            term = ahead.pop()
            if term.key not in seen:
                seen.add(term.key)
                yield term
                ahead.extend(term.args)


def replace_origin(term: Term, origin: tree.Expression) -> Term:
    """The same value, read at another place."""
    return Term(term.op, term.args, term.data, term.key, origin, term.depth)


def plain(term: Term) -> Term:
    """Without a transpose, a sum over an axis or a sign."""
    while term.op in (Op.TRANSPOSE, Op.SUM, Op.NEGATE):
        term = term.args[0]
    return term


def whole(term: Term) -> Term:
    """What a slice is of."""
    while term.op is Op.PART:
        term = term.args[0]
    return term
