"""Runs a function on terms: each statement once, a loop's body on a step in the middle.

Nothing of the user's file is executed: a variable's value is a :class:`rnnlint.model.terms.Term`. Calls of
project functions are followed; what cannot be followed is a term of its own that nobody can see into.
The layers, from the ground up: places, subscripts, calls, expressions, assignments, loops, and here the
statements."""

from __future__ import annotations

from collections.abc import Iterable

from rnnlint.model.heap import Frame, Guard
from rnnlint.model.helpers import Helpers
from rnnlint.model.learned import learned_places
from rnnlint.model.loops import Loops
from rnnlint.model.places import TooLargeError
from rnnlint.model.program import Program
from rnnlint.model.terms import Op, Term, Terms
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module

MOST_STATEMENTS = 6_000


class Execution(Loops):
    """One run over one or several functions that share their heap."""

    def __init__(self, program: Program, terms: Terms, helpers: Helpers) -> None:
        super().__init__(program, terms, helpers)
        self._statements = 0

    def run_statements(self, module: Module, body: tuple[tree.Statement, ...]) -> Frame:
        """Run the statements of a file's top level."""
        frame = Frame(module, None, {}, learned_places(body))
        self.block(body, frame)
        return frame

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
            case tree.Other(keyword="del", values=values):
                for each in values:
                    if isinstance(each, tree.Subscript) and not isinstance(each.indices[0], tree.Slice):
                        self.heap.rearranged.add(self.evaluate(each.value, frame).key)
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


def _raises(body: tuple[tree.Statement, ...]) -> bool:
    return all(isinstance(each, tree.Other) and each.keyword in ("raise", "assert", "pass") for each in body)
