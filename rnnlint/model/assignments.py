"""Assignments: to names and places, into sequences at a step, slice by slice into buffers."""

from __future__ import annotations

from rnnlint.model.expressions import Expressions
from rnnlint.model.heap import Binding, Frame, Store
from rnnlint.model.places import LOCAL
from rnnlint.model.subscript_keys import literal_key
from rnnlint.model.terms import Op, Term
from rnnlint.syntax import tree


class Assignments(Expressions):
    """Carries out assignments and notes what each put where."""

    def _assign(
        self,
        target: tree.Expression,
        term: Term,
        statement: tree.Statement,
        frame: Frame,
        *,
        quiet: bool = False,
    ) -> None:
        match target:
            case tree.Sequence(items=items):
                for position, item in enumerate(items):
                    self._assign(item, self._element(term, position, item), statement, frame, quiet=quiet)
                return
            case tree.Starred():
                return
            case tree.Subscript(value=value, indices=indices):
                base = self.evaluate(value, frame)
                key = literal_key(indices)
                if key is None and self._fill_part(value, base, indices, term, frame):
                    return
                if key is None or isinstance(key, int):
                    self._note_store(base, indices, term, statement, frame, added=False)
                if key is None:
                    return
        place = self._place(target, frame)
        if place is None:
            return
        if not quiet:
            self._note_binding(place, term, False, statement, target, frame)
        self._write_place(place, term, frame)

    def _augmented(self, statement: tree.AugmentedAssign, frame: Frame) -> None:
        target, operator = statement.target, statement.operator
        value = self.evaluate(statement.value, frame)
        if isinstance(target, tree.Subscript) and literal_key(target.indices) is None:
            base = self.evaluate(target.value, frame)
            signed = self.terms.make(Op.NEGATE, value, origin=value.origin) if operator == "-" else value
            self._note_store(base, target.indices, signed, statement, frame, added=True)
            place = self._place(target.value, frame)
            if place is not None and base.op is not Op.SEQUENCE and not self._moves(target.indices, frame):
                changed = self.terms.make(Op.CALL, base, value, data="changed in part", origin=base.origin)
                self._write_place(place, changed, frame)
            return
        place = self._place(target, frame)
        if place is None:
            return
        before = self._read_place(place, frame) or self.terms.symbol(place.removeprefix(LOCAL))
        term = self._binary(operator, before, value, None)
        added = operator in ("+", "-")
        noted = self.terms.make(Op.NEGATE, value) if operator == "-" else value
        self._note_binding(place, noted if added else term, added, statement, target, frame)
        self._write_place(place, term, frame)

    def _note_binding(
        self,
        place: str,
        term: Term,
        added: bool,
        statement: tree.Statement,
        target: tree.Expression,
        frame: Frame,
    ) -> None:
        self.heap.bindings.append(
            Binding(
                place,
                term,
                added,
                self.loop,
                statement,
                target,
                frame.module,
                len(self._calls),
                tuple(self.guards),
            )
        )

    def _note_store(
        self,
        base: Term,
        indices: tuple[tree.Expression, ...],
        term: Term,
        statement: tree.Statement,
        frame: Frame,
        *,
        added: bool,
    ) -> None:
        index = self._index(indices, frame)
        self.heap.stores.append(Store(base, index, term, self.loop, statement, frame.module, added=added))
        if index is not None and self._moves(indices, frame):
            self._write_entry(base, index, None if added else term)

    def _fill_part(
        self,
        target: tree.Expression,
        base: Term,
        indices: tuple[tree.Expression, ...],
        term: Term,
        frame: Frame,
    ) -> bool:
        """``buffer[:n] = value``: an array filled slice by slice is the stack of what was put in.

        ``buffer[mask] = value`` chooses between the two, element by element.
        """
        place = self._place(target, frame)
        index = self._index(indices, frame)
        if place is not None and index is not None and index.op is Op.COMPARE:
            chosen = self.terms.make(Op.ELEMENTWISE, index, term, base, data="where", origin=base.origin)
            self._write_place(place, chosen, frame)
            return True
        filled = base.op is Op.STACK and isinstance(base.data, tuple)
        if place is None or not (base.op is Op.FILLED or filled) or index is not None:
            return False
        key = tuple(self._slice_key(each, frame) for each in indices)
        keys, held = (base.data, base.args) if filled and isinstance(base.data, tuple) else ((), ())
        stack = self.terms.make(Op.STACK, *held, term, data=(*keys, key), origin=base.origin)
        self._write_place(place, stack, frame)
        return True

    def _element(self, term: Term, position: int, target: tree.Expression) -> Term:
        if term.op is Op.TUPLE and position < len(term.args):
            return term.args[position]
        if term.op is Op.CHOICE:
            taken = term.args[2] if term.data is False else term.args[1]
            return self._element(taken, position, target)
        if term.op is Op.SYMBOL and isinstance(target, tree.Name):
            return self.terms.symbol(target.id, target)
        return self.terms.make(Op.PART, term, data=("element", position), origin=target)
