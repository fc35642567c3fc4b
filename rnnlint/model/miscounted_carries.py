"""Carries that an adjoint holds more than once, or in part.

An adjoint may be off by one factor throughout: that of the loss. What is carried has no scale of its own, it
is made of the adjoint itself; held twice, it doubles with every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnlint.model.adjoints import Monomial
from rnnlint.model.backward import BackwardPass
from rnnlint.model.forward import Gate
from rnnlint.model.heap import Binding
from rnnlint.model.numbers import UncomputableError
from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class Miscounted:
    """``binding`` sums up an adjoint that holds the carry ``name`` ``times`` times."""

    binding: Binding
    name: str
    times: float


def miscounted_carries(bptt: BackwardPass) -> Iterator[Miscounted]:
    """The carries that every δ they enter holds other than once."""
    for loop, place in bptt.carried_adjoints:
        carried = loop.carried[place]
        counts = [_count(bptt, carried, delta, gate) for delta, gate in bptt.deltas_of_gates]
        known = [each for each in counts if each is not None]
        if not known or any(abs(each - known[0]) > _CLOSE for each in known) or abs(known[0] - 1) < _CLOSE:
            continue
        binding = _summed_at(bptt, carried, known[0])
        if binding is not None:
            yield Miscounted(binding, place.rpartition(" ")[2].rpartition(".")[2], known[0])


def _count(bptt: BackwardPass, carried: Term, delta: Term, gate: Gate) -> float | None:
    """How often a δ holds a carry; None where it holds none, or not as the adjoint of one state."""
    monomials = [each for each in bptt.derivatives.monomials(delta) or () if each.root == carried]
    state = bptt.derivatives.state_of_root(carried, [(delta, gate)]) if monomials else None
    if state is None:
        return None
    try:
        pairs = bptt.derivatives.along(monomials, bptt.forward.paths(state, gate))
    except UncomputableError:
        return None
    (observed, expected), *_ = pairs
    return observed / expected if expected else None


def _numbers_in(monomials: Sequence[Monomial]) -> float | None:
    """The number that each of the products is times; None where they differ."""
    found = set()
    for monomial in monomials:
        times = 1.0
        for factor in monomial.factors:
            if factor.op is Op.NUMBER and isinstance(factor.data, int | float):
                times *= factor.data
        found.add(times)
    return found.pop() if len(found) == 1 else None


def _summed_at(bptt: BackwardPass, carried: Term, times: float) -> Binding | None:
    """The first statement whose value holds the carry that often."""
    for binding in bptt.bindings:
        monomials = [e for e in bptt.derivatives.monomials(binding.value) or () if e.root == carried]
        number = _numbers_in(monomials) if monomials else None
        plain = not any(bptt.derivatives.family(f) for each in monomials for f in each.factors)
        held = number * sum(each.sign for each in monomials) if number is not None else 0
        if binding.added and binding.loop is not None and monomials:
            return binding if bptt.module.holds(binding.statement) else None
        if plain and abs(held - times) < _CLOSE and bptt.module.holds(binding.statement):
            return binding
    return None


_CLOSE = 1e-3
