"""Terms as numbers: two terms that agree at several random points are the same function of what they rest on.

Every array is one number here. Elementwise operations are worked out; a matrix product, a stack or a slice is
a number of its own that depends on its operands' values, so that equal products are equal numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Hashable, Mapping

from rnnlint.model.helpers import Contract, on_numbers
from rnnlint.model.sequences import Timeline
from rnnlint.model.terms import Op, Term

SEEDS = (1, 2, 3)
CLOSE = 1e-5


class UncomputableError(Exception):
    """A term has no value here: a logarithm of a negative number, a literal that is no number."""


class Numbers:
    """One random point: a value for everything that the terms rest on.

    ``timeless`` reads a state of any step as one and the same number. ``states`` are the
    keys of the forward pass's values; ``given`` fixes the numbers of some terms.
    """

    def __init__(
        self,
        timeline: Timeline,
        seed: int,
        *,
        timeless: bool = False,
        states: Collection[int] = (),
        given: Mapping[int, float] | None = None,
    ) -> None:
        self.timeline, self.seed, self.timeless = timeline, seed, timeless
        self.given, self.states = dict(given or {}), states
        self._known: dict[tuple[int, int, bool], float] = {}
        self._inside_a_state = False

    def with_given(self, term: Term, number: float) -> Numbers:
        """The same point with another number for ``term``."""
        return Numbers(
            self.timeline,
            self.seed,
            timeless=self.timeless,
            states=self.states,
            given={**self.given, term.key: number},
        )

    def value(self, term: Term, steps: int = 0) -> float:
        """The number of ``term``, ``steps`` after the step at hand. Raises :class:`UncomputableError`."""
        asked = (term.key, steps, self._inside_a_state)
        if asked not in self._known:
            try:
                self._known[asked] = self._value(term, steps)
            except (ArithmeticError, ValueError, LookupError, TypeError) as error:
                raise UncomputableError(str(error)) from error
        return self._known[asked]

    def at_step(self, value: Term, steps: int) -> float:
        """The number of a value of the forward pass, ``steps`` after the step at hand."""
        return self._state(value, steps)

    def leaf(self, *identity: Hashable) -> float:
        """The number of something that is not looked into."""
        digest = hashlib.md5(f"{self.seed} {identity!r}".encode(), usedforsecurity=False).digest()
        return 0.15 + 1.45 * int.from_bytes(digest[:8], "big") / 2**64

    def _value(self, term: Term, steps: int) -> float:
        if term.key in self.given:
            return self.given[term.key]
        at = self.timeline.at(term)
        if at is not None:
            return self._state(at.value, steps + at.steps)
        if term.key in self.states and not self._inside_a_state:
            return self._state(term, steps)
        return _OPERATIONS.get(term.op, Numbers._elementwise)(self, term, steps)

    def _state(self, value: Term, when: int) -> float:
        """A value of the forward pass at a step: worked out for the step at hand, a number of its own for
        others."""
        if self.timeless and not self._inside_a_state:
            when = 0
        if value.key in self.given or when:
            return self.given.get(value.key) or self.leaf("at", value.key, when)
        outside, self._inside_a_state = self._inside_a_state, True
        try:
            return self.value(value)
        finally:
            self._inside_a_state = outside

    def _number(self, term: Term, steps: int) -> float:
        if isinstance(term.data, int | float):
            return float(term.data)
        return self.leaf("literal", term.data)

    def _named(self, term: Term, steps: int) -> float:
        return self.leaf(term.op, term.data)

    def _same(self, term: Term, steps: int) -> float:
        return self.value(term.args[0], steps)

    def _product(self, term: Term, steps: int) -> float:
        return self.leaf("product", *sorted(_rounded(self.value(each, steps)) for each in term.args))

    def _opaque(self, term: Term, steps: int) -> float:
        return self.leaf(term.op, term.data, *(_rounded(self.value(each, steps)) for each in term.args))

    def _choice(self, term: Term, steps: int) -> float:
        _, then, otherwise = term.args
        if term.data is None:
            return self._opaque(term, steps)
        return self.value(then if term.data else otherwise, steps)

    def _apply(self, term: Term, steps: int) -> float:
        contract = term.data
        if isinstance(contract, Contract) and contract.is_elementwise:
            return contract.at(self.value(term.args[0], steps))
        return self._opaque(term, steps)

    def _elementwise(self, term: Term, steps: int) -> float:
        return on_numbers(term, [self.value(each, steps) for each in term.args])


_OPERATIONS: dict[Op, Callable[[Numbers, Term, int], float]] = {
    Op.NUMBER: Numbers._number,
    Op.SYMBOL: Numbers._named,
    Op.CARRIED: Numbers._named,
    Op.FILLED: Numbers._named,
    Op.SEQUENCE: Numbers._named,
    Op.TRANSPOSE: Numbers._same,
    Op.SUM: Numbers._same,
    Op.PRODUCT: Numbers._product,
    Op.STACK: Numbers._opaque,
    Op.PART: Numbers._opaque,
    Op.RECALL: Numbers._opaque,
    Op.TUPLE: Numbers._opaque,
    Op.CALL: Numbers._opaque,
    Op.LAST: Numbers._opaque,
    Op.CHOICE: Numbers._choice,
    Op.APPLY: Numbers._apply,
}


def _rounded(value: float) -> str:
    return f"{value:.7e}"


def proportional(pairs: list[tuple[float, float]]) -> bool:
    """Whether the first of each pair is the second times one common factor that is not zero."""
    if any(abs(second) < 1e-12 or abs(first) < 1e-12 for first, second in pairs):
        return all(abs(first) < 1e-12 and abs(second) < 1e-12 for first, second in pairs)
    ratios = [first / second for first, second in pairs]
    return all(abs(ratio - ratios[0]) <= CLOSE * abs(ratios[0]) for ratio in ratios)


def equal(pairs: list[tuple[float, float]]) -> bool:
    """Whether the two of each pair are the same number."""
    return all(abs(first - second) <= CLOSE * max(1e-9, abs(first), abs(second)) for first, second in pairs)
