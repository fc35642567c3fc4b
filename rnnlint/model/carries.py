"""What is carried from step to step: where it starts, which way it walks, what it takes along."""

from __future__ import annotations

from rnnlint.model.backward import BackwardPass
from rnnlint.model.forward import addends
from rnnlint.model.gradient_names import place_name
from rnnlint.model.heap import Binding, SliceKey
from rnnlint.model.recurrent_paths import comes_back_through_weights, recurrent_weights
from rnnlint.model.steps import Direction, Loop
from rnnlint.model.terms import Op, Term, plain, whole
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class IncompleteCarry:
    """A carry of h without the products with ``missing``, weights that multiply h in the forward pass.

    ``place`` is the statement that sums it up.
    """

    binding: Binding
    place: tree.Statement
    missing: tuple[Term, ...]


def unclean_starts(bptt: BackwardPass) -> tuple[tuple[str, Term], ...]:
    """Carries that begin as ones or random numbers: the place and what it begins as."""
    found = []
    for loop, place in bptt.carried_adjoints:
        initial = loop.initial[place]
        kind = initial.data[0] if initial.op is Op.FILLED and isinstance(initial.data, tuple) else None
        if kind in ("ones", "random") and initial.origin is not None and bptt.module.holds(initial.origin):
            found.append((place_name(place), initial))
    return tuple(found)


def walks_of_the_forward_pass(bptt: BackwardPass) -> tuple[Loop, ...]:
    """Loops that carry an adjoint and take the steps in the order in which the forward pass took them."""
    return tuple(
        loop
        for loop in dict.fromkeys(loop for loop, _ in bptt.carried_adjoints)
        if loop.direction is not Direction.UNKNOWN and _reads_in_order(bptt, loop)
    )


def _reads_in_order(bptt: BackwardPass, loop: Loop) -> bool:
    """Whether every state that a loop reads was filled by a loop that walks as it does."""
    reads = [each.term for each in bptt.heap.reads if each.loop is loop and each.term.key in bptt.live]
    filled = [(bptt.timeline.sequence_of(each), bptt.timeline.offset(each)) for each in reads]
    walks = [(sequence, offset) for sequence, offset in filled if sequence is not None]
    of_states = [walk for walk in walks if bptt.forward.holds_its_past(walk[0].value)]
    makers = [(sequence.loop, offset) for sequence, offset in of_states or walks]
    return bool(makers) and all(
        made is not None
        and made.direction is loop.direction
        and offset is not None
        and offset.forward
        and not offset.from_end
        for made, offset in makers
    )


def wrong_carry_slices(bptt: BackwardPass) -> tuple[tree.Expression, ...]:
    """Slices that take the inputs' part of dz for the carry of h."""
    found = []
    for loop, place in bptt.carried_adjoints:
        for carry in addends(loop.next[place]):
            keys = carry.data if carry.op is Op.PART and isinstance(carry.data, tuple) else ()
            cuts = [k for k in keys if isinstance(k, SliceKey) and (k.begin, k.end) != (None, None)]
            first = _is_first_in_stack(bptt, whole(carry))
            if len(cuts) != 1 or first is None or carry.origin is None or not bptt.module.holds(carry.origin):
                continue
            takes_first = not cuts[0].begin and cuts[0].end is not None
            takes_last = bool(cuts[0].begin) and cuts[0].end is None
            if (takes_last and first) or (takes_first and not first):
                found.append(carry.origin)
    return tuple(found)


def _is_first_in_stack(bptt: BackwardPass, dz: Term) -> bool | None:
    """Whether h stands first in what the weights of ``dz`` multiply; None where it is no stack of two."""
    answers: set[bool] = set()
    for monomial in bptt.derivatives.monomials(dz) or ():
        pair = bptt.forward.weighted_of(monomial.root) if monomial.root.op is Op.PRODUCT else None
        if pair is None:
            return None
        for operand in bptt.forward.operands_of(pair.weight):
            steps = [steps for _, steps in bptt.forward.pieces(operand)]
            if len(steps) != 2 or sorted(steps) != [-1, 0]:
                return None
            answers.add(steps[0] == -1)
    return answers.pop() if len(answers) == 1 else None


