"""Reads of state sequences: those of another step than their role asks for, and those that wrap."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.adjoints import factors_in
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Wrong
from rnnlint.model.forward import pieces
from rnnlint.model.heap import Guard, Read
from rnnlint.model.numbers import UncomputableError, proportional
from rnnlint.model.sequences import StateSequence
from rnnlint.model.steps import Where
from rnnlint.model.terms import Op, Term, walk_all
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class Misread:
    """Reads of a state sequence that point to another step than their role asks for.

    ``nodes`` are the accesses, ``correction`` what their index lacks, ``role`` the step the role asks for (0:
    this one, −1: the one before)."""

    sequence: StateSequence
    nodes: tuple[tree.Subscript, ...]
    correction: int
    role: int


@dataclass(frozen=True, slots=True)
class WrappedRead:
    """A read of the step before that is, at the first step, of the last one.

    ``idle_guard``: a condition that was to choose another value at the first step, and that never holds.
    ``missed_by``: how much must be added to its right side for it to hold there.
    """

    sequence: StateSequence
    node: tree.Subscript
    idle_guard: tree.Expression | None = None
    missed_by: int | None = None


def misreads(bptt: BackwardPass) -> tuple[Misread, ...]:
    """The reads of another step than their role asks for, those of one sequence and one role together."""
    found: dict[tuple[int, int, int], list[Term]] = {}
    for each in bptt.discrepancies:
        if each.wrong is Wrong.STEP and each.read is not None and each.read.op is Op.RECALL:
            found.setdefault((each.read.args[0].key, each.steps, each.expected_steps), []).append(each.read)
    for read, correction, role in (*_misread_operands(bptt), *_misread_in_carried_delta(bptt)):
        found.setdefault((read.args[0].key, correction, role), []).append(read)
    misreads = []
    for (_, correction, role), reads in found.items():
        sequence = bptt.timeline.sequence_of(reads[0])
        nodes = _accesses(bptt, reads)
        if sequence is not None and nodes and sequence.direction == 1:
            misreads.append(Misread(sequence, nodes, correction, role))
    return tuple(misreads)


def _misread_operands(bptt: BackwardPass) -> Iterator[tuple[Term, int, int]]:
    """Reads in a weight's gradient that should be what the weight multiplied, and are of another step."""
    for gradient in bptt.weight_gradients:
        wanted = bptt.forward.operands_of(gradient.weight)
        if any(_same_operand(bptt, gradient.operand, each) for each in wanted):
            continue
        for each in wanted:
            yield from _step_between(bptt, gradient.operand, each)


def _misread_in_carried_delta(bptt: BackwardPass) -> Iterator[tuple[Term, int, int]]:
    """Reads of this step's state where a δ is made ready for the step before: Wᵀδ_t ⊙ φ′(h_{t−1}).

    That it is made for the step before is seen from the gradients: they take the δ as it was carried in."""
    for gradient in bptt.weight_gradients:
        after, gates = bptt.timeline.after(gradient.delta), bptt.forward.gates_of(gradient.weight)
        if after is None or len(gates) != 1 or gates[0].part is not None:
            continue
        monomials = bptt.derivatives.monomials(after) or ()
        if not monomials or any(each.root.op is not Op.PRODUCT for each in monomials):
            continue
        paths = bptt.forward.paths(gates[0].value, gates[0])
        try:
            of_this_step = proportional(bptt.derivatives.along(monomials, paths))
        except UncomputableError:
            continue
        for factor in {f.key: f for each in monomials for f in each.factors}.values() if of_this_step else ():
            yield from ((read, -1, -1) for read, steps in bptt.derivatives.reads(factor) if steps == 0)


def _same_operand(bptt: BackwardPass, operand: Term, wanted: Term) -> bool:
    if bptt.derivatives.same_value(operand, wanted):
        return True
    mine, theirs = list(bptt.forward.pieces(operand)), list(bptt.forward.pieces(wanted))
    return mine == theirs


def _step_between(bptt: BackwardPass, operand: Term, wanted: Term) -> Iterator[tuple[Term, int, int]]:
    mine, theirs = list(pieces(operand)), list(bptt.forward.pieces(wanted))
    if len(mine) != len(theirs):
        return
    for seen, (value, role) in zip(mine, theirs, strict=True):
        at = bptt.timeline.at(seen)
        if seen.op is Op.RECALL and at and at.value == value and at.steps != role:
            yield seen, role - at.steps, role


