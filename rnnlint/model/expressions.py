"""The term that each kind of expression stands for."""

from __future__ import annotations

from collections.abc import Callable

from rnnlint.model.calls import Calls
from rnnlint.model.heap import Frame, Guard, Store
from rnnlint.model.terms import Op, Term, replace_origin
from rnnlint.syntax import tree


class Expressions(Calls):
    """Evaluates expressions."""

    def evaluate(self, node: tree.Expression, frame: Frame, statement: tree.Statement | None = None) -> Term:
        """The term that an expression stands for."""
        make = self.terms.make
        match node:
            case tree.Name(id=name):
                term = frame.names.get(name)
                if term is None:
                    self._read_unset.add(name)
                    term = self._global(name, frame)
                return term if term.origin is not None else replace_origin(term, node)
            case tree.Constant(value=value):
                hashable = value if isinstance(value, bool | int | float | str | None) else "…"
                return self.terms.number(hashable, node)
            case tree.Attribute(value=value, attr=attr):
                return self._attribute(self.evaluate(value, frame), attr, node)
            case tree.Subscript():
                return self._subscript(node, frame)
            case tree.Call():
                return self._call(node, frame, statement)
            case tree.Binary(operator=operator, left=left, right=right):
                return self._binary(operator, self.evaluate(left, frame), self.evaluate(right, frame), node)
            case tree.Unary(operator="-", operand=operand):
                return make(Op.NEGATE, self.evaluate(operand, frame), origin=node)
            case tree.Unary(operator="+", operand=operand):
                return self.evaluate(operand, frame)
            case tree.Unary(operator=operator, operand=operand):
                return self._logical(operator, (self.evaluate(operand, frame),), node)
            case tree.Logical(operator=operator, left=left, right=right):
                return self._logical(
                    operator, (self.evaluate(left, frame), self.evaluate(right, frame)), node
                )
            case tree.Compare(left=left, operators=(operator,), rights=(right,)):
                return self._compare(operator, self.evaluate(left, frame), self.evaluate(right, frame), node)
            case tree.Conditional():
                return self._conditional(node, frame)
            case tree.Sequence(items=()) if node.kind == "list":
                return self.terms.fresh(Op.SEQUENCE, kind="list", origin=node)
            case tree.Sequence(items=items):
                held = tuple(self.evaluate(each, frame) for each in items)
                if node.kind == "list":
                    return self.terms.fresh(Op.TUPLE, *held, kind="list", origin=node)
                return make(Op.TUPLE, *held, data=node.kind, origin=node)
            case tree.Mapping():
                return self._mapping(node, frame)
            case tree.Comprehension():
                return self._comprehension(node, frame)
        inside = (self.evaluate(each, frame) for each in node.children if isinstance(each, tree.Expression))
        return make(Op.CALL, *inside, data=type(node).__name__, origin=node)

    def _global(self, name: str, frame: Frame) -> Term:
        return self.terms.symbol(name)

    def _conditional(self, node: tree.Conditional, frame: Frame) -> Term:
        condition = self.evaluate(node.test, frame)
        if condition.op is Op.NUMBER:
            return self.evaluate(node.then if condition.data else node.otherwise, frame)
        branches = []
        for holds, branch in ((True, node.then), (False, node.otherwise)):
            self.guards.append(Guard(condition, holds, self.loop))
            branches.append(self.evaluate(branch, frame))
            self.guards.pop()
        return self._choice(condition, *branches)

    def _mapping(self, node: tree.Mapping, frame: Frame) -> Term:
        mapping = self.terms.fresh(Op.SEQUENCE, kind="dict", origin=node)
        for key, value in zip(node.keys, node.values, strict=True):
            term = self.evaluate(value, frame)
            if isinstance(key, tree.Constant) and isinstance(key.value, str):
                self.heap.places[f"{self._label(mapping)}[{key.value!r}]"] = term
            elif key is not None and (statement := frame.module.statement_of(node)):
                index = self.evaluate(key, frame)
                self.heap.stores.append(Store(mapping, index, term, self.loop, statement, frame.module))
        return mapping

    def _comprehension(self, node: tree.Comprehension, frame: Frame) -> Term:
        iterable = self.evaluate(node.iterable, frame)
        return self.terms.make(Op.CALL, iterable, data=("comprehension", id(node)), origin=node)

    def _attribute(self, base: Term, attr: str, node: tree.Expression) -> Term:
        if attr == "T":
            return self.terms.make(Op.TRANSPOSE, base, origin=node)
        if attr == "shape":
            return self.terms.make(Op.CALL, base, data="shape", origin=node)
        place = f"{self._label(base)}.{attr}"
        held = self.heap.places.get(place)
        if held is not None:
            return held if held.origin is not None else replace_origin(held, node)
        if base.op is Op.SYMBOL:
            return self.terms.symbol(place, node)
        return self.terms.make(Op.CALL, base, data=f".{attr}", origin=node)

    def _binary(self, operator: str, left: Term, right: Term, origin: tree.Expression | None) -> Term:
        op = _OPERATORS.get(operator)
        if op is None:
            return self.terms.make(Op.CALL, left, right, data=operator, origin=origin)
        return self.terms.make(op, left, right, origin=origin)

    def _logical(self, operator: str, operands: tuple[Term, ...], origin: tree.Expression) -> Term:
        values = [each.data for each in operands if each.op is Op.NUMBER]
        if operator == "not" and values:
            return self.terms.number(not values[0], origin)
        if operator == "and" and any(not each for each in values):
            return self.terms.number(False, origin)
        if operator == "or" and any(values):
            return self.terms.number(True, origin)
        rest = tuple(each for each in operands if each.op is not Op.NUMBER)
        if operator in ("and", "or") and len(rest) == 1:
            return rest[0]
        return self.terms.make(Op.CALL, *operands, data=operator, origin=origin)

    def _compare(self, operator: str, left: Term, right: Term, origin: tree.Expression) -> Term:
        if left.op is Op.NUMBER and right.op is Op.NUMBER and operator in _EQUALITIES:
            return self.terms.number(_EQUALITIES[operator](left.data, right.data), origin)
        if right.op is Op.NUMBER and right.data is None and operator in _EQUALITIES:
            known = left.op not in (Op.SYMBOL, Op.RECALL, Op.CALL, Op.PART, Op.CHOICE, Op.CARRIED, Op.LAST)
            if known:
                return self.terms.number(operator in ("is not", "!="), origin)
        return self.terms.make(Op.COMPARE, left, right, data=operator, origin=origin)


_OPERATORS = {
    "+": Op.ADD,
    "-": Op.SUBTRACT,
    "*": Op.MULTIPLY,
    "/": Op.DIVIDE,
    "**": Op.POWER,
    "@": Op.PRODUCT,
}
_EQUALITIES: dict[str, Callable[[object, object], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "is": lambda a, b: a == b,
    "is not": lambda a, b: a != b,
}
