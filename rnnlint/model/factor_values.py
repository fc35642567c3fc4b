"""Factors as numbers: each worked out at random points, with the values of the forward pass at theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnlint.model.activations import activation_of
from rnnlint.model.adjoints import Adjoints, Monomial
from rnnlint.model.forward import Factor, ForwardPass
from rnnlint.model.numbers import SEEDS, Numbers, UncomputableError, equal
from rnnlint.model.sequences import At, Timeline
from rnnlint.model.slopes import activation_kind, slope
from rnnlint.model.terms import Op, Term


class FactorValues(Adjoints):
    """Works factors out, those of the backward pass and those that the forward pass asks for."""

    def __init__(self, forward: ForwardPass, timeline: Timeline) -> None:
        super().__init__(forward, timeline)
        self._resolved: dict[int, Term] = {}
        self._families: dict[int, frozenset[int]] = {}
        self._beneath: dict[int, frozenset[int]] = {}
        self._products_of: dict[int, tuple[Monomial, list[float]]] = {}
        states = self._units | set(self._aliases)
        self.points = [Numbers(timeline, seed, states=states) for seed in SEEDS]
        self.timeless = [Numbers(timeline, seed, timeless=True, states=states) for seed in SEEDS]

    def _observed(self, monomials: Sequence[Monomial]) -> list[float]:
        """The sum of the products, at each point."""
        observed = [0.0] * len(self.points)
        for monomial in monomials:
            for point, value in enumerate(self._values_of(monomial)):
                observed[point] += value
        return observed

    def _values_of(self, monomial: Monomial) -> list[float]:
        """One product, at each point."""
        if id(monomial) not in self._products_of:
            values = [monomial.sign * self._product(numbers, monomial.factors) for numbers in self.points]
            self._products_of[id(monomial)] = (monomial, values)
        return self._products_of[id(monomial)][1]

    def _product(self, numbers: Numbers, factors: Sequence[Term]) -> float:
        product = 1.0
        for factor in factors:
            if factor.op is Op.NUMBER or self.family(factor):
                product *= numbers.value(factor)
        return product

    def _observed_with(self, monomials: Sequence[Monomial], moved: Sequence[tuple[Term, At]]) -> list[float]:
        """As :meth:`_observed`, had each of these reads been the value beside it, at the step beside it."""
        observed = []
        for numbers in self.points:
            given = numbers
            for read, at in moved:
                given = given.with_given(read, numbers.at_step(at.value, at.steps))
            total = 0.0
            for monomial in monomials:
                product = float(monomial.sign)
                for factor in monomial.factors:
                    beneath = self._terms_beneath(factor)
                    point = given if any(read.key in beneath for read, _ in moved) else numbers
                    product *= self._product(point, (factor,))
                total += product
            observed.append(total)
        return observed

    def _terms_beneath(self, term: Term) -> frozenset[int]:
        """The keys of all terms whose numbers the number of ``term`` may rest on."""
        if term.key not in self._beneath:
            found: set[int] = set()
            ahead = [term]
            while ahead:
                each = ahead.pop()
                if each.key not in found:
                    found.add(each.key)
                    at = self.timeline.at(each)
                    ahead += each.args if at is None else (*each.args, at.value)
            self._beneath[term.key] = frozenset(found)
        return self._beneath[term.key]

    def _product_of_path(self, numbers: Numbers, path: Sequence[Factor]) -> float:
        product = 1.0
        for factor in path:
            product *= self.number_of(numbers, factor)
        return product

    def number_of(self, numbers: Numbers, factor: Factor) -> float:
        """An expected factor's number: a value's own, or the slope of its nonlinearity there."""
        at = numbers.value(factor.value)
        if factor.slope_of is None:
            return at
        return slope(activation_kind(factor.slope_of), at)

    def family(self, term: Term) -> frozenset[int]:
        """The forward values that a factor rests on, whatever their step."""
        if term.key not in self._families:
            self._families[term.key] = self._family(self.resolved(term))
        return self._families[term.key]

    def _family(self, term: Term) -> frozenset[int]:
        if term.key in self._aliases:
            return frozenset({self._aliases[term.key]})
        if term.key in self._units and not _is_wrapped_state(term, self._units):
            return frozenset({term.key})
        at = self.timeline.at(term)
        if at is not None and at.value.key in self._units:
            return frozenset({at.value.key})
        return frozenset().union(*(self._family(each) for each in term.args)) if term.args else frozenset()

    def resolved(self, term: Term) -> Term:
        """``term`` with every read of a sequence replaced by what was stored there, whatever the step."""
        if term.key not in self._resolved:
            at = self.timeline.at(term)
            if term.key in self._units or term.key in self._aliases:
                found = term
            elif at is not None:
                found = at.value
            else:
                args = tuple(self.resolved(each) for each in term.args)
                same = all(a is b for a, b in zip(args, term.args, strict=True))
                found = term if same else self.forward.terms.make(term.op, *args, data=term.data)
            self._resolved[term.key] = found
        return self._resolved[term.key]

    def reads(self, term: Term) -> Iterator[tuple[Term, int]]:
        """The reads of kept values in ``term``, the outermost ones, each with the step it points to."""
        at = self.timeline.at(term)
        if at is not None and term.op in (Op.RECALL, Op.PART):
            yield term, at.steps
            return
        for each in term.args:
            yield from self.reads(each)

    def same_value(self, first: Term, second: Term, *, timeless: bool = False) -> bool:
        """Whether two terms have the same number at every random point."""
        points = self.timeless if timeless else self.points
        try:
            return equal([(numbers.value(first), numbers.value(second)) for numbers in points])
        except UncomputableError:
            return False


def _is_wrapped_state(term: Term, units: set[int]) -> bool:
    """Whether a stored value is only φ of a state: tanh(C) kept beside C is C's."""
    applied = activation_of(term)
    return applied is not None and applied[1].key in units