def _accesses(bptt: BackwardPass, reads: list[Term]) -> tuple[tree.Subscript, ...]:
    """The places in this file where those reads stand in what flows into a gradient."""
    found: dict[int, tree.Subscript] = {}
    for each in reads:
        if isinstance(each.origin, tree.Subscript) and bptt.module.holds(each.origin):
            found.setdefault(id(each.origin), each.origin)
    return tuple(sorted(found.values(), key=lambda node: bptt.module.span(node)))


def wrapped_reads(bptt: BackwardPass) -> tuple[WrappedRead, ...]:
    """Live reads of the step before that are the last step's where there is no step before."""
    found: dict[int, WrappedRead] = {}
    live = {term.key for delta in bptt.deltas for term in delta.term.walk()}
    live |= {term.key for gradient in bptt.weight_gradients for term in gradient.operand.walk()}
    misread = {id(node) for each in misreads(bptt) for node in each.nodes}
    live -= _masked(bptt)
    for read in bptt.heap.reads:
        if read.term.key not in live or id(read.node) in misread or not isinstance(read.node, tree.Subscript):
            continue
        sequence, offset = bptt.timeline.sequence_of(read.term), bptt.timeline.offset(read.term)
        if sequence is None or offset is None or offset.from_end or not bptt.module.holds(read.node):
            continue
        skipped = read.loop.skipped if read.loop is not None else 0
        if read.loop is not None and read.loop.lowest is not None and not read.loop.lowest.is_constant:
            continue  # it may begin late enough
        if sequence.wraps_at(offset.steps + skipped) and not _is_guarded(bptt, read, offset.forward):
            guard = _idle_guard(bptt, read)
            found.setdefault(
                id(read.node),
                WrappedRead(sequence, read.node)
                if guard is None
                else WrappedRead(sequence, read.node, guard.condition.origin, _missed(guard, offset.forward)),
            )
    return tuple(found.values())


def _missed(guard: Guard, forward: bool) -> int | None:
    """By how much a condition misses the first step in time."""
    return guard.loop.misses_by(guard.condition, _first(forward)) if guard.loop is not None else None


def _masked(bptt: BackwardPass) -> set[int]:
    """The keys of what a factor made of the step's number alone may leave out: ``C[t - 1] * (t > 0)``."""
    steps = {loop.variable.key for loop in bptt.step_loops if loop.variable is not None}
    found: set[int] = set()
    without: set[int] = set()
    roots = [delta.term for delta in bptt.deltas] + [each.operand for each in bptt.weight_gradients]
    for term in walk_all(roots):
        factors = term.args if term.data == "where" else factors_in(term)
        masks = [each for each in factors if _is_of_the_step(each, steps, without)]
        if masks:
            found |= {each.key for factor in factors if factor not in masks for each in factor.walk()}
    return found


def _is_of_the_step(factor: Term, steps: set[int], without: set[int]) -> bool:
    moves = factor.has(lambda each: each.key in steps, without)
    return moves and not factor.holds(Op.RECALL, Op.CARRIED, Op.PRODUCT, Op.FILLED)


def _idle_guard(bptt: BackwardPass, read: Read) -> Guard | None:
    """The innermost condition around a read that is the same at every step, in this file."""
    for guard in reversed(read.guards):
        node = guard.condition.origin
        if guard.loop is None or node is None or not bptt.module.holds(node):
            continue
        if all(guard.loop.holds_at(guard.condition, where) is guard.holds for where in Where):
            return guard
    return None


def shaped_by_initial_state(bptt: BackwardPass) -> tuple[WrappedRead, ...]:
    """Reads of an initial state that give a carry its shape."""
    found = []
    for binding in bptt.bindings:
        zeros = binding.value
        if zeros.op is not Op.FILLED or not zeros.args or binding.loop is not None:
            continue
        (shape, *_) = zeros.args
        node = shape.origin
        if shape.op is Op.RECALL and isinstance(node, tree.Subscript) and bptt.module.holds(node):
            sequence = bptt.timeline.sequence_of(shape)
            if sequence is not None and sequence.initial_store is not None and shape.args[1].data == 0:
                found.append(WrappedRead(sequence, node))
    return tuple(found)


def _is_guarded(bptt: BackwardPass, read: Read, forward: bool) -> bool:
    for guard in read.guards:
        holds = guard.loop.holds_at(guard.condition, _first(forward)) if guard.loop else None
        if holds is None or holds is not guard.holds:
            return True
    return False


def _first(forward: bool) -> Where:
    """Where the first step in time is, among the values of the loop's variable."""
    return Where.LOWEST if forward else Where.HIGHEST
