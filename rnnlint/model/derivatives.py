"""Derivatives by value: what a backward pass multiplies, against what the forward pass asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rnnlint.model.adjoints import Monomial
from rnnlint.model.blame import Blame, weight
from rnnlint.model.discrepancies import Discrepancy, Wrong
from rnnlint.model.forward import Factor, ForwardPass, Gate
from rnnlint.model.numbers import UncomputableError, proportional
from rnnlint.model.sequences import At, Timeline
from rnnlint.model.terms import Op, Term


class Derivatives(Blame):
    """Compares δ's of one backward pass with its forward pass."""

    def __init__(self, forward: ForwardPass, timeline: Timeline) -> None:
        super().__init__(forward, timeline)
        self._slopes: dict[tuple[int, int], list[float]] = {}

    def compare(self, delta: Term, gate: Gate) -> list[Discrepancy]:
        """What is wrong with ``delta`` as the adjoint of the gate's pre-activation; nothing where it is
        right."""
        monomials = [each for each in self.monomials(delta) or () if not self._had_its_factors(each)]
        found: list[Discrepancy] = []
        try:
            for root in {each.root.key: each.root for each in monomials}.values():
                mine = [each for each in monomials if each.root == root]
                states = self._states_of(root)
                if any(self._agreeing(mine, states, gate)):
                    continue
                if any(self._is_unseen(state, gate) for state in states):
                    continue
                moved = self._as_another_step(mine, states, gate, delta)
                blamed = [each for monomial in mine for each in self._blame(monomial, states, gate, delta)]
                found += moved or blamed or self._part_of_a_sum(mine, states, gate, delta)
        except UncomputableError:
            return []
        other = self._gate_of(delta, gate) if found else None
        return [Discrepancy(Wrong.GATE, gate, delta, other_gate=other)] if other else found

    def _is_unseen(self, state: Term, gate: Gate) -> bool:
        """Whether ``state`` has an adjoint in this pass, and rests on the gate in a way that is not known."""
        goes_on = self.forward.is_multiplied(state) or self.forward.holds_its_past(state)
        return goes_on and self.forward.has_unseen_path(state, gate)

    def _part_of_a_sum(
        self, monomials: Sequence[Monomial], states: Sequence[Term], gate: Gate, delta: Term
    ) -> list[Discrepancy]:
        """Factors that are right for one path of the forward pass, where another one is left out.

        A coupled gate acts on C twice: C = f ⊙ C_{t−1} + (1 − f) ⊙ g."""
        several = [state for state in states if len(self.forward.paths(state, gate)) > 1]
        own = [each for m in monomials for each in m.factors if not self._is_of_slope(each, gate)]
        return [Discrepancy(Wrong.PARTNER, gate, delta, (own[-1],))] if several and own else []

    def _is_of_slope(self, factor: Term, gate: Gate) -> bool:
        return self.family(factor) in (frozenset(), frozenset({gate.value.key}))

    def _had_its_factors(self, monomial: Monomial) -> bool:
        """Whether it is a δ carried whole, which got its factors when the step before put it by."""
        if monomial.root.op is not Op.CARRIED or monomial.factors:
            return False
        after = self.timeline.after(monomial.root)
        monomials = self.monomials(after) if after is not None else None
        return monomials is None or not monomials or any(each.factors for each in monomials)

    def is_right(self, delta: Term, gate: Gate) -> bool:
        """Whether ``delta`` is, by value, the adjoint of the gate's pre-activation as far as its roots
        reach."""
        monomials = self.monomials(delta) or ()
        roots = {each.root.key: each.root for each in monomials}.values()
        try:
            return bool(monomials) and all(
                any(
                    self._agreeing(
                        [each for each in monomials if each.root == root], self._states_of(root), gate
                    )
                )
                for root in roots
            )
        except UncomputableError:
            return False

    def _gate_of(self, delta: Term, gate: Gate) -> Gate | None:
        others = (each for each in self.forward.gates if each != gate)
        return next((each for each in others if self.is_right(delta, each)), None)

    def _states_of(self, root: Term) -> list[Term]:
        """The states whose adjoint ``root`` may be: for Wᵀδ those that W multiplies, else all."""
        product = root
        while product.op in (Op.TRANSPOSE, Op.PART):
            product = product.args[0]
        if product.op is Op.PRODUCT:
            pair = self.forward.weighted_of(product)
            operands = self.forward.operands_of(pair.weight) if pair else ()
            if operands:
                return [value for operand in operands for value, _ in self.forward.pieces(operand)]
        states = list(self.forward.states)
        if root.op is Op.CARRIED and (kind := self._kind_of_carry(root)) is not None:
            of_kind = [each for each in states if self.forward.is_multiplied(each) is kind]
            if kind or any(self.forward.holds_its_past(each) for each in of_kind):
                return of_kind  # else a network without a cell state, whose carry comes back by halves
        return states

    def _kind_of_carry(self, carried: Term) -> bool | None:
        """True for a carry that comes back through weights (that of h), False for one through none (that of
        C)."""
        after = self.timeline.after(carried)
        while after is not None and after.op is Op.PART:
            after = after.args[0]
        monomials = (self.monomials(after) or ()) if after is not None else ()
        roots = [each.root for each in monomials]
        if roots and all(each.op is Op.PRODUCT for each in roots) and not any(m.factors for m in monomials):
            return True
        through_weights = any(each.root.op is Op.PRODUCT and not each.factors for each in monomials)
        return False if carried in roots and not through_weights else None

    def _agreeing(self, monomials: Sequence[Monomial], states: Iterable[Term], gate: Gate) -> Iterator[Term]:
        """The states whose slopes these products of one adjoint are."""
        observed: list[float] = []
        for state in states if monomials else ():
            expected = self._expected(state, gate)
            if expected:
                observed = observed or self._observed(monomials)
                if proportional(list(zip(observed, expected, strict=True))):
                    yield state

    def _expected(self, state: Term, gate: Gate) -> list[float]:
        """∂state/∂(the gate's pre-activation), at each point; empty where it does not depend on it."""
        asked = (state.key, gate.value.key)
        if asked not in self._slopes:
            paths = self.forward.paths(state, gate)
            self._slopes[asked] = [
                sum(_signed(path, self._product_of_path(numbers, path)) for path in paths)
                for numbers in (self.points if paths else ())
            ]
        return self._slopes[asked]

    def _as_another_step(
        self, monomials: Sequence[Monomial], states: Sequence[Term], gate: Gate, delta: Term
    ) -> list[Discrepancy]:
        """The one read that, moved by a step or two, makes the δ right."""
        reads = {
            read.key: (read, steps) for m in monomials for f in m.factors for read, steps in self.reads(f)
        }
        slopes = [expected for state in states if (expected := self._expected(state, gate))]
        taken = [read for read, _ in reads.values()]
        if slopes and (moved := self._as_another_record(monomials, taken, slopes, gate, delta)):
            return moved
        for read, steps in reads.values() if slopes else ():
            at = self.timeline.at(read)
            for by in (1, -1, 2, -2):
                if at is None:
                    continue
                observed = self._observed_with(monomials, [(read, At(at.value, steps + by))])
                if any(proportional(list(zip(observed, each, strict=True))) for each in slopes):
                    return [Discrepancy(Wrong.STEP, gate, delta, (read,), None, read, by, steps + by)]
        return []

    def _as_another_record(
        self,
        monomials: Sequence[Monomial],
        reads: Sequence[Term],
        slopes: Sequence[Sequence[float]],
        gate: Gate,
        delta: Term,
    ) -> list[Discrepancy]:
        """The one record of another step, ``caches[t + 1]``, out of which every wrong value was taken."""
        records: dict[int, tuple[Term, list[tuple[Term, At]]]] = {}
        for read in reads:
            record, at = self.timeline.record_of(read), self.timeline.at(read)
            if record is not None and at is not None:
                records.setdefault(record.key, (record, []))[1].append((read, at))
        for record, members in records.values():
            kept = self.timeline.at(record)
            if kept is None or not kept.steps:
                continue
            observed = self._observed_with(
                monomials, [(read, At(at.value, at.steps - kept.steps)) for read, at in members]
            )
            if any(proportional(list(zip(observed, each, strict=True))) for each in slopes):
                return [Discrepancy(Wrong.STEP, gate, delta, (record,), None, record, -kept.steps, 0)]
        return []

    def is_of(self, root: Term, cell: Term, deltas: Iterable[tuple[Term, Gate]]) -> bool | None:
        """Whether ``root`` is an adjoint of the cell state itself (not of h), by every δ; None where none
        says."""
        answers = set()
        for delta, gate in deltas:
            mine = [each for each in self.monomials(delta) or () if each.root == root]
            try:
                agreeing = list(self._agreeing(mine, self.forward.states, gate))
            except UncomputableError:
                return None
            if mine:
                answers.add(cell in agreeing if agreeing else None)
        return answers.pop() if len(answers) == 1 else None

    def state_of_root(self, root: Term, deltas: Iterable[tuple[Term, Gate]]) -> Term | None:
        """The one state whose adjoint ``root`` is by every δ that is right in it; None where none or more
        are."""
        votes = []
        for delta, gate in deltas:
            mine = [each for each in self.monomials(delta) or () if each.root == root]
            try:
                agreeing = {each.key: each for each in self._agreeing(mine, self.forward.states, gate)}
            except UncomputableError:
                continue
            if agreeing:
                votes.append(agreeing)
        common = [s for key, s in votes[0].items() if all(key in each for each in votes)] if votes else []
        return common[0] if len(common) == 1 else None

    def is_right_from(self, root: Term, deltas: Iterable[tuple[Term, Gate]]) -> bool:
        """Whether every δ that holds an adjoint takes it down with the right factors."""
        for delta, gate in deltas:
            mine = [each for each in self.monomials(delta) or () if each.root == root]
            try:
                if mine and not any(self._agreeing(mine, self._states_of(root), gate)):
                    return False
            except UncomputableError:
                return False
        return True

    def along(
        self, monomials: Sequence[Monomial], paths: Sequence[Sequence[Factor]]
    ) -> list[tuple[float, float]]:
        """Sums of products of a backward pass beside the slopes along paths of the forward pass, at each
        random point. Raises :class:`rnnlint.model.numbers.UncomputableError`."""
        slopes = [
            sum(_signed(path, self._product_of_path(numbers, path)) for path in paths)
            for numbers in self.points
        ]
        return list(zip(self._observed(monomials), slopes, strict=True))

    def state_of(self, root: Term, deltas: Iterable[tuple[Term, Gate]]) -> Term | None:
        """The state whose adjoint ``root`` is: the one whose paths to the gates explain it best."""
        try:
            return self._state_of(root, deltas)
        except UncomputableError:
            return None

    def _state_of(self, root: Term, deltas: Iterable[tuple[Term, Gate]]) -> Term | None:
        best: tuple[int, Term] | None = None
        for delta, gate in deltas:
            for monomial in self.monomials(delta) or ():
                if monomial.root != root:
                    continue
                for state in self.forward.states:
                    for path in self.forward.paths(state, gate):
                        faults = weight(self._match(monomial, path, gate, delta))
                        if best is None or faults < best[0]:
                            best = faults, state
        return best[1] if best else None


def _signed(path: Sequence[Factor], product: float) -> float:
    for factor in path:
        product *= factor.sign
    return product
