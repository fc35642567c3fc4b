"""What the first wrong statement lacks, found by value: the factor or term that makes a true adjoint of it.

Between what a statement makes and what is true lie a difference and, term by term, a ratio. Where such a rest
is itself a product of quantities that the pass has at hand, putting it in is the repair. No list of known
bugs is needed for it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from rnnlint.diagnosis.edits.candidate import Candidate, Kind, replacing
from rnnlint.diagnosis.edits.chains import single, sums_in
from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.tracing.expressions import forms_of, series_of
from rnnlint.diagnosis.tracing.judged import Made, State
from rnnlint.diagnosis.tracing.recording import Recording, UnknownValueError, weights_at_hand
from rnnlint.diagnosis.tracing.truths import NOTHING, Truths
from rnnlint.diagnosis.vocabulary import Vocabulary
from rnnlint.records import dataclass

Array = np.ndarray[Any, np.dtype[np.float64]]

MOST_FORMS = 60
MOST_ADJOINTS = 10
MOST_FOUND = 30
CLOSE = 1e-5


def lacking(subject: Made, made: Sequence[Made], truths: Truths, words: Vocabulary) -> list[Candidate]:
    """Edits of the statement of ``subject`` after which its result is a true adjoint, the simplest first."""
    node = subject.watched.node
    if node is None or subject.value.size < 2:
        return []
    stock = _Stock.of(subject, made, truths, words)
    if stock is None:
        return []
    claimed = {(q.number, q.of) for each in made if each.state is State.TRUE for q in each.quantities}
    found: dict[tuple[object, ...], Candidate] = {}
    for use, series in series_of(truths, subject.value.shape, stock.steps):
        for candidate in stock.repairs(series.reshape(-1), 0.3 if use in claimed else 0.0):
            known = found.get(candidate.edits)
            if known is None or candidate.rank < known.rank:
                found[candidate.edits] = candidate
    return sorted(found.values(), key=lambda candidate: candidate.rank)[:MOST_FOUND]


@dataclass(frozen=True)
class _Written:
    """Products with their texts: one row of numbers each, all steps in one."""

    texts: tuple[str, ...]
    names: tuple[frozenset[str], ...]
    rows: Array

    @cached_property
    def _marks(self) -> tuple[list[int], Array]:
        """The rows in the order of one number each."""
        marks = self.rows @ _direction(self.rows.shape[1])
        order = np.argsort(marks)
        return order.tolist(), marks[order]

    def equal_to(self, wanted: Array) -> Iterator[int]:
        """The products that are these numbers."""
        largest = float(np.max(np.abs(wanted), initial=0.0))
        if not len(self.texts) or not np.isfinite(largest) or largest <= NOTHING:
            return
        order, marks = self._marks
        mark, margin = float(wanted @ _direction(len(wanted))), CLOSE * largest * len(wanted)
        first, last = np.searchsorted(marks, [mark - margin, mark + margin])
        for index in order[first:last]:
            if np.max(np.abs(self.rows[index] - wanted)) <= CLOSE * largest:
                yield index


@dataclass(frozen=True)
class _Stock:
    """One statement's result and its terms, and what may be put into them."""

    program: ProgramText
    node: ast.expr
    steps: int
    result: Array
    members: tuple[tuple[ast.expr, int, Array], ...]  # each term with its sign
    flowing: _Written  # adjoints
    factors: _Written
    terms: _Written
    present: frozenset[str]

    @staticmethod
    def of(subject: Made, made: Sequence[Made], truths: Truths, words: Vocabulary) -> _Stock | None:
        node, statement = subject.watched.node, subject.watched.statement
        assert node is not None
        made = [each for each in made if each.watched.statement.function is statement.function]
        at_hand = weights_at_hand(truths, words.text)
        recording = Recording.of(made, at_hand)
        moments = [recording.when(subject, step) for step in range(subject.step + 1)]
        same = [m.value for m in made if m.watched.number == subject.watched.number]
        values = same[: subject.step + 1]
        if any(value.shape != subject.value.shape for value in values) or len(values) != len(moments):
            return None
        inside = _Inside(recording, [moment or 0 for moment in moments], subject.value.shape)
        states, adjoints = inside.atoms(made)
        factors = _factors(states)
        weights = list(inside.weights(made) | dict.fromkeys(at_hand))
        terms = _terms(adjoints, factors, inside.products(made, weights, words))
        return _Stock(
            statement.program,
            node,
            len(values),
            np.stack(values).reshape(-1),
            tuple(_members(statement.program, node, inside)),
            _alone(adjoints),
            factors,
            terms,
            frozenset(read.text for read in subject.reads),
        )

    def repairs(self, wanted: Array, handicap: float) -> Iterator[Candidate]:
        """What makes ``wanted`` of the result: a term more, or a factor or another product in one term."""
        for index in self.terms.equal_to(wanted - self.result):
            text = f"{self.program.source(self.node)} + {self.terms.texts[index]}"
            rank = self._rank(self.terms.names[index]) + handicap
            yield replacing(self.program, self.node, text, Kind.MISSING_TERM, rank)
        for member, sign, value in self.members:
            rest = sign * (wanted - self.result) + value
            for index in self.terms.equal_to(rest):
                if member is self.node and self.terms.texts[index] in self.terms.names[index]:
                    continue  # a copy
                rank = 0.1 + self._rank(self.terms.names[index]) + handicap
                yield replacing(self.program, member, self.terms.texts[index], Kind.EXPRESSION, rank)
            if np.min(np.abs(value)) > NOTHING:
                for stock in (self.flowing, self.factors):
                    yield from self._with_factors(member, stock, rest / value, handicap)

    def _with_factors(
        self, member: ast.expr, stock: _Written, ratio: Array, handicap: float
    ) -> Iterator[Candidate]:
        for index in stock.equal_to(ratio):
            text, rank = stock.texts[index], self._rank(stock.names[index]) + handicap
            kind = Kind.MISSING_DERIVATIVE if "1 - " in text else Kind.MISSING_FACTOR
            yield single(self.program, member, product=True).with_factor(text, kind, rank)

    def _rank(self, names: frozenset[str]) -> float:
        """Few names, those that stand there already, variables before entries of a sequence."""
        entries = sum("[" in name for name in names)
        return 0.2 * len(names) + 0.1 * len(names - self.present) + 0.05 * entries


