"""One file's top-level statements, executed one by one: what fails or takes long is left out and named."""

from __future__ import annotations

import ast
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, ModuleType

from . import statements
from .defaults import without_failing_defaults
from .imports import Importer
from .job import Module
from .program import Program, compiled
from .stubs import stands_on_stub
from .trouble import message_of

SECONDS_PER_STATEMENT = 0.1
SECONDS_PER_FILE = 0.5
"""Processor time for one top-level statement that is no definition, and for all of a file's."""


class _TooSlowError(BaseException):
    """A top-level statement took so long that it is no set-up."""


class TopLevel:
    """One file's statements, executed one by one: what fails is left out and named."""

    def __init__(
        self, program: Program, importer: Importer, source: Module, module: ModuleType, own: frozenset[str]
    ) -> None:
        self._program = program
        self._importer = importer
        self._source = source
        self._namespace = vars(module)
        self._own_callables = own
        self._left = SECONDS_PER_FILE

    def execute(self, body: list[ast.stmt]) -> None:
        """Execute the definitions among ``body``; what is left out is noted by name."""
        plain: list[ast.stmt] = []
        for statement in body:
            if isinstance(statement, ast.FunctionDef) and not statement.decorator_list:
                plain.append(statement)
                continue
            self._define(plain)
            plain = []
            if isinstance(statement, ast.If) and not statements.is_main_guard(statement):
                self.execute(statement.body if self._holds(statement.test) else statement.orelse)
            elif not statements.is_definition(statement, self._own_callables):
                self._program.skipped.extend(statements.bound_names(statement))
            elif isinstance(statement, ast.ImportFrom) and len(statement.names) > 1:
                self._import_each(statement)
            else:
                self._try(statement)
        self._define(plain)

    def _define(self, functions: list[ast.stmt]) -> None:
        """Neighbouring functions at once, for speed; one by one where a default argument fails."""
        try:
            exec(self._code(functions), self._namespace)
        except BaseException:  # noqa: BLE001 - the user's code may raise anything
            for function in functions:
                self._try(function)

    def _import_each(self, statement: ast.ImportFrom) -> None:
        """The names of one ``from`` import one by one, so that one that is missing costs only itself."""
        for alias in statement.names:
            single = ast.ImportFrom(statement.module, [alias], statement.level)
            self._try(ast.copy_location(single, statement))

    def _holds(self, test: ast.expr) -> bool:
        try:
            with self._bounded():
                return bool(eval(compiled(ast.Expression(test), self._source.path, "eval"), self._namespace))
        except BaseException:  # noqa: BLE001 - the user's code may raise anything
            return False

    def _try(self, statement: ast.stmt) -> None:
        try:
            self._run(statement)
        except _TooSlowError:
            self._leave_out(statement, "it takes too long to be a definition")
        except BaseException as error:  # noqa: BLE001 - the user's code may raise anything
            if not self._define_without_defaults(statement):
                self._leave_out(statement, f"{type(error).__name__}: {message_of(error)}"[:200])

    def _run(self, statement: ast.stmt) -> None:
        code = self._code([statement])
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef():
                exec(code, self._namespace)
            case ast.ClassDef(name=name):
                before = self._namespace.get(name)
                exec(code, self._namespace)
                if before is not None and stands_on_stub(self._namespace[name]):
                    self._namespace[name] = before  # a library's version of what the file wrote by hand
            case ast.Try():
                with self._importer.without_stubs(), self._bounded():
                    exec(code, self._namespace)
            case _:
                with self._bounded():
                    exec(code, self._namespace)

    def _define_without_defaults(self, statement: ast.stmt) -> bool:
        """Whether a definition stands once its failing default arguments are left out."""
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            return False
        try:
            self._run(without_failing_defaults(statement, self._evaluates))
        except BaseException:  # noqa: BLE001 - the user's code may raise anything
            return False
        place = f"{self._source.path}:{statement.lineno}"
        self._program.note(f"{place}: {statement.name} is defined without the default arguments that fail.")
        return True

    def _evaluates(self, expression: ast.expr) -> bool:
        try:
            with self._bounded():
                eval(compiled(ast.Expression(expression), self._source.path, "eval"), self._namespace)
        except BaseException:  # noqa: BLE001 - the user's code may raise anything
            return False
        return True

    def _leave_out(self, statement: ast.stmt, reason: str) -> None:
        names = tuple(dict.fromkeys(statements.bound_names(statement)))
        self._program.skipped.extend(names)
        what = ", ".join(names) or "a statement"
        self._program.note(f"{self._source.path}:{statement.lineno} is left out ({what}): {reason}.")

    def _code(self, body: list[ast.stmt]) -> CodeType:
        return compiled(ast.Module(body, []), self._source.path, "exec")

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """At most the allowed processor time; raises :class:`_TooSlowError` out of the user's code."""
        if self._left <= 0:
            raise _TooSlowError
        started = time.process_time()
        signal.signal(signal.SIGVTALRM, _interrupt)
        signal.setitimer(signal.ITIMER_VIRTUAL, min(SECONDS_PER_STATEMENT, self._left), 0.01)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            self._left -= time.process_time() - started


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise _TooSlowError
