"""What flows back: which terms hold an adjoint, and an adjoint as a sum of products."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.forward import ForwardPass
from rnnlint.model.sequences import Timeline
from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass

MOST_MONOMIALS = 64


@dataclass(frozen=True, slots=True)
class Monomial:
    """One product of a backward pass: an adjoint ``root`` times factors that the forward pass knows."""

    root: Term
    factors: tuple[Term, ...]
    sign: int = 1


class Adjoints:
    """The adjoints of one backward pass, seen from its forward pass."""

    def __init__(self, forward: ForwardPass, timeline: Timeline) -> None:
        self.forward, self.timeline = forward, timeline
        self._adjoint: dict[int, bool] = {}
        self._products: dict[int, tuple[Term, tuple[Term, ...]]] = {}
        self._sums: dict[int, tuple[Term, tuple[Monomial, ...] | None]] = {}
        self._opened: set[int] = set()
        self._units = {gate.value.key for gate in forward.gates} | {state.key for state in forward.states}
        self._aliases = {gate.preactivation.key: gate.value.key for gate in forward.gates}

    def is_adjoint(self, term: Term) -> bool:
        """Whether something that flows back is in ``term``: a carry, a cotangent, a product with a weight."""
        if term.key not in self._adjoint:
            self._adjoint[term.key] = self._flows_back(term)
        return self._adjoint[term.key]

    def _flows_back(self, term: Term) -> bool:
        if self.timeline.at(term) is not None or term.key in self._units or term.key in self._aliases:
            return False
        if term.key in self.timeline.sequences or (term.op is Op.RECALL and self.timeline.sequence_of(term)):
            return False
        if term.op is Op.CARRIED and isinstance(term.data, tuple):
            return term.data[0] not in self.timeline.forward_loops
        if term.op is Op.LAST and term.data in self.timeline.forward_loops:
            return False
        if term.op in (Op.FILLED, Op.RECALL):
            return True
        if term.op is Op.CHOICE and term.data is not None:
            return self.is_adjoint(term.args[1 if term.data else 2])
        if term.op is Op.SYMBOL:
            return is_cotangent_name(str(term.data))
        return any(self.is_adjoint(each) for each in term.args)

    def products_in(self, term: Term) -> tuple[Term, ...]:
        """The matrix products in ``term`` that are none of a loop of the forward pass."""
        if id(term) not in self._products:  # equal terms may come from different places
            self._products[id(term)] = (term, tuple(self._find_products(term)))
        return self._products[id(term)][1]

    def _find_products(self, term: Term) -> Iterator[Term]:
        seen: set[int] = set()
        ahead = [term]
        while ahead:
            each = ahead.pop()
            if each.key in seen or (each.op is Op.LAST and each.data in self.timeline.forward_loops):
                continue
            seen.add(each.key)
            if each.op is Op.PRODUCT:
                yield each
            ahead.extend(each.args)

    def monomials(self, delta: Term) -> tuple[Monomial, ...] | None:
        """A δ as a sum of products; None where it is none (a nonlinear function of an adjoint, too large)."""
        if id(delta) not in self._sums:
            self._sums[id(delta)] = (delta, self._sum_of_products(delta))
        return self._sums[id(delta)][1]

    def _sum_of_products(self, delta: Term) -> tuple[Monomial, ...] | None:
        try:
            found = tuple(self._without_carried_factor(each) for each in self._expand(delta))
        except _NotLinearError:
            return None
        return found if len(found) <= MOST_MONOMIALS else None

    def _expand(self, term: Term) -> Iterator[Monomial]:
        if not self.is_adjoint(term):
            return
        match term.op, term.args:
            case ((Op.ADD | Op.SUBTRACT), (left, right)):
                yield from self._expand(left)
                for each in self._expand(right):
                    sign = -each.sign if term.op is Op.SUBTRACT else each.sign
                    yield Monomial(each.root, each.factors, sign)
            case Op.NEGATE, (operand,):
                yield from (Monomial(each.root, each.factors, -each.sign) for each in self._expand(operand))
            case Op.MULTIPLY, (left, right):
                if self.is_adjoint(left) and self.is_adjoint(right):
                    raise _NotLinearError
                flowing, factor = (left, right) if self.is_adjoint(left) else (right, left)
                for each in self._expand(flowing):
                    yield Monomial(each.root, (*each.factors, *factors_in(factor)), each.sign)
            case Op.DIVIDE, (left, right) if not self.is_adjoint(right):
                counts = right.op is Op.NUMBER or self._is_of_forward(right)
                by = (self._inverse(right),) if counts else ()
                yield from (Monomial(m.root, (*m.factors, *by), m.sign) for m in self._expand(left))
            case ((Op.TRANSPOSE | Op.SUM), (operand,)):
                yield from self._expand(operand)
            case Op.CHOICE, (_, then, otherwise) if term.data is not None:
                yield from self._expand(then if term.data else otherwise)
            case ((Op.CHOICE | Op.APPLY | Op.ELEMENTWISE | Op.POWER | Op.DIVIDE | Op.STACK), _):
                raise _NotLinearError
            case Op.PRODUCT, _ if self.forward.weighted_of(term) is None:
                raise _NotLinearError  # by no weight: np.diag(1 - h * h) @ dh is an elementwise product
            case Op.CALL, args if any(self._has_factors(each) for each in args):
                raise _NotLinearError  # what it makes of an adjoint with its factors is not seen
            case Op.RECALL, _ if (kept := self._kept(term)) is not None:
                self._opened.add(term.key)
                try:
                    yield from self._expand(kept)
                finally:
                    self._opened.discard(term.key)
            case _:
                yield Monomial(term, ())

    def _is_of_forward(self, term: Term) -> bool:
        """Whether a value of the forward pass is in a term, and not only a size or a number."""
        known = self._units | set(self._aliases)
        return any(each.key in known or self.timeline.at(each) is not None for each in term.walk())

    def _inverse(self, term: Term) -> Term:
        terms = self.forward.terms
        if term.op is Op.NUMBER and isinstance(term.data, int | float) and term.data:
            return terms.number(1 / term.data, term.origin)
        return terms.make(Op.DIVIDE, terms.number(1), term, origin=term.origin)

    def _kept(self, recall: Term) -> Term | None:
        """What another loop of the backward pass put where one reads; None inside what is read so."""
        return self.timeline.kept_by_another_loop(recall) if recall.key not in self._opened else None

    def _has_factors(self, term: Term) -> bool:
        if not self.is_adjoint(term):
            return False
        monomials = self.monomials(term)
        return monomials is None or any(each.factors for each in monomials)

    def _without_carried_factor(self, monomial: Monomial) -> Monomial:
        """dC_{t+1} ⊙ f_{t+1} may be carried as dC alone: a later step's values belong to the carry."""
        if monomial.root.op is not Op.CARRIED:
            return monomial
        factors = tuple(
            each
            for each in monomial.factors
            if not ((at := self.timeline.at(each)) is not None and at.steps > 0)
        )
        return Monomial(monomial.root, factors, monomial.sign)


class _NotLinearError(Exception):
    """An adjoint stands where a sum of products cannot hold it."""


_COTANGENTS = ("d", "D")


def is_cotangent_name(name: str) -> bool:
    """Whether a name says gradient, error or difference: ``dh_next``, ``self.delta``, ``grad_out``."""
    last = name.replace("]", "").replace("'", "").rpartition(".")[2].rpartition("[")[2]
    lowered = last.lower()
    if lowered.startswith(_COTANGENTS) and not lowered.startswith(
        ("dim", "data", "dict", "drop", "dt_", "dtype", "den")
    ):
        return True
    return any(
        word in lowered for word in ("grad", "delta", "err", "_d", "target", "label", "upstream", "next")
    )


def factors_in(term: Term) -> tuple[Term, ...]:
    """What is multiplied element by element in ``term``."""
    if term.op is Op.CHOICE and term.data is not None:
        return factors_in(term.args[1 if term.data else 2])
    if term.op is Op.MULTIPLY:
        return (*factors_in(term.args[0]), *factors_in(term.args[1]))
    return (term,)
