"""Derivatives by value: what a backward pass multiplies, factor by factor, against what the forward asks
for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from rnnlint.model.activations import activation_of
from rnnlint.model.forward import Factor, ForwardPass, Gate
from rnnlint.model.helpers import Computes, sigmoid
from rnnlint.model.numbers import SEEDS, Numbers, UncomputableError, equal, proportional
from rnnlint.model.sequences import Timeline
from rnnlint.model.terms import Op, Term

MOST_MONOMIALS = 64


@dataclass(frozen=True, slots=True)
class Monomial:
    """One product of a backward pass: an adjoint ``root`` times factors that the forward pass knows."""

    root: Term
    factors: tuple[Term, ...]
    sign: int = 1


class Wrong(StrEnum):
    """What is wrong with a factor: a rule each."""

    NESTED = "nonlinearity twice"
    ACTIVATION = "activation for derivative"
    OF_ACTIVATION = "derivative of activation"
    OTHER = "wrong derivative"
    MISSING = "missing derivative"
    GATE = "wrong gate"
    PARTNER = "wrong partner"
    NODE = "carry added at the wrong node"
    SPURIOUS = "spurious factor"
    STEP = "another step"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A factor that is not the one the forward pass asks for.

    ``observed`` are the factors at fault (empty for a missing one), ``expected`` the right one, ``gate`` the
    gate whose δ it is found in, ``delta`` that δ, ``use`` where it is used, ``beside`` a factor next to a
    missing one. ``steps`` (STEP only): what must be added to the index of ``read``. ``other_gate`` (GATE
    only): whose δ it is."""

    wrong: Wrong
    gate: Gate
    delta: Term
    observed: tuple[Term, ...] = ()
    expected: Factor | None = None
    read: Term | None = None
    steps: int = 0
    expected_steps: int = 0
    use: Term | None = None
    beside: Term | None = None
    other_gate: Gate | None = None


