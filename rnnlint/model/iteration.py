"""How a loop walks: what ``range``, ``reversed``, ``enumerate``, ``zip`` and a counting ``while`` say of its
steps."""

from __future__ import annotations

from collections.abc import Callable

from rnnlint.model.steps import Direction, Loop, affine
from rnnlint.model.terms import Op, Term, Terms
from rnnlint.records import dataclass
from rnnlint.syntax import tree

Evaluate = Callable[[tree.Expression], Term]
Targets = list[tuple[tree.Expression, Term]]


@dataclass(frozen=True, slots=True)
class _Walk:
    """What an iterable yields when the loop's variable has a value; ``count`` is a term where it is known."""

    element: Callable[[Term], Term]
    direction: Direction
    lowest: Term
    count: Term | None


@dataclass(frozen=True, slots=True)
class Iteration:
    """Reads the head of a loop whose variable is ``step``."""

    terms: Terms
    evaluate: Evaluate
    step: Term

    def over(self, loop: Loop, target: tree.Expression, iterable: tree.Expression) -> Targets:
        """Fill in ``loop`` for ``for target in iterable``; what the target's names hold."""
        walk = self._walk(iterable)
        loop.variable, loop.direction = self.step, walk.direction
        loop.lowest = affine(walk.lowest)
        loop.count = affine(walk.count) if walk.count else None
        return [(target, walk.element(self.step))]

    def counting(self, loop: Loop, statement: tree.While) -> Targets:
        """Fill in ``loop`` for ``while t >= 0: … t -= 1``; nothing where no such counter is seen."""
        match statement.test:
            case tree.Compare(left=tree.Name(id=name) as counter, operators=(operator,), rights=(bound,)):
                change = _change_of(name, statement.body)
            case _:
                return []
        if change not in (1, -1):
            return []
        start, limit = self.evaluate(counter), self.evaluate(bound)
        one = self.terms.number(1)
        if change == -1 and operator in (">", ">="):
            lowest = limit if operator == ">=" else self.terms.make(Op.ADD, limit, one)
            highest = start
        elif change == 1 and operator in ("<", "<="):
            lowest, highest = start, limit if operator == "<=" else self.terms.make(Op.SUBTRACT, limit, one)
        else:
            return []
        count = self.terms.make(Op.ADD, self.terms.make(Op.SUBTRACT, highest, lowest), one)
        loop.variable, loop.direction = self.step, Direction.DOWN if change == -1 else Direction.UP
        loop.lowest, loop.count = affine(lowest), affine(count)
        return [(counter, self.step)]

    def _walk(self, node: tree.Expression) -> _Walk:
        match node:
            case tree.Call(function=tree.Name(id="range"), arguments=bounds):
                return self._range([self.evaluate(each) for each in bounds])
            case tree.Call(function=tree.Attribute(attr="arange"), arguments=bounds):
                return self._range([self.evaluate(each) for each in bounds])
            case tree.Call(function=tree.Name(id="reversed"), arguments=(inner,)):
                return self._backwards(self._walk(inner))
            case tree.Subscript(value=inner, indices=(tree.Slice(lower=None, upper=None, step=step),)) if _is(
                step, -1
            ):
                return self._backwards(self._walk(inner))
            case tree.Call(
                function=tree.Name(id="list" | "tuple" | "tqdm" | "trange"), arguments=(inner, *_)
            ):
                return self._walk(inner)
            case tree.Call(function=tree.Name(id="enumerate"), arguments=(inner,)):
                return self._enumerated(self._walk(inner))
            case tree.Call(function=tree.Name(id="zip"), arguments=inner) if inner:
                return self._zipped([self._walk(each) for each in inner])
        return self._sequence(self.evaluate(node))

    def _range(self, bounds: list[Term]) -> _Walk:
        zero, one = self.terms.number(0), self.terms.number(1)
        make = self.terms.make
        match bounds:
            case [stop]:
                return _Walk(_same, Direction.UP, zero, stop)
            case [start, stop]:
                return _Walk(_same, Direction.UP, start, make(Op.SUBTRACT, stop, start))
            case [start, stop, step] if step.op is Op.NUMBER and step.data == -1:
                return _Walk(_same, Direction.DOWN, make(Op.ADD, stop, one), make(Op.SUBTRACT, start, stop))
            case [start, stop, step] if step.op is Op.NUMBER and step.data == 1:
                return _Walk(_same, Direction.UP, start, make(Op.SUBTRACT, stop, start))
        return _Walk(_same, Direction.UNKNOWN, zero, None)

    def _sequence(self, sequence: Term) -> _Walk:
        def element(step: Term) -> Term:
            return self.terms.make(Op.RECALL, sequence, step, data=1)

        count = self.terms.make(Op.CALL, sequence, data="len")
        return _Walk(element, Direction.UP, self.terms.number(0), count)

    def _backwards(self, walk: _Walk) -> _Walk:
        turned = {Direction.UP: Direction.DOWN, Direction.DOWN: Direction.UP}
        return _Walk(walk.element, turned.get(walk.direction, Direction.UNKNOWN), walk.lowest, walk.count)

    def _enumerated(self, walk: _Walk) -> _Walk:
        """``enumerate`` counts up, whichever way the inner one walks."""

        def pair(step: Term) -> Term:
            inner = step if walk.direction is Direction.UP else self._mirrored(step, walk)
            return self.terms.make(Op.TUPLE, step, walk.element(inner))

        return _Walk(pair, Direction.UP, self.terms.number(0), walk.count)

    def _mirrored(self, step: Term, walk: _Walk) -> Term:
        if walk.count is None:
            return self.terms.make(Op.CALL, step, data="some step")
        last = self.terms.make(Op.SUBTRACT, walk.count, self.terms.number(1))
        return self.terms.make(Op.SUBTRACT, last, step)

    def _zipped(self, walks: list[_Walk]) -> _Walk:
        first = walks[0]
        directions = {each.direction for each in walks}

        def together(step: Term) -> Term:
            parts = (
                each.element(step if each.direction is first.direction else self._mirrored(step, each))
                for each in walks
            )
            return self.terms.make(Op.TUPLE, *parts)

        direction = first.direction if len(directions) == 1 else Direction.UP
        return _Walk(together, direction, first.lowest, first.count)


def _same(step: Term) -> Term:
    return step


def _is(node: tree.Expression | None, value: int) -> bool:
    return isinstance(node, tree.Constant) and node.value == value


def _change_of(name: str, body: tuple[tree.Statement, ...]) -> int | None:
    """By how much a body's own statements change a counter; None where that is not seen."""
    changes = []
    for statement in body:
        match statement:
            case tree.AugmentedAssign(
                target=tree.Name(id=found), operator=operator, value=tree.Constant(value=int() as by)
            ):
                if found == name:
                    changes.append(by if operator == "+" else -by if operator == "-" else 0)
            case tree.Assign(targets=(tree.Name(id=found),)) if found == name:
                return None
    return changes[0] if len(changes) == 1 else None
