"""Which factor of a wrong product is at fault, seen from the path of the forward pass that is nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from rnnlint.model.adjoints import Monomial
from rnnlint.model.discrepancies import Discrepancy, Wrong
from rnnlint.model.factor_values import FactorValues
from rnnlint.model.forward import Factor, Gate
from rnnlint.model.numbers import Numbers, UncomputableError, proportional
from rnnlint.model.slopes import activation_kind, slope, slope_of_output, value_of
from rnnlint.model.terms import Op, Term
from rnnlint.records import replace


class Blame(FactorValues):
    """Finds the factors at fault."""

    def _blame(
        self, monomial: Monomial, states: Sequence[Term], gate: Gate, delta: Term
    ) -> list[Discrepancy]:
        """The factors at fault, seen from the path of the forward pass that explains most of the product."""
        matches = [
            self._match(monomial, path, gate, delta)
            for state in states
            for path in self.forward.paths(state, gate)
        ]
        best = min(matches, key=weight, default=[])
        if monomial.root.op is Op.CARRIED and all(each.wrong is Wrong.SPURIOUS for each in best):
            return [replace(each, wrong=Wrong.NODE) for each in best]
        return best

    def _match(
        self, monomial: Monomial, path: Sequence[Factor], gate: Gate, delta: Term
    ) -> list[Discrepancy]:
        if not all(self.is_clear(self.resolved(factor)) for factor in monomial.factors):
            raise UncomputableError("a factor that cannot be seen into")
        observed = [factor for factor in monomial.factors if self.family(factor)]
        expected = [factor for factor in path if factor.value.op is not Op.NUMBER]
        found: list[Discrepancy] = []
        matched: dict[int, Term] = {}
        for wanted in list(expected):
            for group in self._groups(observed, wanted):
                if self._same_but_for_step(group, wanted):
                    found += self._step_discrepancies(group, wanted, gate, delta)
                    matched[id(wanted)] = group[0]
                    expected.remove(wanted)
                    for each in group:
                        observed.remove(each)
                    break
        for wanted in list(expected):
            if wanted.slope_of is None:
                continue
            family = self._family_of(wanted)
            group = tuple(each for each in observed if self.family(each) == family)
            expected.remove(wanted)
            for each in group:
                observed.remove(each)
            wrong = self._classify(group, wanted) if group else Wrong.MISSING
            before = next((f for f, after in pairwise(path) if after is wanted), None)
            beside = matched.get(id(before)) if wanted.slope_of != gate.value else None
            found.append(Discrepancy(wrong, gate, delta, group, wanted, beside=beside))
            if wanted.value.key in self._units:
                found += self._step_discrepancies(group, wanted, gate, delta)
        for wanted in expected:
            if observed:
                found.append(Discrepancy(Wrong.PARTNER, gate, delta, (observed.pop(0),), wanted))
            else:
                found.append(Discrepancy(Wrong.PARTNER, gate, delta, (), wanted))
        families = {
            self.family(each): tuple(o for o in observed if self.family(o) == self.family(each))
            for each in observed
        }
        found += [Discrepancy(Wrong.SPURIOUS, gate, delta, group) for group in families.values()]
        return found

    def is_clear(self, factor: Term) -> bool:
        """Whether all that a factor rests on is known: values of the forward pass and numbers."""
        if self.timeline.at(factor) is not None or factor.key in self._units or factor.key in self._aliases:
            return True
        if factor.op is Op.CHOICE and factor.data is None:
            return False
        if factor.op is Op.NUMBER:
            return True
        return factor.op in _CLEAR and all(self.is_clear(each) for each in factor.args)

    def _family_of(self, factor: Factor) -> frozenset[int]:
        if factor.slope_of is not None and factor.slope_of.key in self._units:
            return self.family(factor.slope_of)
        return self.family(factor.value)

    def _groups(self, observed: Sequence[Term], wanted: Factor) -> Iterator[tuple[Term, ...]]:
        family = self._family_of(wanted)
        alike = [each for each in observed if self.family(each) == family]
        for each in alike:
            yield (each,)
        if len(alike) > 1:
            yield tuple(alike)
            for left in range(len(alike)):
                for right in range(left + 1, len(alike)):
                    yield (alike[left], alike[right])

    def _same_but_for_step(self, group: Sequence[Term], wanted: Factor) -> bool:
        pairs = [
            (self._product(numbers, group), self.number_of(numbers, wanted)) for numbers in self.timeless
        ]
        return proportional(pairs)

    def _step_discrepancies(
        self, group: Sequence[Term], wanted: Factor, gate: Gate, delta: Term
    ) -> list[Discrepancy]:
        wanted_at = self.timeline.at(wanted.value)
        expected_steps = wanted_at.steps if wanted_at else 0
        return [
            Discrepancy(
                Wrong.STEP, gate, delta, tuple(group), wanted, read, expected_steps - steps, expected_steps
            )
            for factor in group
            for read, steps in self.reads(factor)
            if steps != expected_steps
        ]

    def _classify(self, group: Sequence[Term], wanted: Factor) -> Wrong:
        """Which function stands where the slope of a nonlinearity belongs."""
        assert wanted.slope_of is not None
        kind = activation_kind(wanted.slope_of)
        (unit,) = self._family_of(wanted) or (wanted.value.key,)
        of_output = unit == wanted.slope_of.key
        samples = [-1.7, -0.6, 0.3, 0.8, 1.4]
        observed = []
        for x in samples:
            given = {unit: value_of(kind, x) if of_output else x, wanted.value.key: x}
            numbers = Numbers(self.timeline, 1, timeless=True, states=self._units, given=given)
            observed.append(self._product(numbers, [self.resolved(each) for each in group]))
        helper = any(each.op is Op.APPLY for each in group)
        nested = not of_output and any(_nests_a_nonlinearity(each) for each in group)
        candidates: list[tuple[Wrong, Callable[[float], float]]] = [
            (Wrong.NESTED if nested else Wrong.OF_ACTIVATION, lambda x: slope(kind, value_of(kind, x))),
            (Wrong.OF_ACTIVATION if helper else Wrong.OTHER, lambda x: slope_of_output(kind, x)),
            (Wrong.ACTIVATION, lambda x: value_of(kind, x)),
            (Wrong.ACTIVATION, lambda x: value_of(kind, value_of(kind, x))),
        ]
        for wrong, function in candidates:
            if proportional([(seen, function(x)) for seen, x in zip(observed, samples, strict=True)]):
                return wrong
        return Wrong.OTHER


_CLEAR = frozenset(
    {
        Op.ADD,
        Op.SUBTRACT,
        Op.MULTIPLY,
        Op.DIVIDE,
        Op.POWER,
        Op.NEGATE,
        Op.ELEMENTWISE,
        Op.APPLY,
        Op.TRANSPOSE,
        Op.CHOICE,
        Op.COMPARE,
    }
)


_WEIGHTS = {Wrong.STEP: 1, Wrong.MISSING: 3, Wrong.SPURIOUS: 4, Wrong.PARTNER: 4}


def weight(found: Sequence[Discrepancy]) -> int:
    """How far a product is from a path: a factor of the right family is nearer than one of another."""
    return sum(_WEIGHTS.get(each.wrong, 2) for each in found)


def _nests_a_nonlinearity(term: Term) -> bool:
    return any(
        each.op in (Op.APPLY, Op.ELEMENTWISE) and each.args[0].op in (Op.APPLY, Op.ELEMENTWISE)
        for each in term.walk()
    )
