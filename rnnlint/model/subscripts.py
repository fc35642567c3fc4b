"""Reading ``a[i]``: items of dicts and tuples, a sequence at a step, a slice of an array."""

from __future__ import annotations

from collections.abc import Hashable

from rnnlint.model.heap import Entry, Frame, Read, SliceKey
from rnnlint.model.places import Places
from rnnlint.model.subscript_keys import literal_key, literal_slice, position_of
from rnnlint.model.terms import Op, Term
from rnnlint.syntax import tree


class Subscripts(Places):
    """Reads subscripts."""

    def _subscript(self, node: tree.Subscript, frame: Frame) -> Term:
        base = self.evaluate(node.value, frame)
        key = literal_key(node.indices)
        known = base.op is Op.TUPLE and base.key not in self._filled
        if key is not None:
            place = f"{self._label(base)}[{key!r}]"
            if (held := self.heap.places.get(place)) is not None:
                return held
            if known and isinstance(key, int) and -len(base.args) <= key < len(base.args):
                return base.args[key]
            if base.op is Op.SYMBOL and isinstance(key, str):
                return self.terms.symbol(place, node)
        if known and (part := literal_slice(node.indices)) is not None:
            return self.terms.make(Op.TUPLE, *base.args[part], data=base.data, origin=node)
        index = self._index(node.indices, frame)
        if index is not None and index.op is Op.COMPARE:
            return base  # the chosen elements: for each of them, the array
        if index is None:
            parts = tuple(self._slice_key(each, frame) for each in node.indices)
            return self.terms.make(Op.PART, base, data=parts, origin=node)
        if (held := self.heap.entries.get(Entry(base.key, index))) is not None:
            return held
        term = self.terms.make(Op.RECALL, base, index, data=len(node.indices), origin=node)
        self.heap.reads.append(Read(term, node, frame.module, self.loop, tuple(self.guards)))
        return term

    def _index(self, indices: tuple[tree.Expression, ...], frame: Frame) -> Term | None:
        """The one index of time among those of an access; None where it is a slice of another kind."""
        single = [each for each in indices if not isinstance(each, tree.Slice)]
        if any(isinstance(each, tree.Slice) and (each.lower or each.upper or each.step) for each in indices):
            return None
        if len(single) == 1:
            return self.evaluate(single[0], frame)
        if len(single) > 1:
            terms = [self.evaluate(each, frame) for each in single]
            variable = self.loop.variable if self.loop else None
            moving = [each for each in terms if variable is not None and variable in tuple(each.walk())]
            return moving[0] if len(moving) == 1 else None
        return None

    def _slice_key(self, node: tree.Expression, frame: Frame) -> Hashable:
        """A slice or index in a form that is equal for equal ones; the lower bound as :class:`Affine` where
        it is."""
        if isinstance(node, tree.Slice):
            lower, upper = (self.evaluate(each, frame) if each else None for each in (node.lower, node.upper))
            return SliceKey(position_of(lower), position_of(upper))
        return self.evaluate(node, frame).key

    def _moves(self, indices: tuple[tree.Expression, ...], frame: Frame) -> bool:
        """Whether an index moves with a loop's variable."""
        loop, variables = self.loop, set()
        while loop is not None:
            variables |= {loop.variable} if loop.variable is not None else set()
            loop = loop.outer
        index = self._index(indices, frame)
        return (
            index is not None and index.op is not Op.CALL and any(each in variables for each in index.walk())
        )
