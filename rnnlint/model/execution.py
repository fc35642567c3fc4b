"""Runs a function on terms: each statement once, a loop's body on a step in the middle.

Nothing of the user's file is executed: a variable's value is a :class:`rnnlint.model.terms.Term`. Calls of
project functions are followed; what cannot be followed is a term of its own that nobody can see into."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from rnnlint.model import vocabulary
from rnnlint.model.helpers import Helpers
from rnnlint.model.iteration import Iteration, Targets
from rnnlint.model.program import Definition, Program
from rnnlint.model.steps import Direction, Loop, Where, affine
from rnnlint.model.terms import Op, Term, Terms, replace_origin
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module

DEEPEST_CALL = 5
MOST_STATEMENTS = 6_000


class TooLargeError(Exception):
    """More statements than are worth following."""


@dataclass(frozen=True, slots=True)
class Store:
    """``sequence[index] = value``; ``index`` is None for ``append``, ``front`` for ``insert(0, …)``.

    ``added``: by ``+=``.
    """

    sequence: Term
    index: Term | None
    value: Term
    loop: Loop | None
    statement: tree.Statement
    module: Module
    front: bool = False
    added: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """``place = value`` or ``place += value`` (``added``; ``value`` is then what is added)."""

    place: str
    value: Term
    added: bool
    loop: Loop | None
    statement: tree.Statement
    target: tree.Expression
    module: Module
    depth: int


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition of the loop's step under which a statement or branch stands, or its negation."""

    condition: Term
    holds: bool
    loop: Loop | None


@dataclass(frozen=True, slots=True)
class Read:
    """A sequence read at an index, with the guards it stands under."""

    term: Term
    node: tree.Expression
    module: Module
    loop: Loop | None
    guards: tuple[Guard, ...]


@dataclass(frozen=True, slots=True)
class SliceKey:
    """``begin:end`` in an array whose unit of size is large, whatever the unit is called; None for an open
    side.

    Slices of one array by ``H`` and by ``W.shape[0]`` are then the same, as they are when the program runs.
    """

    begin: int | None
    end: int | None


@dataclass(slots=True)
class Frame:
    """A function while it runs."""

    module: Module
    owner: tree.Class | None
    names: dict[str, Term]
    local_functions: dict[str, tree.Function] = field(default_factory=dict)


