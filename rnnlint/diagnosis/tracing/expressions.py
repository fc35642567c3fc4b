"""What a wrong result should be, in the user's own names: the small products of known true quantities that
equal a true adjoint.

A candidate is an adjoint that is right, times factors made of what the forward pass computed, plus perhaps
another right adjoint: ``dC * C_prev * f[t] * (1 - f[t])``, ``dh * o[t] * (1 - tanh_c ** 2) + dC_next``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from rnnlint.diagnosis.program_text import precedence_of_text
from rnnlint.diagnosis.tracing.judged import Made, State
from rnnlint.diagnosis.tracing.truths import NOTHING, Truths
from rnnlint.records import dataclass

Array = np.ndarray[Any, np.dtype[np.float64]]

MOST_FACTORS = 48
MOST_ADJOINTS = 8
MOST_FOUND = 12
CLOSE = 1e-5


@dataclass(frozen=True, slots=True)
class Expression:
    """A product that is a true adjoint, and how many of its atoms the statement does not read yet."""

    text: str
    unread: int


def expressions_for(first: Made, made: Sequence[Made], truths: Truths) -> list[Expression]:
    """What the statement of ``first`` may have to be, at every step down to the first wrong one; likest to
    what it is now first.
    """
    same = [m for m in made if m.watched.number == first.watched.number and m.step <= first.step]
    scope = _Scope.of(same, made)
    if scope is None:
        return []
    read = {each.text for each in first.reads}
    claimed = {(q.number, q.of) for each in made if each.state is State.TRUE for q in each.quantities}
    found: dict[str, tuple[bool, int]] = {}
    for use, series in series_of(truths, scope.shape, scope.steps):
        for text, atoms in scope.products(series):
            found.setdefault(text, (use in claimed, len(set(atoms) - read)))
    ranked = sorted(found.items(), key=lambda item: (*item[1], len(item[0])))
    return [Expression(text, unread) for text, (_, unread) in ranked[:MOST_FOUND]]


def series_of(truths: Truths, shape: tuple[int, ...], steps: int) -> Iterator[tuple[tuple[int, str], Array]]:
    """The true adjoints of one expression each, of a shape, over the first steps of the way back; also with
    the factor that all gradients have.
    """
    by_use: dict[tuple[int, str], dict[int, Array]] = defaultdict(dict)
    for quantity in truths.quantities:
        if not quantity.whole and quantity.value.shape == shape:
            by_use[quantity.number, quantity.of].setdefault(quantity.step, quantity.value)
    for use, found in by_use.items():
        ordered = [found[step] for step in sorted(found, reverse=True)][:steps]
        if len(ordered) == steps:
            for scale in dict.fromkeys((1.0, truths.scale)):
                yield use, np.stack(ordered) * scale


@dataclass(frozen=True)
class _Scope:
    """What the names of a function hold at each step, of one shape."""

    shape: tuple[int, ...]
    steps: int
    adjoints: Mapping[str, Array]
    factors: tuple[tuple[str, str, Array], ...]  # as written, the name in it, its values

    @staticmethod
    def of(same: Sequence[Made], made: Sequence[Made]) -> _Scope | None:
        shape = same[0].value.shape
        if same[0].value.size < 2:
            return None
        function = same[0].watched.statement.function
        adjoints: dict[str, dict[int, Array]] = defaultdict(dict)
        states: dict[str, dict[int, Array]] = defaultdict(dict)
        for each in made:
            if each.watched.statement.function is not function:
                continue
            for read in each.reads:
                if read.value.shape != shape:
                    continue
                if read.state in (State.TRUE, State.ZERO):
                    adjoints[read.text].setdefault(each.step, read.value)
                elif read.state is State.FORWARD:
                    states[read.text].setdefault(each.step, read.value)
        steps = len(same)
        whole = {name: _stacked(held, steps) for name, held in adjoints.items()}
        factors = [
            form
            for name, held in states.items()
            if (values := _stacked(held, steps)) is not None
            for form in forms_of(name, values)
        ]
        kept = {name: values for name, values in whole.items() if values is not None}
        return _Scope(shape, steps, dict(list(kept.items())[:MOST_ADJOINTS]), tuple(factors[:MOST_FACTORS]))

    def products(self, wanted: Array) -> Iterator[tuple[str, list[str]]]:
        """Every adjoint times at most three factors, plus perhaps another adjoint, that equals ``wanted``."""
        for name, adjoint in self.adjoints.items():
            if np.min(np.abs(adjoint)) <= NOTHING:
                continue
            for other in (None, *(each for each in self.adjoints if each != name)):
                rest = wanted if other is None else wanted - self.adjoints[other]
                for texts, atoms in self._factors_of(rest / adjoint):
                    product = " * ".join([name, *texts])
                    if other is None:
                        yield product, [name, *atoms]
                    else:
                        yield f"{product} + {other}", [name, other, *atoms]

    def _factors_of(self, ratio: Array) -> Iterator[tuple[list[str], list[str]]]:
        flat = ratio.reshape(-1)
        if np.all(np.abs(flat - 1) <= CLOSE):
            return  # a copy, which needs no product
        if not self.factors or not np.all(np.isfinite(flat)):
            return
        values = self._values
        for index in np.flatnonzero(_equal(values, flat)):
            yield self._written((int(index),))
        pairs, products = self._pairs
        for index in np.flatnonzero(_equal(products, flat)):
            yield self._written(pairs[int(index)])

    @cached_property
    def _values(self) -> Array:
        return np.array([values.reshape(-1) for _, _, values in self.factors])

    @cached_property
    def _pairs(self) -> tuple[list[tuple[int, int]], Array]:
        values = self._values
        pairs = [
            (i, j)
            for i, j in combinations(range(len(self.factors)), 2)
            if self.factors[i][1] != self.factors[j][1]
        ]
        if not pairs:
            return [], np.empty((0, values.shape[1]))
        first, second = zip(*pairs, strict=True)
        return pairs, values[list(first)] * values[list(second)]

    def _written(self, chosen: Sequence[int]) -> tuple[list[str], list[str]]:
        held = [self.factors[index] for index in chosen]
        return [text for text, _, _ in held], [name for _, name, _ in held]


def _stacked(held: Mapping[int, Array], steps: int) -> Array | None:
    values = [held[step] for step in range(steps) if step in held]
    return np.stack(values) if len(values) == steps else None


def forms_of(name: str, values: Array) -> Iterator[tuple[str, str, Array]]:
    """What may stand for a state in a product."""
    plain = name if precedence_of_text(name) >= precedence_of_text("a ** b") else f"({name})"
    yield name, name, values
    yield f"{plain} * (1 - {plain})", name, values * (1 - values)
    yield f"(1 - {plain} ** 2)", name, 1 - values**2
    yield f"np.tanh({name})", name, np.tanh(values)
    yield f"(1 - np.tanh({name}) ** 2)", name, 1 - np.tanh(values) ** 2
    yield f"(1 - {plain})", name, 1 - values


def _equal(rows: Array, wanted: Array) -> Array:
    """Which rows are ``wanted``."""
    largest = np.max(np.abs(wanted))
    return np.asarray(np.all(np.abs(rows - wanted) <= CLOSE * largest + NOTHING, axis=1))
