"""Passes in which no adjoint flows from step t+1 to step t."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.backward import BackwardPass
from rnnlint.model.forward import last_word
from rnnlint.model.gradient_names import gradient_stem, place_name, stem_of
from rnnlint.model.heap import Binding
from rnnlint.model.steps import Loop
from rnnlint.model.terms import Op, Term, whole
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class IdleAdjoint:
    """An adjoint computed and forgotten; ``by_weights``: a sum of products with weights, as that of h is."""

    binding: Binding
    by_weights: bool

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
    """No adjoint flows from step t+1 to t: the variables that should carry, and the adjoints left idle."""

    loop: Loop
    carries: tuple[ZeroCarry, ...]
    idle: tuple[IdleAdjoint, ...]

    @property
    def repairs(self) -> tuple[tuple[str, str], ...]:
        """Carry and the idle variable it should take, where each carry has exactly one; else nothing."""
        found = []
        for carry in self.carries:
            fitting = [each for each in self.idle if each.by_weights == carry.of_hidden]
            if len(fitting) != 1:
                return ()
            found.append((carry.name, place_name(fitting[0].binding.place)))
        return tuple(found)


def dropped_carry(bptt: BackwardPass) -> DroppedCarry | None:
    """What should flow back through time and does not; None where it does, or where that is not known."""
    if not bptt.forward.is_recurrent or len(bptt.step_loops) != 1 or bptt.carries:
        return None
    (loop,) = bptt.step_loops
    pairs = bptt.deltas_of_gates
    roots = {m.root.key for delta in bptt.deltas for m in bptt.derivatives.monomials(delta.term) or ()}
    zeros = [
        each
        for each in bptt.bindings
        if each.value.op is Op.FILLED
        and each.value.key in roots
        and not each.added
        and each.loop is not loop
        and isinstance(each.target, tree.Name)
    ]
    idle = tuple(_idle(bptt, loop))
    carries = []
    for zero in dict.fromkeys(zeros):
        state = bptt.derivatives.state_of(zero.value, pairs)
        carries.append(ZeroCarry(zero, state is not None and bptt.forward.is_multiplied(state)))
    return DroppedCarry(loop, tuple(carries), idle)


def _is_by_weights(bptt: BackwardPass, adjoint: Term) -> bool:
    monomials = bptt.derivatives.monomials(adjoint) or ()
    return bool(monomials) and all(each.root.op is Op.PRODUCT and not each.factors for each in monomials)


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
            yield IdleAdjoint(binding, _is_by_weights(bptt, whole(binding.value)))