def skipping_loops(bptt: BackwardPass) -> tuple[tuple[Loop, int], ...]:
    """Loops over the steps that leave out the first ones, and how many, where the forward pass takes
    all."""
    forward = [s.loop for s in bptt.timeline.sequences.values() if s.loop is not None]
    if not forward or any(loop.skipped for loop in forward):
        return ()
    apart = {gradient.binding.loop for gradient in bptt.weight_gradients} - set(bptt.step_loops)
    return tuple(
        (loop, loop.skipped)
        for loop in bptt.step_loops
        if loop.skipped and loop.outer not in apart and not walks_from_the_end(bptt, loop)
    )


def walks_from_the_end(bptt: BackwardPass, loop: Loop) -> bool:
    """Whether a loop that counts up reads the sequences from their end: its first round is the last step."""
    reads = (
        read.term for read in bptt.heap.reads if read.loop is loop and bptt.timeline.sequence_of(read.term)
    )
    offsets = (bptt.timeline.offset(read) for read in reads)
    return any(offset is not None and not offset.forward for offset in offsets)


def incomplete_carries(bptt: BackwardPass) -> tuple[IncompleteCarry, ...]:
    """Carries of h that come back through some or none of the weights that multiply h, not through all."""
    found = []
    for loop in bptt.step_loops:
        bypass = not comes_back_through_weights(bptt, loop)
        for place, carried in loop.carried.items():
            if carried.key not in bptt.live:
                continue
            together = [loop.next[each] for each in bptt.sharing(loop, place)]
            missing = _missing_weights(bptt, together)
            if bypass and loop.next[place] != carried and _is_of_hidden(bptt, carried):
                missing = recurrent_weights(bptt)
            found += _incomplete_carry(bptt, loop, place, missing) if missing else []
    return tuple(found)


def _is_of_hidden(bptt: BackwardPass, carried: Term) -> bool:
    """Whether a carry is, by every δ that it enters, the adjoint of a state that weights multiply."""
    pairs = bptt.deltas_of_gates
    hidden = (state for state in bptt.forward.states if bptt.forward.is_multiplied(state))
    return any(bptt.derivatives.is_of(carried, state, pairs) for state in hidden)


def _incomplete_carry(
    bptt: BackwardPass, loop: Loop, place: str, missing: tuple[Term, ...]
) -> list[IncompleteCarry]:
    binding = next((b for b in reversed(bptt.bindings) if b.place == place and b.loop is loop), None)
    if binding is None:
        return []
    origin = whole(loop.next[place]).origin
    summed = bptt.module.statement_of(origin) if origin is not None and bptt.module.holds(origin) else None
    where = summed if summed is not None else binding.statement
    return [IncompleteCarry(binding, where, missing)] if bptt.module.holds(where) else []


def _missing_weights(bptt: BackwardPass, carries: list[Term]) -> tuple[Term, ...]:
    """The weights that multiply a state and through which none of its ``carries`` comes back."""
    monomials = [m for each in carries for m in bptt.derivatives.monomials(whole(each)) or ()]
    products = [each.root for each in monomials if each.root.op is Op.PRODUCT]
    pairs = [bptt.forward.weighted_of(each) for each in products]
    if None in pairs:
        return ()
    seen = {pair.weight for pair in pairs if pair is not None}
    past = [each for each in recurrent_weights(bptt) if _multiply_one_state(bptt, each, seen)]
    if not seen & set(past):
        return ()
    cut = {weight for weight in seen if _is_cut(bptt, weight, products)}
    return tuple(weight for weight in past if weight not in seen - cut)


def _multiply_one_state(bptt: BackwardPass, weight: Term, others: set[Term]) -> bool:
    """Whether a weight multiplies what others multiply: no encoder's weight what the decoder's do."""
    return any(bptt.forward.multiplied_by(weight) & bptt.forward.multiplied_by(each) for each in others)


def _is_cut(bptt: BackwardPass, weight: Term, products: list[Term]) -> bool:
    """Whether only some of the gates that share a weight come back through it."""
    gates = bptt.forward.gates_of(weight)
    operands = [p.operand for gate in gates for p in gate.weighted if p.weight == weight]
    if any(gate.part is None for gate in gates) or any(
        len(list(bptt.forward.pieces(o))) != 1 for o in operands
    ):
        return False
    sides = [plain(side) for product in products for side in product.args]
    slices = [side for side in sides if side.op is Op.PART and plain(side.args[0]) == weight]
    keys = [key for part in slices if isinstance(part.data, tuple) for key in part.data]
    ends = [key.end for key in keys if isinstance(key, SliceKey) and (key.begin, key.end) != (None, None)]
    return len(slices) == 1 == len(ends) and ends[0] is not None