class Derivatives:
    """Compares δ's of one backward pass with its forward pass."""

    def __init__(self, forward: ForwardPass, timeline: Timeline) -> None:
        self.forward, self.timeline = forward, timeline
        self._adjoint: dict[int, bool] = {}
        self._resolved: dict[int, Term] = {}
        self._families: dict[int, frozenset[int]] = {}
        self._slopes: dict[tuple[int, int], list[float]] = {}
        self._units = {gate.value.key for gate in forward.gates} | {state.key for state in forward.states}
        self._aliases = {gate.preactivation.key: gate.value.key for gate in forward.gates}
        states = self._units | set(self._aliases)
        self.points = [Numbers(timeline, seed, states=states) for seed in SEEDS]
        self.timeless = [Numbers(timeline, seed, timeless=True, states=states) for seed in SEEDS]

    # --- what a δ is made of -------------------------------------------------------------------------

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
        if term.op in (Op.FILLED, Op.RECALL):
            return True
        if term.op is Op.CHOICE and term.data is not None:
            return self.is_adjoint(term.args[1 if term.data else 2])
        if term.op is Op.SYMBOL:
            return is_cotangent_name(str(term.data))
        return any(self.is_adjoint(each) for each in term.args)

    def monomials(self, delta: Term) -> list[Monomial] | None:
        """A δ as a sum of products; None where it is none (a nonlinear function of an adjoint, too large)."""
        try:
            found = [self._without_carried_factor(each) for each in self._expand(delta)]
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
                    yield Monomial(each.root, (*each.factors, *_factors(factor)), each.sign)
            case Op.DIVIDE, (left, right) if not self.is_adjoint(right):
                yield from self._expand(left)
            case ((Op.TRANSPOSE | Op.SUM), (operand,)):
                yield from self._expand(operand)
            case Op.CHOICE, (_, then, otherwise) if term.data is not None:
                yield from self._expand(then if term.data else otherwise)
            case ((Op.CHOICE | Op.APPLY | Op.ELEMENTWISE | Op.POWER | Op.DIVIDE | Op.STACK), _):
                raise _NotLinearError
            case Op.PRODUCT, _ if self.forward.weighted_of(term) is None:
                raise _NotLinearError  # by no weight: np.diag(1 - h * h) @ dh is an elementwise product
            case _:
                yield Monomial(term, ())

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

    # --- comparison ----------------------------------------------------------------------------------

    def compare(self, delta: Term, gate: Gate) -> list[Discrepancy]:
        """What is wrong with ``delta`` as the adjoint of the gate's pre-activation; nothing where it is
        right."""
        monomials = self.monomials(delta)
        if not monomials or any(each.root.op is Op.CARRIED and not each.factors for each in monomials):
            return []  # a δ carried whole had its factors a step ago
        found: list[Discrepancy] = []
        try:
            for root in {each.root.key: each.root for each in monomials}.values():
                mine = [each for each in monomials if each.root == root]
                states = self._states_of(root)
                if any(self._agrees(mine, state, gate) for state in states):
                    continue
                moved = self._as_another_step(mine, states, gate, delta)
                found += moved or [
                    each for monomial in mine for each in self._blame(monomial, states, gate, delta)
                ]
        except UncomputableError:
            return []
        other = self._gate_of(delta, gate) if found else None
        return [Discrepancy(Wrong.GATE, gate, delta, other_gate=other)] if other else found

    def is_right(self, delta: Term, gate: Gate) -> bool:
        """Whether ``delta`` is, by value, the adjoint of the gate's pre-activation as far as its roots
        reach."""
        monomials = self.monomials(delta) or []
        roots = {each.root.key: each.root for each in monomials}.values()
        try:
            return bool(monomials) and all(
                any(
                    self._agrees([each for each in monomials if each.root == root], state, gate)
                    for state in self._states_of(root)
                )
                for root in roots
            )
        except UncomputableError:
            return False

    def _gate_of(self, delta: Term, gate: Gate) -> Gate | None:
        others = (each for each in self.forward.gates if each != gate)
        return next((each for each in others if self.is_right(delta, each)), None)

    def _states_of(self, root: Term) -> list[Term]:
        """The states whose adjoint ``root`` may be: for Wᵀδ those that W multiplies, else all."""
        product = root
        while product.op in (Op.TRANSPOSE, Op.PART):
            product = product.args[0]
        if product.op is Op.PRODUCT:
            pair = self.forward.weighted_of(product)
            operands = self.forward.operands_of(pair.weight) if pair else ()
            if operands:
                return [value for operand in operands for value, _ in self.forward.pieces(operand)]
        states = list(self.forward.states)
        if root.op is Op.CARRIED and (kind := self._kind_of_carry(root)) is not None:
            of_kind = [each for each in states if self.forward.is_multiplied(each) is kind]
            if kind or any(self.forward.holds_its_past(each) for each in of_kind):
                return of_kind  # else a network without a cell state, whose carry comes back by halves
        return states

    def _kind_of_carry(self, carried: Term) -> bool | None:
        """True for a carry that comes back through weights (that of h), False for one through none (that of
        C)."""
        after = self.timeline.after(carried)
        while after is not None and after.op is Op.PART:
            after = after.args[0]
        monomials = (self.monomials(after) or []) if after is not None else []
        roots = [each.root for each in monomials]
        if roots and all(each.op is Op.PRODUCT for each in roots) and not any(m.factors for m in monomials):
            return True
        through_weights = any(each.root.op is Op.PRODUCT and not each.factors for each in monomials)
        return False if carried in roots and not through_weights else None

    def _agrees(self, monomials: Sequence[Monomial], state: Term, gate: Gate) -> bool:
        expected = self._expected(state, gate)
        if not expected:
            return False
        return proportional(list(zip(self._observed(monomials, self.points), expected, strict=True)))

    def _observed(self, monomials: Sequence[Monomial], points: Sequence[Numbers]) -> list[float]:
        """The sum of the products, at each point."""
        return [sum(m.sign * self._product(numbers, m.factors) for m in monomials) for numbers in points]

    def _expected(self, state: Term, gate: Gate) -> list[float]:
        """∂state/∂(the gate's pre-activation), at each point; empty where it does not depend on it."""
        asked = (state.key, gate.value.key)
        if asked not in self._slopes:
            paths = self.forward.paths(state, gate)
            self._slopes[asked] = [
                sum(_signed(path, self._product_of_path(numbers, path)) for path in paths)
                for numbers in (self.points if paths else ())
            ]
        return self._slopes[asked]

    def _as_another_step(
        self, monomials: Sequence[Monomial], states: Sequence[Term], gate: Gate, delta: Term
    ) -> list[Discrepancy]:
        """The one read that, moved by a step or two, makes the δ right."""
        reads = {
            read.key: (read, steps) for m in monomials for f in m.factors for read, steps in self.reads(f)
        }
        slopes = [expected for state in states if (expected := self._expected(state, gate))]
        for read, steps in reads.values() if slopes else ():
            at = self.timeline.at(read)
            for by in (1, -1, 2, -2):
                if at is None:
                    continue
                moved = [
                    Numbers(
                        self.timeline,
                        seed,
                        states=numbers.states,
                        given={read.key: numbers.at_step(at.value, steps + by)},
                    )
                    for seed, numbers in zip(SEEDS, self.points, strict=True)
                ]
                observed = self._observed(monomials, moved)
                if any(proportional(list(zip(observed, each, strict=True))) for each in slopes):
                    return [Discrepancy(Wrong.STEP, gate, delta, (read,), None, read, by, steps + by)]
        return []

    def _product(self, numbers: Numbers, factors: Sequence[Term]) -> float:
        product = 1.0
        for factor in factors:
            if self.family(factor):
                product *= numbers.value(factor)
        return product

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

    # --- blame ---------------------------------------------------------------------------------------

    def _blame(
        self, monomial: Monomial, states: Sequence[Term], gate: Gate, delta: Term
    ) -> list[Discrepancy]:
        """The factors at fault, seen from the path of the forward pass that explains most of the product."""
        matches = [
            self._match(monomial, path, gate, delta)
            for state in states
            for path in self.forward.paths(state, gate)
        ]
        best = min(matches, key=_weight, default=[])
        if monomial.root.op is Op.CARRIED and all(each.wrong is Wrong.SPURIOUS for each in best):
            return [replace(each, wrong=Wrong.NODE) for each in best]
        return best

    def _match(
        self, monomial: Monomial, path: Sequence[Factor], gate: Gate, delta: Term
    ) -> list[Discrepancy]:
        if not all(self._is_clear(self.resolved(factor)) for factor in monomial.factors):
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

    def _is_clear(self, factor: Term) -> bool:
        """Whether all that a factor rests on is known: values of the forward pass and numbers."""
        if self.timeline.at(factor) is not None or factor.key in self._units or factor.key in self._aliases:
            return True
        if factor.op is Op.CHOICE and factor.data is None:
            return False
        if factor.op is Op.NUMBER:
            return True
        return factor.op in _CLEAR and all(self._is_clear(each) for each in factor.args)

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

    def reads(self, term: Term) -> Iterator[tuple[Term, int]]:
        """The reads of kept values in ``term``, the outermost ones, each with the step it points to."""
        at = self.timeline.at(term)
        if at is not None and term.op in (Op.RECALL, Op.PART):
            yield term, at.steps
            return
        for each in term.args:
            yield from self.reads(each)

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

    def is_of(self, root: Term, cell: Term, deltas: Iterable[tuple[Term, Gate]]) -> bool | None:
        """Whether ``root`` is an adjoint of the cell state itself (not of h), by every δ; None where none
        says."""
        answers = set()
        for delta, gate in deltas:
            mine = [each for each in self.monomials(delta) or () if each.root == root]
            try:
                agreeing = [s for s in self.forward.states if mine and self._agrees(mine, s, gate)]
            except UncomputableError:
                return None
            if mine:
                answers.add(cell in agreeing if agreeing else None)
        return answers.pop() if len(answers) == 1 else None

    def state_of(self, root: Term, deltas: Iterable[tuple[Term, Gate]]) -> Term | None:
        """The state whose adjoint ``root`` is: the one whose paths to the gates explain it best."""
        try:
            return self._state_of(root, deltas)
        except UncomputableError:
            return None

    def _state_of(self, root: Term, deltas: Iterable[tuple[Term, Gate]]) -> Term | None:
        best: tuple[int, Term] | None = None
        for delta, gate in deltas:
            for monomial in self.monomials(delta) or ():
                if monomial.root != root:
                    continue
                for state in self.forward.states:
                    for path in self.forward.paths(state, gate):
                        faults = _weight(self._match(monomial, path, gate, delta))
                        if best is None or faults < best[0]:
                            best = faults, state
        return best[1] if best else None

    def same_value(self, first: Term, second: Term, *, timeless: bool = False) -> bool:
        """Whether two terms have the same number at every random point."""
        points = self.timeless if timeless else self.points
        try:
            return equal([(numbers.value(first), numbers.value(second)) for numbers in points])
        except UncomputableError:
            return False


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


