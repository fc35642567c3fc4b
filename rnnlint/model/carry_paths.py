"""What a carry takes back past the weights, against how the forward pass hands a state on.

The carry of a state S is the adjoint of S_{t−1} as far as step t makes it. Every adjoint of step t reaches it
times the slope along the direct paths: C_t's times f, the product with a GRU's candidate weights times r.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnnlint.model.adjoints import Monomial
from rnnlint.model.backward import BackwardPass
from rnnlint.model.forward import Factor, pieces
from rnnlint.model.heap import Binding
from rnnlint.model.numbers import UncomputableError, proportional
from rnnlint.model.past_paths import PastPaths, Path
from rnnlint.model.steps import Loop
from rnnlint.model.terms import Op, Term, whole
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class WrongPath:
    """A carry that takes an adjoint back otherwise than times ``expected``.

    ``is_missing``: it does not take this adjoint back at all. ``binding`` is where the carry is made.
    """

    binding: Binding
    expected: tuple[Term, ...]
    is_missing: bool


def wrong_paths(bptt: BackwardPass) -> Iterator[WrongPath]:
    """The carries whose direct paths are not those of the forward pass, each carry once."""
    if any(_reads_ahead(bptt, delta.term) for delta in bptt.deltas):
        return  # factors of the step after are taken into the carry when it is read
    for loop, place in bptt.carried_adjoints:
        state = bptt.derivatives.state_of_root(loop.carried[place], bptt.deltas_of_gates)
        places = bptt.sharing(loop, place)
        binding = _made_at(bptt, loop, place)
        if state is None or binding is None or place != places[-1]:
            continue
        parts = [loop.next[each] for each in places]
        if any(_reads_ahead(bptt, each) for each in parts):
            continue
        found = next(_wrong_in(bptt, parts, state, binding), None)
        if found is not None:
            yield found


def _reads_ahead(bptt: BackwardPass, term: Term) -> bool:
    places = (bptt.timeline.at(each) for each in term.walk())
    return any(at is not None and at.steps > 0 for at in places)


def _wrong_in(
    bptt: BackwardPass, parts: Sequence[Term], state: Term, binding: Binding
) -> Iterator[WrongPath]:
    sums = [bptt.derivatives.monomials(_without_slice(each)) for each in parts]
    monomials = [each for one in sums for each in one or ()]
    if None in sums:
        return
    past = PastPaths(bptt.forward, state)
    taken: dict[int, list[Monomial]] = {}
    for each in monomials:
        taken.setdefault(each.root.key, []).append(each)
    for root in _roots(bptt, monomials):
        value = _value_of(bptt, root, past)
        paths = past.of(value) if value is not None else None
        if not paths or not bptt.derivatives.is_right_from(root, bptt.deltas_of_gates):
            continue  # nothing that is not seen, and nothing that a δ has wrong already
        mine = taken.get(root.key, [])
        seen = all(bptt.derivatives.is_clear(factor) for each in mine for factor in each.factors)
        if seen and not (mine and _agree(bptt, mine, paths)):
            yield WrongPath(binding, _factors(paths), is_missing=not mine)


def _without_slice(carry: Term) -> Term:
    """A sum of which the states' part is taken, as that sum."""
    return whole(carry) if carry.op is Op.PART and carry.args[0].op is Op.ADD else carry


def _roots(bptt: BackwardPass, carried: Sequence[Monomial]) -> list[Term]:
    """The adjoints that the carry takes back and those that the δ's are made of."""
    found = {each.root.key: each.root for each in carried}
    for delta in bptt.deltas:
        for each in bptt.derivatives.monomials(delta.term) or ():
            found.setdefault(each.root.key, each.root)
    return list(found.values())


def _value_of(bptt: BackwardPass, root: Term, past: PastPaths) -> Term | None:
    """The value of the forward pass whose adjoint ``root`` is: what weights multiply, or a state."""
    product = root
    while product.op in (Op.TRANSPOSE, Op.PART):
        product = product.args[0]
    if product.op is not Op.PRODUCT:
        return bptt.derivatives.state_of_root(root, bptt.deltas_of_gates)
    pair = bptt.forward.weighted_of(product)
    operands = bptt.forward.operands_of(pair.weight) if pair else ()
    if len(operands) != 1:
        return None
    resting = [each for each in pieces(bptt.forward.now(operands[0])) if past.of(each) != ()]
    return resting[0] if len(resting) == 1 else None


def _agree(bptt: BackwardPass, monomials: Sequence[Monomial], paths: Sequence[Path]) -> bool:
    try:
        return proportional(bptt.derivatives.along(monomials, paths))
    except UncomputableError:
        return True


def _factors(paths: Sequence[Path]) -> tuple[Term, ...]:
    """The values that the one path is times, where there is one alone."""
    values: list[Factor] = list(paths[0]) if len(paths) == 1 else []
    return tuple(each.value for each in values if each.slope_of is None and each.value.op is not Op.NUMBER)


def _made_at(bptt: BackwardPass, loop: Loop, place: str) -> Binding | None:
    """Where the carry gets what it holds when a step ends: in a function that the loop calls, if it does."""
    after = loop.next[place]
    inside = [each for each in bptt.bindings if each.loop is loop and bptt.module.holds(each.statement)]
    made = [each for each in inside if each.value == after]
    own = [each for each in inside if each.place == place]
    deepest = max((each.depth for each in made), default=0)
    return next((each for each in reversed(made) if each.depth == deepest), own[-1] if own else None)
