"""What each statement of a backward pass made of true quantities: a true one, none, or nothing to judge.

A wrong result that a later statement makes a true quantity of was only an unusual grouping.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from rnnlint.diagnosis.tracing.adjoints import fingerprint
from rnnlint.diagnosis.tracing.tape import Event
from rnnlint.diagnosis.tracing.truths import NOTHING, Quantity, Truths
from rnnlint.diagnosis.tracing.watched import Part, Watched
from rnnlint.diagnosis.vocabulary import base_name, looks_like_adjoint
from rnnlint.records import dataclass, field

Array = np.ndarray[Any, np.dtype[np.float64]]


PARALLEL = 1e-5


class State(StrEnum):
    """What a value is."""

    TRUE = "true"  # a true adjoint
    FORWARD = "forward"  # computed by the forward pass, or a parameter
    ZERO = "zero"
    FALSE = "false"  # flows back, and is no true adjoint
    OTHER = "other"  # nothing of the backward flow


@dataclass(frozen=True, slots=True)
class Read:
    """A variable that a statement reads, as it is written, with its value and what that is."""

    node: ast.expr | None
    text: str
    name: str
    value: Array
    state: State


@dataclass(slots=True)
class Made:
    """One statement's result, once: the ``step``-th time it was reached."""

    watched: Watched
    step: int
    value: Array
    state: State
    reads: tuple[Read, ...]
    quantities: tuple[Quantity, ...] = ()
    after: Array | None = None
    regrouped: bool = False
    computed: tuple[tuple[str, Array], ...] = ()  # every expression in it, in normal form, with its value

    @property
    def is_wrong(self) -> bool:
        """Whether it is no true quantity, and nothing later makes one of it."""
        return self.state is State.FALSE and not self.regrouped

    @property
    def is_first(self) -> bool:
        """Whether all that it was made of is true."""
        return self.is_wrong and all(read.state is not State.FALSE for read in self.reads)


