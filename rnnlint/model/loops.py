"""Loops: the body run once to see what it changes, then on a step in the middle with that carried."""

from __future__ import annotations

import operator
from functools import partial

from rnnlint.model.assignments import Assignments
from rnnlint.model.heap import Frame, Guard, Heap, Snapshot
from rnnlint.model.helpers import Helpers
from rnnlint.model.iteration import Iteration, Targets
from rnnlint.model.places import LOCAL
from rnnlint.model.program import Program
from rnnlint.model.steps import Direction, Loop
from rnnlint.model.terms import Op, Term, Terms
from rnnlint.syntax import tree


class Loops(Assignments):
    """Runs loops."""

    def __init__(self, program: Program, terms: Terms, helpers: Helpers) -> None:
        super().__init__(program, terms, helpers)
        self._loop_count = 0

    def _loop(self, statement: tree.For | tree.While, frame: Frame) -> None:
        """Run the body once to see what it changes, then once more with that as carried values."""
        before_loop, self._read_unset = self._read_unset, set()
        changed = self._changed_places(statement, frame)
        unset = {f"{LOCAL}{name}" for name in self._read_unset}
        self._read_unset |= before_loop
        loop, targets = self._enter(statement, frame)
        for place in changed:
            before = self._read_place(place, frame)
            if before is None and place in unset:
                before = self.terms.number(None)  # the step at hand reads what the one before has set
            if before is None or before.op is Op.SEQUENCE or before == loop.variable:
                continue
            carried = self.terms.make(Op.CARRIED, data=(loop.number, place))
            loop.initial[place], loop.carried[place] = before, carried
            self._write_place(place, carried, frame)
        self._run_body(loop, targets, statement, frame)
        for place in loop.carried:
            loop.next[place] = self._read_place(place, frame) or loop.carried[place]
        self._leave(loop, frame, changed)

    def _changed_places(self, statement: tree.For | tree.While, frame: Frame) -> list[str]:
        before, heap = self._snapshot(frame), self.heap
        self.heap = Heap(dict(heap.places))
        loop, targets = self._enter(statement, frame)
        self._run_body(loop, targets, statement, frame)
        changed = [f"{LOCAL}{name}" for name, term in frame.names.items() if before.names.get(name) != term]
        changed += [place for place, term in self.heap.places.items() if heap.places.get(place) != term]
        self.heap = heap
        self._restore(before, frame)
        self.loop = loop.outer
        return changed

    def _run_body(self, loop: Loop, targets: Targets, statement: tree.For | tree.While, frame: Frame) -> None:
        for target, term in targets:
            self._assign(target, term, statement, frame, quiet=True)
        if isinstance(statement, tree.While):
            guard = Guard(self.evaluate(statement.test, frame), True, loop)
            self._under(guard, statement.body, frame)
        else:
            self.block(statement.body, frame)

    def _enter(self, statement: tree.For | tree.While, frame: Frame) -> tuple[Loop, Targets]:
        self._loop_count += 1
        number = self._loop_count
        step = self.terms.symbol(f"step {number}")
        loop = Loop(number, statement, None, Direction.UNKNOWN, None, None, self.loop)
        iteration = Iteration(self.terms, lambda node: self.evaluate(node, frame), step)
        if isinstance(statement, tree.While):
            targets = iteration.counting(loop, statement)
        else:
            targets = iteration.over(loop, statement.target, statement.iterable)
        self.loop = loop
        self.heap.loops.append(loop)
        return loop, targets

    def _leave(self, loop: Loop, frame: Frame, changed: list[str]) -> None:
        self.loop = loop.outer
        for place in loop.carried:
            value = loop.next[place]
            if value != loop.carried[place]:
                last = self.terms.make(Op.LAST, value, data=loop.number, origin=value.origin)
                self._write_place(place, last, frame)
            else:
                self._write_place(place, loop.initial[place], frame)
        for store in self.heap.stores:
            if store.loop is loop and store.index is None:
                last = self.terms.make(Op.LAST, store.value, data=loop.number, origin=store.value.origin)
                self._write_newest(store.sequence, None if store.front else last)
        held = [f"{LOCAL}{name}" for name in frame.names]
        is_variable, without = partial(operator.eq, loop.variable), set[int]()
        for place in (*held, *(each for each in changed if each in self.heap.places)):
            term = self._read_place(place, frame)
            if place not in loop.carried and term is not None and term.has(is_variable, without):
                last = self.terms.make(Op.LAST, term, data=loop.number, origin=term.origin)
                self._write_place(place, last, frame)

    def _under(
        self, guard: Guard, body: tuple[tree.Statement, ...], frame: Frame
    ) -> tuple[Term | None, Snapshot]:
        self.guards.append(guard)
        try:
            returned = self.block(body, frame)
        finally:
            self.guards.pop()
        return returned, self._snapshot(frame)
