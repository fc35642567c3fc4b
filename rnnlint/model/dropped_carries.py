"""Passes in which no adjoint flows from step t+1 to step t."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.backward import BackwardPass
from rnnlint.model.forward import last_word
from rnnlint.model.gradient_names import gradient_stem, place_name, stem_of
from rnnlint.model.heap import Binding
from rnnlint.model.past_paths import PastPaths
from rnnlint.model.steps import Loop
from rnnlint.model.terms import Op, Term, whole
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class IdleAdjoint:
    """An adjoint computed and forgotten; ``by_weights``: a sum of products with weights, as that of h is.

    ``of_a_stack``: that of [h; x] whole, of which the carry is a part.
    """

    binding: Binding
    by_weights: bool
    of_a_stack: bool

    @property
    def is_thrown_away(self) -> bool:
        """Whether even its name says that nobody wants it: ``dx, _ = …``."""
        return not place_name(self.binding.place).strip("_")


@dataclass(frozen=True, slots=True)
class ZeroCarry:
    """A carry that stays what it was set to before the loop; ``of_hidden``: that of h, else that of C."""

    binding: Binding
    of_hidden: bool

    @property
    def name(self) -> str:
        """The variable."""
        return place_name(self.binding.place)


@dataclass(frozen=True, slots=True)
class DroppedCarry:
    """No adjoint flows from step t+1 to t: the variables that should carry, and the adjoints left idle.

    ``others_flow``: one state's adjoint does not, while another's does.
    """

    loop: Loop
    carries: tuple[ZeroCarry, ...]
    idle: tuple[IdleAdjoint, ...]
    others_flow: bool = False

    @property
    def repairs(self) -> tuple[tuple[str, str], ...]:
        """Carry and the idle variable it should take, where each carry has exactly one; else nothing."""
        found = []
        for carry in self.carries:
            fitting = [each for each in self.idle if each.by_weights == carry.of_hidden]
            if len(fitting) != 1 or fitting[0].of_a_stack:
                return ()
            found.append((carry.name, place_name(fitting[0].binding.place)))
        return tuple(found)


def dropped_carry(bptt: BackwardPass) -> DroppedCarry | None:
    """What should flow back through time and does not; None where it does, or where that is not known."""
    if not bptt.forward.is_recurrent or len(bptt.step_loops) != 1:
        return None
    (loop,) = bptt.step_loops
    if bptt.carries:
        return _dropped_beside_others(bptt, loop)
    zeros = _zeros(bptt, loop)
    idle = tuple(_idle(bptt, loop))
    carries = []
    for zero in zeros:
        state = bptt.derivatives.state_of(zero.value, bptt.deltas_of_gates)
        carries.append(ZeroCarry(zero, state is not None and bptt.forward.is_multiplied(state)))
    return DroppedCarry(loop, tuple(carries), idle)


def _dropped_beside_others(bptt: BackwardPass, loop: Loop) -> DroppedCarry | None:
    """A carry that stays zero while another state's flows; None where it cannot be told whose it is."""
    if any(each.loop is loop for each in bptt.heap.unknown_calls):
        return None
    of_root, pairs = bptt.derivatives.state_of_root, bptt.deltas_of_gates
    flowing = [of_root(own.carried[place], pairs) for own, place in bptt.carried_adjoints]
    carries = []
    for zero in _zeros(bptt, loop):
        state = of_root(zero.value, pairs)
        if state is not None and None not in flowing and state not in flowing and _goes_on(bptt, state):
            carries.append(ZeroCarry(zero, bptt.forward.is_multiplied(state)))
    kinds = {each.of_hidden for each in carries}
    idle = tuple(each for each in _idle(bptt, loop) if each.by_weights in kinds)
    return DroppedCarry(loop, tuple(carries), idle, others_flow=True) if carries else None


def _goes_on(bptt: BackwardPass, state: Term) -> bool:
    """Whether a state enters the next step: by weights, or past them."""
    weighted = any(
        steps == -1 and value == state
        for pair in bptt.forward.outputs
        for value, steps in bptt.forward.pieces(pair.operand)
    )
    return weighted or bool(PastPaths(bptt.forward, state).of(state))


def _zeros(bptt: BackwardPass, loop: Loop) -> list[Binding]:
    """The variables that δ's are made of, that are set to zeros before the loop and stay so in it."""
    roots = {m.root.key for delta in bptt.deltas for m in bptt.derivatives.monomials(delta.term) or ()}
    found = [
        each
        for each in bptt.bindings
        if each.value.op is Op.FILLED
        and each.value.key in roots
        and not each.added
        and each.loop is not loop
        and isinstance(each.target, tree.Name)
    ]
    return list(dict.fromkeys(found))


def _is_by_weights(bptt: BackwardPass, adjoint: Term) -> bool:
    monomials = bptt.derivatives.monomials(adjoint) or ()
    return bool(monomials) and all(each.root.op is Op.PRODUCT and not each.factors for each in monomials)


def _is_of_a_stack(bptt: BackwardPass, adjoint: Term) -> bool:
    roots = [each.root for each in bptt.derivatives.monomials(adjoint) or ()]
    pairs = [bptt.forward.weighted_of(root) for root in roots if root.op is Op.PRODUCT]
    operands = [each for pair in pairs if pair for each in bptt.forward.operands_of(pair.weight)]
    return any(len(list(bptt.forward.pieces(each))) > 1 for each in operands)


def _idle(bptt: BackwardPass, loop: Loop) -> Iterator[IdleAdjoint]:
    """Adjoints that the loop computes into a variable and never uses."""
    inside = [node for statement in loop.statement.body for node in statement.walk()]
    own = {stem_of(last_word(pair.weight)) for pair in bptt.forward.outputs}
    own |= {stem_of(last_word(bias)) for gate in bptt.forward.gates for bias in gate.biases}
    for binding in bptt.bindings:
        if binding.loop is not loop or binding.added or not isinstance(binding.target, tree.Name):
            continue
        if gradient_stem(binding.target) in own:
            continue  # what is learned from, and no carry
        name, targets = binding.target.id, id(binding.target)
        same = (n for n in inside if isinstance(n, tree.Name) and n.id == name and id(n) != targets)
        used = bool(name.strip("_")) and any(same)
        if (
            not used
            and any(binding.target is node for node in inside)
            and bptt.module.holds(binding.statement)
            and bptt.derivatives.is_adjoint(binding.value)
        ):
            by_weights = _is_by_weights(bptt, whole(binding.value))
            yield IdleAdjoint(binding, by_weights, by_weights and _is_of_a_stack(bptt, binding.value))
