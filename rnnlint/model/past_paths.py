"""How a value of this step rests on a state of the step before, without passing through weights.

C_t = f ⊙ C_{t−1} + i ⊙ g has one such path, times f; a GRU's h_t = z ⊙ h_{t−1} + (1 − z) ⊙ n has one, times
z; so has what its candidate multiplies with weights, r ⊙ h_{t−1}. What goes through weights comes back as a
product with them, and is no part of these paths.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.activations import activation_of
from rnnlint.model.forward import MOST_PATHS, Factor, ForwardPass
from rnnlint.model.terms import Op, Term

Path = tuple[Factor, ...]


class PastPaths:
    """The paths to one ``state`` of the step before."""

    def __init__(self, forward: ForwardPass, state: Term) -> None:
        self.forward, self.state = forward, state
        self._rests: dict[int, bool] = {}

    def of(self, value: Term) -> tuple[Path, ...] | None:
        """The paths from ``value``, each as its factors; None where one cannot be followed."""
        try:
            found = tuple(self._from(value, ()))
        except _UnseenPathError:
            return None
        return found if len(found) < MOST_PATHS else None

    def _from(self, term: Term, so_far: Path) -> Iterator[Path]:
        if not self._rests_on_it(term):
            return
        if self._is_it(term):
            yield so_far
            return
        term = self.forward.now(term)
        applied = activation_of(term)
        if applied is not None:
            yield from self._from(applied[1], (*so_far, Factor(applied[1], term)))
            return
        minus = Factor(self.forward.terms.number(1), sign=-1)
        match term.op, term.args:
            case Op.ADD, (left, right):
                yield from self._from(left, so_far)
                yield from self._from(right, so_far)
            case Op.SUBTRACT, (left, right):
                yield from self._from(left, so_far)
                yield from self._from(right, (*so_far, minus))
            case Op.NEGATE, (operand,):
                yield from self._from(operand, (*so_far, minus))
            case Op.MULTIPLY, (left, right):
                yield from self._from(left, (*so_far, Factor(right)))
                yield from self._from(right, (*so_far, Factor(left)))
            case Op.TRANSPOSE, (operand,):
                yield from self._from(operand, so_far)
            case Op.CHOICE, (_, then, otherwise) if term.data is not None:
                yield from self._from(then if term.data else otherwise, so_far)
            case _:
                raise _UnseenPathError

    def _is_it(self, term: Term) -> bool:
        at = self.forward.timeline.at(term)
        return at is not None and at.value == self.state and at.steps == -1

    def _rests_on_it(self, term: Term) -> bool:
        """Whether the state of the step before is in a term, but not in a product with weights."""
        if term.key not in self._rests:
            self._rests[term.key] = False  # a value that rests on itself is one of another step
            here = self.forward.now(term)
            inside = () if here.op is Op.PRODUCT else here.args
            self._rests[term.key] = self._is_it(term) or any(self._rests_on_it(each) for each in inside)
        return self._rests[term.key]


class _UnseenPathError(Exception):
    """A path leads through an operation whose derivative is not known here."""