class _NotLinearError(Exception):
    """An adjoint stands where a sum of products cannot hold it."""


_WEIGHTS = {Wrong.STEP: 1, Wrong.MISSING: 3, Wrong.SPURIOUS: 4, Wrong.PARTNER: 4}


def _weight(found: Sequence[Discrepancy]) -> int:
    """How far a product is from a path: a factor of the right family is nearer than one of another."""
    return sum(_WEIGHTS.get(each.wrong, 2) for each in found)


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


def _factors(term: Term) -> tuple[Term, ...]:
    if term.op is Op.CHOICE and term.data is not None:
        return _factors(term.args[1 if term.data else 2])
    if term.op is Op.MULTIPLY:
        return (*_factors(term.args[0]), *_factors(term.args[1]))
    return (term,)


def _signed(path: Sequence[Factor], product: float) -> float:
    for factor in path:
        product *= factor.sign
    return product


def _is_wrapped_state(term: Term, units: set[int]) -> bool:
    """Whether a stored value is only φ of a state: tanh(C) kept beside C is C's."""
    applied = activation_of(term)
    return applied is not None and applied[1].key in units


def _nests_a_nonlinearity(term: Term) -> bool:
    return any(
        each.op in (Op.APPLY, Op.ELEMENTWISE) and each.args[0].op in (Op.APPLY, Op.ELEMENTWISE)
        for each in term.walk()
    )


def activation_kind(applied: Term) -> Computes:
    """σ, tanh or relu, for a term that :func:`rnnlint.model.activations.activation_of` knows."""
    found = activation_of(applied)
    if found is None:
        raise ValueError(f"{applied.op} is no nonlinearity")
    return found[0]


def value_of(kind: Computes, x: float) -> float:
    """φ(x)."""
    return sigmoid(x) if kind is Computes.SIGMOID else math.tanh(x) if kind is Computes.TANH else max(x, 0.0)


def slope(kind: Computes, x: float) -> float:
    """φ′(x)."""
    return slope_of_output(kind, value_of(kind, x))


def slope_of_output(kind: Computes, y: float) -> float:
    """φ′ from φ's value: y(1−y), 1−y², or 1 where y is positive."""
    if kind is Computes.SIGMOID:
        return y * (1 - y)
    return 1 - y * y if kind is Computes.TANH else float(y > 0)