@dataclass
class Judge:
    """Judges the events of a backward pass by the truths of its forward pass."""

    truths: Truths
    table: Sequence[Watched]
    gradients: Mapping[str, str]  # the name that a gradient is kept under -> its parameter
    _false_values: set[bytes] = field(default_factory=set)
    _false_names: set[tuple[int, str]] = field(default_factory=set)
    _texts: dict[ast.expr, str] = field(default_factory=dict)

    def made(self, events: Sequence[Event]) -> list[Made]:
        """Every result of the backward pass, in the order of the run."""
        found: list[Made] = []
        latest: dict[int, Event] = {}
        steps: dict[int, int] = {}
        last: dict[int, Made] = {}
        for event in events:
            watched = self.table[event.number]
            latest[event.number] = event
            if watched.part is Part.AFTER:
                before = last.get(id(watched.statement.node))
                if before is not None:
                    self._amend(before, event)
                elif event.value.size > 1:
                    step = steps[event.number] = steps.get(event.number, -1) + 1
                    found.append(self._changed(watched, step, event.value))
            if watched.part not in (Part.RESULT, Part.PASSED):
                continue
            step = steps[event.number] = steps.get(event.number, -1) + 1
            inside = [latest[n] for n in range(watched.first, event.number + 1) if n in latest]
            made = self._result(watched, step, event.value, inside)
            found.append(made)
            if watched.part is Part.RESULT:
                last[id(watched.statement.node)] = made
                for read in inside:
                    del latest[read.number]
        _find_regrouped(found)
        return found

    def _result(self, watched: Watched, step: int, value: Array, inside: Iterable[Event]) -> Made:
        reads = tuple(
            Read(
                self.table[e.number].node,
                self.table[e.number].text,
                _name(self.table[e.number].node),
                e.value,
                self._read(e),
            )
            for e in inside
            if self.table[e.number].is_read
        )
        quantities = tuple(self.truths.adjoints.find(value))
        state = self._state(watched, value, reads, quantities)
        made = Made(watched, step, value, state, reads, quantities, computed=self._computed(inside))
        if not (watched.part is Part.PASSED and watched.is_read):
            self._remember(made, value)
        return made

    def _computed(self, inside: Iterable[Event]) -> tuple[tuple[str, Array], ...]:
        nodes = ((self.table[event.number].node, event.value) for event in inside)
        return tuple((self._written(node), value) for node, value in nodes if node is not None)

    def _written(self, node: ast.expr) -> str:
        if node not in self._texts:
            self._texts[node] = ast.unparse(node)
        return self._texts[node]

    def _changed(self, watched: Watched, step: int, value: Array) -> Made:
        """What a change by a constant leaves behind: ``dv[target] -= 1``."""
        name = _name(watched.node)
        before = Read(watched.node, watched.text, name, value, State.OTHER)
        quantities = tuple(self.truths.adjoints.find(value))
        state = State.TRUE if quantities else State.FALSE if looks_like_adjoint(name) else State.OTHER
        made = Made(watched, step, value, state, (before,), quantities)
        self._remember(made, value, root_of(watched.node))
        return made

    def _state(
        self, watched: Watched, value: Array, reads: Sequence[Read], quantities: Sequence[Quantity]
    ) -> State:
        if np.max(np.abs(value), initial=0.0) <= NOTHING:
            return State.ZERO
        names = [base_name(target) for target in targets_of(watched)]
        parameter = next((self.gradients[name] for name in names if name in self.gradients), None)
        if value.size > 1 and self._fits(parameter, quantities):
            return State.TRUE
        if parameter is None and _is_update(watched, self.truths):
            return self._of_update(watched, value, reads)
        flows = any(read.state in (State.TRUE, State.FALSE) for read in reads)
        if not flows and (self.truths.forward.find(value) or value.size <= 1):
            return State.FORWARD
        if parameter is not None and (parameter, value.size) not in self.truths.contributions:
            return State.OTHER  # its single uses are not known
        if flows or any(map(looks_like_adjoint, names)):
            return State.FALSE
        return State.OTHER

    def _of_update(self, watched: Watched, value: Array, reads: Sequence[Read]) -> State:
        """What a parameter loses is its gradient times a rate, if anything of the gradients is in it."""
        names = {base_name(target) for target in targets_of(watched)}
        true = [g for name, g in self.truths.gradients.items() if name.rpartition(".")[2] in names]
        if len(true) != 1 or true[0].size != value.size or value.size < 2:
            return State.OTHER
        if not any(read.state is State.TRUE for read in reads):
            return State.OTHER
        mine, wanted = (np.sort(a / np.linalg.norm(a), axis=None) for a in (value, true[0]))
        near = min(np.max(np.abs(mine - wanted)), np.max(np.abs(mine + wanted[::-1])))
        return State.TRUE if near <= PARALLEL else State.FALSE

    def _fits(self, parameter: str | None, quantities: Sequence[Quantity]) -> bool:
        """Whether what goes into a parameter's gradient is of that parameter, where that is known."""
        if parameter is None or not quantities:
            return bool(quantities)
        if (parameter, quantities[0].value.size) not in self.truths.contributions:
            return True
        return any(q.parameter == parameter for q in quantities)

    def _read(self, event: Event) -> State:
        value, watched = event.value, self.table[event.number]
        if np.max(np.abs(value), initial=0.0) <= NOTHING:
            return State.ZERO
        if value.size > 1 and self.truths.adjoints.find(value):
            return State.TRUE
        if fingerprint(value) in self._false_values or self._key(watched, root_of(watched.node)) in (
            self._false_names
        ):
            return State.FALSE
        if self.truths.forward.find(value):
            return State.FORWARD
        return State.OTHER

    def _amend(self, made: Made, event: Event) -> None:
        """What an augmented assignment leaves behind may be true where what it adds is not."""
        root = root_of(self.table[event.number].node)
        made.after = event.value
        quantities = self.truths.adjoints.find(event.value) if event.value.size > 1 else []
        names = [base_name(target) for target in targets_of(made.watched)]
        parameter = next((self.gradients[name] for name in names if name in self.gradients), None)
        if self._fits(parameter, quantities):
            made.state = State.TRUE
            made.quantities = (*made.quantities, *quantities)
        elif made.state is State.TRUE and self._spoils(made, event.value, parameter):
            made.state = State.FALSE
        if made.state is not State.OTHER:
            self._remember(made, event.value, root)

    def _spoils(self, made: Made, value: Array, parameter: str | None) -> bool:
        """Whether a true addition leaves something wrong behind where it would have to leave the sum."""
        statement = made.watched.statement.node
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Sub):
            return True
        key = self._key(made.watched, root_of(targets_of(made.watched)[0]))
        known = parameter is not None and (parameter, value.size) in self.truths.contributions
        return known and key not in self._false_names

    def _remember(self, made: Made, value: Array, root: str = "") -> None:
        keys = {self._key(made.watched, root or root_of(target)) for target in targets_of(made.watched)}
        if made.state is State.FALSE:
            self._false_values.add(fingerprint(value))
            self._false_names |= keys
        else:
            self._false_names -= keys

    @staticmethod
    def _key(watched: Watched, root: str) -> tuple[int, str]:
        return id(watched.statement.function), root


