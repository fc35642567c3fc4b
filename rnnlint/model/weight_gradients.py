"""The gradients of weights: which products of a δ with an operand go into which weight's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from rnnlint.model.derivatives import Derivatives
from rnnlint.model.forward import ForwardPass, last_word
from rnnlint.model.gradient_names import gradient_stem, may_be_of, stem_of
from rnnlint.model.heap import Binding, Heap
from rnnlint.model.terms import Op, Term, plain
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class WeightGradient:
    """``delta`` times ``operand``, put into the gradient of ``weight``."""

    weight: Term
    delta: Term
    operand: Term
    binding: Binding


class WeightGradients:
    """Finds them among the ``bindings`` of a backward pass."""

    def __init__(
        self, forward: ForwardPass, derivatives: Derivatives, heap: Heap, bindings: tuple[Binding, ...]
    ) -> None:
        self.forward, self.derivatives = forward, derivatives
        self.heap, self.bindings = heap, bindings

    @cached_property
    def all(self) -> tuple[WeightGradient, ...]:
        """Every product of a δ that goes into a weight's gradient, paired with its weight by name, or else
        by what meets in it."""
        weights = {stem_of(last_word(pair.weight)): pair.weight for pair in self.forward.outputs}
        found = []
        for binding in self.bindings:
            named = weights.get(gradient_stem(binding.target) or "")
            if named is not None and not may_be_of(binding.target, str(named.data)):
                named = None
            if self.is_reworked(binding):
                continue
            for product in _products(binding.value):
                weight = named or self._weight_by_value(product)
                sides = self._sides(product, weight) if weight is not None else None
                if weight is not None and sides is not None:
                    found.append(WeightGradient(weight, *sides, binding))
        return tuple(found)

    def _weight_by_value(self, product: Term) -> Term | None:
        """The one weight in whose gradient a δ meets such an operand, whatever that gradient is called."""
        sides = [plain(each) for each in product.args]
        for delta, operand in (sides, sides[::-1]):
            weights = self._weights_beside.get(delta.key, ())
            fitting = [each for each in weights if self._is_operand(operand, each)]
            if len(fitting) == 1:
                return fitting[0]
        return None

    def _is_operand(self, term: Term, weight: Term) -> bool:
        same = self.derivatives.same_value
        return any(same(term, each, timeless=True) for each in self.forward.operands_of(weight))

    @cached_property
    def _weights_beside(self) -> dict[int, tuple[Term, ...]]:
        """For each δ that goes back through weights (its key): the weights of the gates that it belongs
        to."""
        found: dict[int, dict[Term, None]] = {}
        for binding in self.bindings:
            for product in self.derivatives.products_in(binding.value):
                pair = self.forward.weighted_of(product)
                if pair is not None and self.derivatives.is_adjoint(pair.operand):
                    gates = self.forward.gates_of(pair.weight)
                    own = dict.fromkeys(each.weight for gate in gates for each in gate.weighted)
                    delta = plain(pair.operand)
                    for each in (delta, self.forward.timeline.after(delta)):
                        if each is not None:  # a δ that is carried: this step's is what it becomes
                            found.setdefault(plain(each).key, {}).update(own)
        return {key: tuple(weights) for key, weights in found.items()}

    def is_reworked(self, binding: Binding) -> bool:
        """Whether it only makes something of what a loop summed there: clips it, scales it, empties it."""
        ends = {
            loop.number: loop.next[binding.place] for loop in self.heap.loops if binding.place in loop.next
        }
        if not ends:
            return False
        sums = (term for term in binding.value.walk() if term.op is Op.LAST)
        return any(isinstance(each.data, int) and ends.get(each.data) == each.args[0] for each in sums)

    def _sides(self, product: Term, weight: Term) -> tuple[Term, Term] | None:
        """A product in a weight's gradient as δ and operand; None where it is not clear which is which."""
        left, right = (plain(each) for each in product.args)
        flows = [self.derivatives.is_adjoint(each) for each in (left, right)]
        if flows == [True, False]:
            return left, right
        if flows == [False, True]:
            return right, left
        wanted = self.forward.operands_of(weight)
        same = self.derivatives.same_value
        for delta, operand in ((left, right), (right, left)):
            if any(same(operand, each, timeless=True) for each in wanted):
                return delta, operand
        return None


def _products(term: Term) -> Iterator[Term]:
    """The products that are summands of ``term``."""
    match term.op, term.args:
        case Op.PRODUCT, _:
            yield term
        case ((Op.ADD | Op.SUBTRACT), (left, right)):
            yield from _products(left)
            yield from _products(right)
        case ((Op.TRANSPOSE | Op.SUM | Op.NEGATE | Op.LAST), (operand,)):
            yield from _products(operand)
        case Op.DIVIDE, (operand, _):
            yield from _products(operand)
        case Op.MULTIPLY, (left, right):
            yield from _products(left)
            yield from _products(right)
