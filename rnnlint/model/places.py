"""Where running functions keep values: names, attributes, dict items, and what branches make of them."""

from __future__ import annotations

from collections.abc import Iterable

from rnnlint.model.heap import Entry, Frame, Guard, Heap, Snapshot
from rnnlint.model.helpers import Helpers
from rnnlint.model.program import Program
from rnnlint.model.steps import Loop, Where, affine
from rnnlint.model.subscript_keys import literal_key
from rnnlint.model.terms import Op, Term, Terms
from rnnlint.syntax import tree

LOCAL = "local "
DEEPEST_TERM = 100
"""No cell is built of so many operations on operations; a program written out step by step is."""


class TooLargeError(Exception):
    """More statements or operations than are worth following."""


class Places:
    """The places of one run, and what the layers above it have in common."""

    def __init__(self, program: Program, terms: Terms, helpers: Helpers) -> None:
        self.program, self.terms, self.helpers = program, terms, helpers
        self.heap = Heap()
        self.loop: Loop | None = None
        self.guards: list[Guard] = []
        self._filled: set[int] = set()
        self._read_unset: set[str] = set()

    def evaluate(self, node: tree.Expression, frame: Frame, statement: tree.Statement | None = None) -> Term:
        """The term that an expression stands for; ``statement`` is the one it is the whole of."""
        raise NotImplementedError

    def block(self, body: Iterable[tree.Statement], frame: Frame) -> Term | None:
        """Run statements; what they return, or None where they run to their end."""
        raise NotImplementedError

    def _place(self, target: tree.Expression, frame: Frame) -> str | None:
        match target:
            case tree.Name(id=name):
                return f"{LOCAL}{name}"
            case tree.Attribute(value=value, attr=attr):
                return f"{self._label(self.evaluate(value, frame))}.{attr}"
            case tree.Subscript(value=value, indices=indices):
                key = literal_key(indices)
                return None if key is None else f"{self._label(self.evaluate(value, frame))}[{key!r}]"
        return None

    def _label(self, base: Term) -> str:
        return str(base.data) if base.op is Op.SYMBOL else f"<{base.key}>"

    def _read_place(self, place: str, frame: Frame) -> Term | None:
        if place.startswith(LOCAL):
            return frame.names.get(place.removeprefix(LOCAL))
        return self.heap.places.get(place)

    def _write_place(self, place: str, term: Term, frame: Frame) -> None:
        if term.depth > DEEPEST_TERM:
            raise TooLargeError
        if place in frame.learned:
            term = self.terms.symbol(place.removeprefix(LOCAL), term.origin)
        if place.startswith(LOCAL):
            frame.names[place.removeprefix(LOCAL)] = term
        else:
            self.heap.places[place] = term

    def _write_newest(self, sequence: Term, value: Term | None) -> None:
        """What ``sequence[-1]`` reads from now on in this round; None: what it was before is not known."""
        place = f"{self._label(sequence)}[-1]"
        if value is None:
            self.heap.places.pop(place, None)
        else:
            self.heap.places[place] = value

    def _write_entry(self, sequence: Term, index: Term, value: Term | None) -> None:
        """What ``sequence[index]`` reads in what remains of this step; None: not known any more."""
        form = affine(index)
        for entry in [each for each in self.heap.entries if each.sequence == sequence.key]:
            other = affine(entry.index)
            apart = form - other if form and other else None
            if apart is None or not apart.is_constant or not apart.constant:
                del self.heap.entries[entry]
        if value is not None:
            self.heap.entries[Entry(sequence.key, index)] = value

    def _snapshot(self, frame: Frame) -> Snapshot:
        return Snapshot(dict(frame.names), dict(self.heap.places), dict(self.heap.entries))

    def _restore(self, state: Snapshot, frame: Frame) -> None:
        frame.names, self.heap.places = dict(state.names), dict(state.places)
        self.heap.entries = dict(state.entries)

    def _merge(self, condition: Term, then: Snapshot, frame: Frame) -> None:
        for mine, theirs in ((frame.names, then.names), (self.heap.places, then.places)):
            for place in set(mine) | set(theirs):
                here, there = mine.get(place), theirs.get(place)
                if here is None or there is None:
                    mine[place] = here or there or self.terms.number(None)
                elif here != there:
                    mine[place] = self._choice(condition, there, here)
        both = self.heap.entries.keys() & then.entries.keys()
        self.heap.entries = {
            entry: self._choice(condition, then.entries[entry], self.heap.entries[entry]) for entry in both
        }

    def _choice(self, condition: Term, then: Term, otherwise: Term) -> Term:
        if then == otherwise:
            return then
        taken = self.loop.holds_at(condition, Where.MIDDLE) if self.loop else None
        return self.terms.make(Op.CHOICE, condition, then, otherwise, data=taken)