def wholes_beside(made: Made, others: Sequence[Made]) -> frozenset[str]:
    """Of what the right parts beside a wrong one, in the same stack at the same step, are parts."""
    if made.watched.part is not Part.PASSED:
        return frozenset()
    node = made.watched.statement.node
    return frozenset(
        quantity.part_of
        for each in others
        if each.watched.part is Part.PASSED and each.watched.statement.node is node
        if each.step == made.step and each.state is State.TRUE
        for quantity in each.quantities
        if quantity.part_of
    )


def _find_regrouped(found: Sequence[Made]) -> None:
    """A wrong result is regrouped where a later true one, or one regrouped itself, was made of it."""
    readers: dict[bytes, list[Made]] = {}
    mended_by: dict[tuple[int, str], frozenset[int]] = {}
    for made in reversed(found):
        keys = {(id(made.watched.statement.function), root_of(t)) for t in targets_of(made.watched)}
        node = made.watched.statement.node
        if made.state is State.FALSE and any(mended_by.get(key, frozenset()) - {id(node)} for key in keys):
            made.regrouped = True
        for key in keys:
            true = frozenset({id(node)} if made.state is State.TRUE else ())
            later = mended_by.get(key, frozenset())
            mended_by[key] = later | true if isinstance(node, ast.AugAssign) else frozenset()
        if made.state is State.FALSE and not made.regrouped:
            marks = {fingerprint(value) for value in (made.value, made.after) if value is not None}
            made.regrouped = any(
                reader.state is State.TRUE or reader.regrouped
                for mark in marks
                for reader in readers.get(mark, ())
            )
        for read in made.reads:
            readers.setdefault(fingerprint(read.value), []).append(made)


def _is_update(watched: Watched, truths: Truths) -> bool:
    """Whether the statement changes a parameter: what it takes off is no adjoint, but a step."""
    names = {base_name(target) for target in targets_of(watched)}
    return bool(names & truths.names_of_parameters)


def targets_of(watched: Watched) -> tuple[ast.expr, ...]:
    """What the statement binds to this result."""
    if watched.part is Part.PASSED:
        return ()
    statement = watched.statement
    bound = statement.targets
    node = statement.node
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
        elements = node.value.elts
        if len(bound) == len(elements):
            return tuple(
                target for target, element in zip(bound, elements, strict=True) if element is watched.node
            )
    if isinstance(node, ast.Return | ast.Expr):
        keyed = _key_in_dict(node.value, watched.node)
        return (keyed,) if keyed is not None else ()
    return bound


def _key_in_dict(value: ast.expr | None, item: ast.expr | None) -> ast.expr | None:
    if not isinstance(value, ast.Dict):
        return None
    for key, held in zip(value.keys, value.values, strict=True):
        if held is item and isinstance(key, ast.Constant) and isinstance(key.value, str):
            return ast.Name(key.value)
    return None


def _name(node: ast.expr | None) -> str:
    return base_name(node) if node is not None else ""


def root_of(node: ast.expr | None) -> str:
    """The variable that an expression is a part of: ``dz`` of ``dz[:H]``, ``self.dW`` of ``self.dW[0]``."""
    while isinstance(node, ast.Subscript) and not (
        isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    ):
        node = node.value
    return ast.unparse(node) if node is not None else ""