@dataclass(slots=True)
class Heap:
    """What the running functions share: attributes and dict items by place, and what was noted of them."""

    places: dict[str, Term] = field(default_factory=dict)
    stores: list[Store] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    unknown_calls: list[tuple[tree.Call, Loop | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Snapshot:
    names: dict[str, Term]
    places: dict[str, Term]


class Execution:
    """One run over one or several functions that share their heap."""

    def __init__(self, program: Program, terms: Terms, helpers: Helpers) -> None:
        self.program, self.terms, self.helpers = program, terms, helpers
        self.heap = Heap()
        self.loop: Loop | None = None
        self.guards: list[Guard] = []
        self._calls: list[tree.Function | tree.Lambda] = []
        self._filled: set[int] = set()
        self._statements = 0
        self._loop_count = 0

    # --- functions -----------------------------------------------------------------------------------

    def run(self, definition: Definition, given: Mapping[str, Term]) -> tuple[Term | None, Frame]:
        """Run a function with ``given`` values for its parameters; the others stand for themselves."""
        function = definition.function
        frame = Frame(definition.module, definition.owner, {})
        for parameter in function.parameters:
            frame.names[parameter.name] = given.get(parameter.name) or self.terms.symbol(parameter.name)
        self._calls.append(function)
        try:
            if isinstance(function, tree.Lambda):
                return self.evaluate(function.body, frame), frame
            return self.block(function.body, frame), frame
        finally:
            self._calls.pop()

    def run_statements(self, module: Module, body: tuple[tree.Statement, ...]) -> Frame:
        """Run the statements of a file's top level."""
        frame = Frame(module, None, {})
        self.block(body, frame)
        return frame

    def call(self, definition: Definition, node: tree.Call, frame: Frame, this: Term | None) -> Term | None:
        """What a call of a project function gives; None where it is not followed."""
        function = definition.function
        if len(self._calls) >= DEEPEST_CALL or function in self._calls:
            return None
        if any(isinstance(each, tree.Starred) for each in node.arguments):
            return None
        arguments = [self.evaluate(each, frame) for each in node.arguments]
        named = {each.name: self.evaluate(each.value, frame) for each in node.keywords if each.name}
        parameters = list(function.parameters)
        if not definition.is_static:
            arguments.insert(0, this or self.terms.symbol("self"))
        if any(each.kind for each in parameters):
            return None
        given = dict(zip((each.name for each in parameters), arguments, strict=False)) | named
        for each in parameters:
            if each.name not in given and each.default is not None:
                given[each.name] = self.evaluate(each.default, Frame(definition.module, None, {}))
        contract = self.helpers.contract(definition, tuple(each.name for each in parameters), given)
        if contract is not None:
            (operand,) = (given[each] for each in contract.operands)
            return self.terms.make(Op.APPLY, operand, data=contract, origin=node)
        result, _ = self.run(definition, given)
        return result or self.terms.number(None)

    # --- statements ----------------------------------------------------------------------------------

    def block(self, body: Iterable[tree.Statement], frame: Frame) -> Term | None:
        """Run statements; what they return, or None where they run to their end."""
        statements = tuple(body)
        for position, statement in enumerate(statements):
            self._statements += 1
            if self._statements > MOST_STATEMENTS:
                raise TooLargeError
            match statement:
                case tree.Return(value=value):
                    return self.evaluate(value, frame) if value else self.terms.number(None)
                case tree.If():
                    ended, returned = self._branch(statement, statements[position + 1 :], frame)
                    if ended:
                        return returned
                case tree.Other(keyword="raise"):
                    return self.terms.make(Op.CALL, data="raise")
                case tree.Other(keyword="break" | "continue"):
                    return None
                case _:
                    returned = self._statement(statement, frame)
                    if returned is not None:
                        return returned
        return None

    def _statement(self, statement: tree.Statement, frame: Frame) -> Term | None:
        match statement:
            case tree.Assign(targets=targets, value=value):
                term = self.evaluate(value, frame)
                for target in targets:
                    self._assign(target, term, statement, frame)
            case tree.AugmentedAssign():
                self._augmented(statement, frame)
            case tree.Evaluate(value=value):
                self.evaluate(value, frame, statement)
            case tree.For() | tree.While():
                self._loop(statement, frame)
            case tree.With(body=body):
                return self.block(body, frame)
            case tree.Try(body=body, otherwise=otherwise, final=final):
                return self.block(body + otherwise + final, frame)
            case tree.Function():
                frame.local_functions[statement.name] = statement
            case tree.Other(keyword="del"):
                pass
        return None

    def _branch(
        self, statement: tree.If, rest: tuple[tree.Statement, ...], frame: Frame
    ) -> tuple[bool, Term | None]:
        """Run an ``if``, and with it the ``rest`` of its block where one side returns: (ended, what it
        returns)."""
        condition = self.evaluate(statement.test, frame)
        if _raises(statement.body) and not statement.otherwise:
            return False, None
        if condition.op is Op.NUMBER:
            returned = self.block(statement.body if condition.data else statement.otherwise, frame)
            return returned is not None, returned
        before = self._snapshot(frame)
        then, then_state = self._under(Guard(condition, True, self.loop), statement.body, frame)
        self._restore(before, frame)
        otherwise, _ = self._under(Guard(condition, False, self.loop), statement.otherwise, frame)
        if then is not None and otherwise is None:
            after = self.block(rest, frame)
            if after is None:
                return True, None if self.loop else then
            return True, self._choice(condition, then, after)
        if then is not None and otherwise is not None:
            return True, self._choice(condition, then, otherwise)
        if otherwise is not None:
            self._restore(then_state, frame)
            after = self.block(rest, frame)
            return True, otherwise if after is None else self._choice(condition, after, otherwise)
        self._merge(condition, then_state, frame)
        return False, None

    def _under(
        self, guard: Guard, body: tuple[tree.Statement, ...], frame: Frame
    ) -> tuple[Term | None, Snapshot]:
        self.guards.append(guard)
        try:
            returned = self.block(body, frame)
        finally:
            self.guards.pop()
        return returned, self._snapshot(frame)

    def _merge(self, condition: Term, then: Snapshot, frame: Frame) -> None:
        for mine, theirs in ((frame.names, then.names), (self.heap.places, then.places)):
            for place in set(mine) | set(theirs):
                here, there = mine.get(place), theirs.get(place)
                if here is None or there is None:
                    mine[place] = here or there or self.terms.number(None)
                elif here != there:
                    mine[place] = self._choice(condition, there, here)

    def _choice(self, condition: Term, then: Term, otherwise: Term) -> Term:
        if then == otherwise:
            return then
        taken = self.loop.holds_at(condition, Where.MIDDLE) if self.loop else None
        return self.terms.make(Op.CHOICE, condition, then, otherwise, data=taken)

    def _snapshot(self, frame: Frame) -> Snapshot:
        return Snapshot(dict(frame.names), dict(self.heap.places))

    def _restore(self, state: Snapshot, frame: Frame) -> None:
        frame.names, self.heap.places = dict(state.names), dict(state.places)

    # --- loops ---------------------------------------------------------------------------------------

    def _loop(self, statement: tree.For | tree.While, frame: Frame) -> None:
        """Run the body once to see what it changes, then once more with that as carried values."""
        changed = self._changed_places(statement, frame)
        loop, targets = self._enter(statement, frame)
        for place in changed:
            before = self._read_place(place, frame)
            if before is None or before.op is Op.SEQUENCE or before == loop.variable:
                continue
            carried = self.terms.make(Op.CARRIED, data=(loop.number, place))
            loop.initial[place], loop.carried[place] = before, carried
            self._write_place(place, carried, frame)
        self._run_body(loop, targets, statement, frame)
        for place in loop.carried:
            loop.next[place] = self._read_place(place, frame) or loop.carried[place]
        self._leave(loop, frame)

    def _changed_places(self, statement: tree.For | tree.While, frame: Frame) -> list[str]:
        before, heap = self._snapshot(frame), self.heap
        self.heap = Heap(dict(heap.places))
        loop, targets = self._enter(statement, frame)
        self._run_body(loop, targets, statement, frame)
        changed = [f"{_LOCAL}{name}" for name, term in frame.names.items() if before.names.get(name) != term]
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

    def _leave(self, loop: Loop, frame: Frame) -> None:
        self.loop = loop.outer
        for place in loop.carried:
            value = loop.next[place]
            if value != loop.carried[place]:
                last = self.terms.make(Op.LAST, value, data=loop.number, origin=value.origin)
                self._write_place(place, last, frame)
            else:
                self._write_place(place, loop.initial[place], frame)
        for name, term in frame.names.items():
            if f"{_LOCAL}{name}" not in loop.carried and loop.variable in tuple(term.walk()):
                frame.names[name] = self.terms.make(Op.LAST, term, data=loop.number, origin=term.origin)

    # --- assignment ----------------------------------------------------------------------------------

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
                key = _literal_key(indices)
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
        if isinstance(target, tree.Subscript) and _literal_key(target.indices) is None:
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
        before = self._read_place(place, frame) or self.terms.symbol(place.removeprefix(_LOCAL))
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
            Binding(place, term, added, self.loop, statement, target, frame.module, len(self._calls))
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

    def _element(self, term: Term, position: int, target: tree.Expression) -> Term:
        if term.op is Op.TUPLE and position < len(term.args):
            return term.args[position]
        if term.op is Op.CHOICE:
            taken = term.args[2] if term.data is False else term.args[1]
            return self._element(taken, position, target)
        if term.op is Op.SYMBOL and isinstance(target, tree.Name):
            return self.terms.symbol(target.id, target)
        return self.terms.make(Op.PART, term, data=("element", position), origin=target)

    # --- places --------------------------------------------------------------------------------------

    def _place(self, target: tree.Expression, frame: Frame) -> str | None:
        match target:
            case tree.Name(id=name):
                return f"{_LOCAL}{name}"
            case tree.Attribute(value=value, attr=attr):
                return f"{self._label(self.evaluate(value, frame))}.{attr}"
            case tree.Subscript(value=value, indices=indices):
                key = _literal_key(indices)
                return None if key is None else f"{self._label(self.evaluate(value, frame))}[{key!r}]"
        return None

    def _label(self, base: Term) -> str:
        return str(base.data) if base.op is Op.SYMBOL else f"<{base.key}>"

    def _read_place(self, place: str, frame: Frame) -> Term | None:
        if place.startswith(_LOCAL):
            return frame.names.get(place.removeprefix(_LOCAL))
        return self.heap.places.get(place)

    def _write_place(self, place: str, term: Term, frame: Frame) -> None:
        if place.startswith(_LOCAL):
            frame.names[place.removeprefix(_LOCAL)] = term
        else:
            self.heap.places[place] = term

    # --- expressions ---------------------------------------------------------------------------------

    def evaluate(self, node: tree.Expression, frame: Frame, statement: tree.Statement | None = None) -> Term:
        """The term that an expression stands for."""
        make = self.terms.make
        match node:
            case tree.Name(id=name):
                term = frame.names.get(name)
                if term is None:
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
        inside = (self.evaluate(each, frame) for each in node.children() if isinstance(each, tree.Expression))
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
        return self.terms.make(Op.CALL, iterable, data=("comprehension", node.cst.__hash__()), origin=node)

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

    def _subscript(self, node: tree.Subscript, frame: Frame) -> Term:
        base = self.evaluate(node.value, frame)
        key = _literal_key(node.indices)
        if key is not None:
            place = f"{self._label(base)}[{key!r}]"
            if (held := self.heap.places.get(place)) is not None:
                return held
            known = base.op is Op.TUPLE and base.key not in self._filled
            if known and isinstance(key, int) and -len(base.args) <= key < len(base.args):
                return base.args[key]
            if base.op is Op.SYMBOL and isinstance(key, str):
                return self.terms.symbol(place, node)
        if base.op is Op.TUPLE and (part := _literal_slice(node.indices)) is not None:
            return self.terms.make(Op.TUPLE, *base.args[part], data=base.data, origin=node)
        index = self._index(node.indices, frame)
        if index is not None and index.op is Op.COMPARE:
            return base  # the chosen elements: for each of them, the array
        if index is None:
            parts = tuple(self._slice_key(each, frame) for each in node.indices)
            return self.terms.make(Op.PART, base, data=parts, origin=node)
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
            return SliceKey(_position(lower), _position(upper))
        return self.evaluate(node, frame).key

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

    # --- calls ---------------------------------------------------------------------------------------

    def _call(self, node: tree.Call, frame: Frame, statement: tree.Statement | None) -> Term:
        name = self.program.array_function(frame.module, node.function)
        if name is not None:
            return self._array_call(name, node, frame)
        if isinstance(node.function, tree.Name) and node.function.id in vocabulary.BUILT_IN_PASSES:
            if node.arguments:
                return self.evaluate(node.arguments[0], frame)
            kind = "dict" if node.function.id == "dict" else "list"
            return self.terms.fresh(Op.SEQUENCE, kind=kind, origin=node)
        followed = self._follow(node, frame)
        if followed is not None:
            return followed
        standard = self._standard_helper(node, frame)
        if standard is not None:
            return standard
        if isinstance(node.function, tree.Attribute):
            return self._method_call(node, node.function, frame, statement)
        arguments = tuple(self.evaluate(each, frame) for each in _operands(node))
        label = node.function.id if isinstance(node.function, tree.Name) else "call"
        if label not in vocabulary.HARMLESS:
            self.heap.unknown_calls.append((node, self.loop))
        return self.terms.make(Op.CALL, *arguments, data=label, origin=node)

    def _follow(self, node: tree.Call, frame: Frame) -> Term | None:
        this: Term | None = None
        definition: Definition | None = None
        match node.function:
            case tree.Name(id=name) if name in frame.local_functions:
                definition = Definition(frame.local_functions[name], frame.module)
            case tree.Name(id=name) if name not in frame.names:
                definition = self.program.function(frame.module, name)
            case tree.Attribute(value=tree.Name(id="self"), attr=attr) if frame.owner:
                this = frame.names.get("self")
                definition = self.program.method(frame.owner, frame.module, attr)
            case tree.Attribute(value=tree.Name(id=name), attr=attr) if name not in frame.names:
                definition = self._of_namespace(name, attr, frame)
        return self.call(definition, node, frame, this) if definition else None

    def _standard_helper(self, node: tree.Call, frame: Frame) -> Term | None:
        """A call of a function defined nowhere, whose name has one standard meaning."""
        match node:
            case tree.Call(function=tree.Name(id=name), arguments=(operand,), keywords=()):
                meaning = vocabulary.STANDARD_HELPERS.get(name)
                if meaning is not None and name not in frame.names and name not in frame.local_functions:
                    term = self.evaluate(operand, frame)
                    return self.terms.make(Op.ELEMENTWISE, term, data=meaning, origin=node)
        return None

    def _of_namespace(self, name: str, attr: str, frame: Frame) -> Definition | None:
        found = self.program.class_named(frame.module, name)
        if found:
            definition = self.program.method(*found, attr)
            return definition if definition and definition.is_static else None
        for each in frame.module.imports:
            if each.bound == name:
                whole = each.module if each.name is None else f"{each.module}.{each.name}".strip(".")
                path = self.program.project.resolve(frame.module.path, whole, each.level)
                module = self.program.module(path) if path else None
                return self.program.function(module, attr) if module else None
        return None

    def _method_call(
        self, node: tree.Call, function: tree.Attribute, frame: Frame, statement: tree.Statement | None
    ) -> Term:
        base = self.evaluate(function.value, frame)
        arguments = tuple(self.evaluate(each, frame) for each in _operands(node))
        match function.attr:
            case "append" if len(arguments) == 1:
                self._note_append(base, arguments[0], node, frame, statement)
                return self.terms.number(None)
            case "insert" if len(arguments) == 2:
                self._note_append(base, arguments[1], node, frame, statement, front=arguments[0].data == 0)
                return self.terms.number(None)
            case "dot" if len(arguments) == 1:
                return self.terms.make(Op.PRODUCT, base, arguments[0], origin=node)
            case "transpose":
                return self.terms.make(Op.TRANSPOSE, base, origin=node)
            case "sum" | "mean":
                return self.terms.make(Op.SUM, base, data=function.attr, origin=node)
            case attr if attr in vocabulary.METHOD_PASSES:
                return replace_origin(base, base.origin or node)
        self.heap.unknown_calls.append((node, self.loop))
        return self.terms.make(Op.CALL, base, *arguments, data=f".{function.attr}", origin=node)

    def _note_append(
        self,
        base: Term,
        value: Term,
        node: tree.Call,
        frame: Frame,
        statement: tree.Statement | None,
        *,
        front: bool = False,
    ) -> None:
        held_by = statement or frame.module.statement_of(node)
        self._filled.add(base.key)
        if base.op is Op.TUPLE and not any(each.sequence == base for each in self.heap.stores):
            began = frame.module.statement_of(base.origin) if base.origin else None
            if began is not None:
                initial = (Store(base, None, each, None, began, frame.module) for each in base.args)
                self.heap.stores.extend(initial)
        if held_by is not None:
            self.heap.stores.append(Store(base, None, value, self.loop, held_by, frame.module, front=front))

    def _array_call(self, name: str, node: tree.Call, frame: Frame) -> Term:
        arguments = tuple(self.evaluate(each, frame) for each in _operands(node))
        named = {each.name: each.value for each in node.keywords if each.name}
        out = named.get("out")
        term = vocabulary.array_term(self.terms, name, arguments, named, node)
        if out is not None and (place := self._place(out, frame)) is not None:
            self._write_place(place, term, frame)
        return term


_LOCAL = "local "
_UNIT = 1000
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


def _raises(body: tuple[tree.Statement, ...]) -> bool:
    return all(isinstance(each, tree.Other) and each.keyword in ("raise", "assert", "pass") for each in body)


def _literal_key(indices: tuple[tree.Expression, ...]) -> str | int | None:
    match indices:
        case (tree.Constant(value=str() as key),):
            return key
        case (tree.Constant(value=bool()),):
            return None
        case (tree.Constant(value=int() as number),):
            return number
    return None


def _position(bound: Term | None) -> int | None:
    """Where a bound of a slice lies; an open one and a bound that is no sum of sizes have none."""
    form = affine(bound) if bound is not None else None
    return form.constant + _UNIT * sum(form.coefficients.values()) if form else None


def _literal_slice(indices: tuple[tree.Expression, ...]) -> slice | None:
    """``[:3]`` of a tuple, where its bounds are written out."""
    match indices:
        case (tree.Slice(lower=lower, upper=upper, step=None),):
            bounds = [each.value if isinstance(each, tree.Constant) else each for each in (lower, upper)]
            if all(isinstance(each, int | None) for each in bounds):
                return slice(*bounds)
    return None


def _operands(node: tree.Call) -> tuple[tree.Expression, ...]:
    return tuple(each.value if isinstance(each, tree.Starred) else each for each in node.arguments)