@dataclass(frozen=True)
class _Inside:
    """A recording at the moments at which one statement was reached."""

    recording: Recording
    moments: Sequence[int]
    shape: tuple[int, ...]

    def rows(self, node: ast.expr) -> Array | None:
        """What an expression was, all steps in one; None where it has another shape, or is not known."""
        try:
            values = [
                np.asarray(self.recording.value(node, step, now), dtype=float)
                for step, now in enumerate(self.moments)
            ]
        except (UnknownValueError, ValueError, TypeError):
            return None
        shaped = all(value.shape == self.shape for value in values)
        return np.stack(values).reshape(-1) if shaped else None

    def atoms(self, made: Sequence[Made]) -> tuple[dict[str, Array], dict[str, Array]]:
        """Variables of the result's shape: states, and adjoints that are right wherever they are read."""
        kinds: dict[str, set[State]] = {}
        nodes: dict[str, ast.expr] = {}
        last = len(self.moments)
        for each in made:
            if each.step < last:
                for read in each.reads:
                    if read.node is not None and read.value.shape == self.shape:
                        kinds.setdefault(read.text, set()).add(read.state)
                        nodes[read.text] = read.node
        states: dict[str, Array] = {}
        adjoints: dict[str, Array] = {}
        for text, found in kinds.items():
            rows = self.rows(nodes[text])
            if rows is None:
                continue
            if found == {State.FORWARD}:
                states[text] = rows
            elif found <= {State.TRUE, State.ZERO} and np.any(rows):
                adjoints[text] = rows
        return states, dict(list(adjoints.items())[:MOST_ADJOINTS])

    def weights(self, made: Sequence[Made]) -> dict[str, None]:
        """The matrices that the pass reads."""
        reads = (read for each in made if each.step < len(self.moments) for read in each.reads)
        return dict.fromkeys(r.text for r in reads if r.state is State.FORWARD and r.value.ndim == 2)

    def products(
        self, made: Sequence[Made], weights: Sequence[str], words: Vocabulary
    ) -> dict[str, tuple[frozenset[str], Array]]:
        """Matrix products of a weight with what flows back, of the result's shape."""
        reads = [read for each in made if each.step < len(self.moments) for read in each.reads]
        deltas = dict.fromkeys(r.text for r in reads if r.state is State.TRUE)
        found: dict[str, tuple[frozenset[str], Array]] = {}
        for weight in weights[:MOST_FORMS]:
            for delta in list(deltas)[:MOST_ADJOINTS]:
                for left, right in ((f"{weight}.T", delta), (delta, f"{weight}.T")):
                    text = words.product.format(left, right)
                    rows = self.rows(ast.parse(text, mode="eval").body)
                    if rows is not None:
                        found[text] = frozenset({weight, delta}), rows
        return found


def _members(program: ProgramText, node: ast.expr, inside: _Inside) -> Iterator[tuple[ast.expr, int, Array]]:
    chain = next((chain for chain in sums_in(program, node) if chain.whole is node), None)
    members = zip(chain.members, chain.signs, strict=True) if chain is not None else [(node, 1)]
    for member, sign in members:
        rows = inside.rows(member)
        if rows is not None:
            yield member, sign, rows


def _factors(states: dict[str, Array]) -> _Written:
    """Every form of every state, and every two of different states."""
    held = [form for name, values in states.items() for form in forms_of(name, values)][:MOST_FORMS]
    pairs = [(i, j) for i, j in combinations(range(len(held)), 2) if held[i][1] != held[j][1]]
    texts = [text for text, _, _ in held] + [f"{held[i][0]} * {held[j][0]}" for i, j in pairs]
    names = [frozenset({name}) for _, name, _ in held]
    names += [frozenset({held[i][1], held[j][1]}) for i, j in pairs]
    if not held:
        return _Written((), (), np.empty((0, 0)))
    rows = np.array([values for _, _, values in held])
    if pairs:
        first, second = (list(each) for each in zip(*pairs, strict=True))
        rows = np.concatenate([rows, rows[first] * rows[second]])
    return _Written(tuple(texts), tuple(names), rows)


def _alone(adjoints: dict[str, Array]) -> _Written:
    rows = np.array(list(adjoints.values())) if adjoints else np.empty((0, 0))
    return _Written(tuple(adjoints), tuple(frozenset({name}) for name in adjoints), rows)


def _terms(
    adjoints: dict[str, Array], factors: _Written, products: dict[str, tuple[frozenset[str], Array]]
) -> _Written:
    """Adjoints, alone and with factors, and matrix products of them."""
    texts, names, rows = list(adjoints), [frozenset({name}) for name in adjoints], list(adjoints.values())
    for name, values in adjoints.items():
        texts += [f"{name} * {text}" for text in factors.texts]
        names += [frozenset({name}) | own for own in factors.names]
        rows += list(values * factors.rows) if len(factors.texts) else []
    for text, (own, values) in products.items():
        texts.append(text)
        names.append(own)
        rows.append(values)
    return _Written(tuple(texts), tuple(names), np.array(rows) if rows else np.empty((0, 0)))


def _direction(size: int) -> Array:
    return np.asarray(np.cos(1.0 + np.arange(size)))
