"""Executes the definitions of the user's files, without importing them: what they would run stays unrun."""

from __future__ import annotations
import __future__

import ast
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Literal

from . import numpy_names, rewriting, statements, surroundings
from .defaults import without_failing_defaults
from .imports import Importer
from .job import Failure, Job, Module, Outcome, Trouble
from .stubs import stands_on_stub
from .trouble import message_of

SECONDS_PER_STATEMENT = 0.1
SECONDS_PER_FILE = 0.5
"""Processor time for one top-level statement that is no definition, and for all of a file's."""
_FLAGS = __future__.annotations.compiler_flag


class _TooSlowError(BaseException):
    """A top-level statement took so long that it is no set-up."""


@dataclass(slots=True)
class Program:
    """The user's files with their definitions executed."""

    job: Job
    modules: dict[int, ModuleType]
    output: surroundings.Output
    trouble: Trouble | None = None
    notes: list[str] = field(default_factory=list)
    loaded: tuple[str, ...] = ()
    skipped: list[str] = field(default_factory=list)
    notes_of_load: int = 0
    importer: Importer | None = None

    @property
    def namespace(self) -> dict[str, Any]:
        """The entry module's globals."""
        return vars(self.modules[self.job.entry])

    def compile(self, text: str, mode: Literal["exec", "eval"]) -> CodeType:
        """A scenario's program or expression, under the rules of the entry module."""
        tree = ast.parse(text, SCENARIO_PATH, mode)
        assert isinstance(tree, (ast.Module, ast.Expression))
        self.rewrite(tree, self.job.modules[self.job.entry].python2)
        return _compiled(tree, SCENARIO_PATH)

    def compile_definition(self, text: str, index: int) -> CodeType:
        """Another text of a definition in module ``index``, under that module's rules."""
        module = self.job.modules[index]
        tree = ast.parse(text, module.path)
        self.rewrite(tree, module.python2)
        return _compiled(tree, module.path)

    def bring_in(self, names: Iterable[str]) -> bool:
        """Load the project's modules of these dotted names; whether one was not loaded before."""
        assert self.importer is not None
        before = len(self.modules)
        for name in names:
            if self.importer.owns(name):
                with suppress(BaseException):  # the scenario that imports it will say what is wrong
                    self.importer(name)
        if len(self.modules) == before:
            return False
        _neutralise(self)
        return True

    def rewrite(self, tree: ast.Module | ast.Expression, python2: bool) -> None:
        """Promote and, in a file of Python 2, divide as it did."""
        if self.job.promote and rewriting.promote(tree):
            self.note("Types of narrower floats are taken for float64.")
        if python2:
            rewriting.as_python2(tree)

    def note(self, sentence: str) -> None:
        """Add a whole sentence to the notes, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def begin_again(self) -> None:
        """Forget what the last scenarios printed and caused to be noted."""
        del self.notes[self.notes_of_load :]
        self.output.clear()

    def outcome(self) -> Outcome:
        """All of the answer but the runs."""
        return Outcome(
            trouble=self.trouble,
            notes=tuple(self.notes),
            stdout=self.output.getvalue(),
            loaded=self.loaded,
            skipped=tuple(dict.fromkeys(self.skipped)),
        )


SCENARIO_PATH = "<scenario>"


def warm_up() -> None:
    """Import, in the zygote, what the user's files import most."""
    import collections
    import copy
    import csv
    import datetime
    import json
    import math
    import os
    import pickle
    import random
    import re
    import string
    import typing

    del collections, copy, csv, datetime, json, math, os, pickle, random, re, string, typing
    import numpy as np

    np.random.seed(0)
    np.zeros((2, 2)) @ np.zeros((2, 2))


def load(job: Job) -> Program:
    """Execute the entry module's definitions, and through its imports those of the other modules."""
    program = Program(job, {}, surroundings.calm_world())
    numpy_names.restore_names(job.promote, program.note)
    numpy_names.fix_random_state()
    numpy_names.reset_random_state()
    loader = _Loader(program)
    try:
        loader.load(job.entry)
    except SyntaxError as error:
        path = job.modules[job.entry].path
        program.trouble = Trouble(
            Failure.LOAD, type(error).__name__, error.msg or "it does not parse", path, error.lineno or 0
        )
        return program
    _neutralise(program)
    program.notes_of_load = len(program.notes)
    program.loaded = tuple(name for name in program.namespace if not name.startswith("__"))
    return program


class _Loader:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._own_callables: frozenset[str] = frozenset()
        self._importer = program.importer = Importer(program.job, self.load, program.note)

    def load(self, index: int) -> ModuleType:
        """The module of that index, executed once; raises SyntaxError where it is no Python."""
        known = self._program.modules.get(index)
        if known is not None:
            return known
        with _unwatched():
            return self._loaded(index)

    def _loaded(self, index: int) -> ModuleType:
        source = self._program.job.modules[index]
        tree = ast.parse(source.text, source.path)
        self._program.rewrite(tree, source.python2)
        self._own_callables |= frozenset(statements.callables_defined(tree))
        module = _new_module(source)
        vars(module)["__builtins__"] = surroundings.builtins_of_user(
            self._importer, self._program.note, source.python2
        )
        self._program.modules[index] = module
        sys.modules.setdefault(module.__name__, module)
        _ModuleLoad(self._program, self._importer, source, module, self._own_callables).execute(tree.body)
        return module


class _ModuleLoad:
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
                return bool(eval(_compiled(ast.Expression(test), self._source.path), self._namespace))
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
                eval(_compiled(ast.Expression(expression), self._source.path), self._namespace)
        except BaseException:  # noqa: BLE001 - the user's code may raise anything
            return False
        return True

    def _leave_out(self, statement: ast.stmt, reason: str) -> None:
        names = tuple(dict.fromkeys(statements.bound_names(statement)))
        self._program.skipped.extend(names)
        what = ", ".join(names) or "a statement"
        self._program.note(f"{self._source.path}:{statement.lineno} is left out ({what}): {reason}.")

    def _code(self, body: list[ast.stmt]) -> CodeType:
        return _compiled(ast.Module(body, []), self._source.path)

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


@contextmanager
def _unwatched() -> Iterator[None]:
    """Definitions are not what a scenario is watched for, and watching them costs ten times their time."""
    profile, trace = sys.getprofile(), sys.gettrace()
    sys.setprofile(None)
    sys.settrace(None)
    try:
        yield
    finally:
        sys.setprofile(profile)
        sys.settrace(trace)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise _TooSlowError


def _compiled(tree: ast.Module | ast.Expression, path: str) -> CodeType:
    mode = "exec" if isinstance(tree, ast.Module) else "eval"
    code: CodeType = compile(tree, path, mode, flags=_FLAGS, dont_inherit=True)
    return code


def _new_module(source: Module) -> ModuleType:
    name = max(source.names, key=lambda dotted: dotted.count("."), default="") or _stem(source.path)
    module = ModuleType(name if name not in sys.modules else f"submitted.{name}")
    package = name if source.package else name.rpartition(".")[0]
    vars(module).update(__file__=source.path, __package__=package)
    if source.package:
        vars(module)["__path__"] = []
    return module


def _stem(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2].removesuffix(".py") or "submitted"


def _neutralise(program: Program) -> None:
    """Turn the functions that the job names into the identity on their first argument, wherever they are
    bound.
    """
    for name in program.job.neutral:
        if name in ("np.clip", "numpy.clip"):
            numpy_names.leave_unclipped()
            continue
        for module in program.modules.values():
            function = _found(vars(module), name)
            if isinstance(function, FunctionType) and not function.__code__.co_freevars:
                function.__code__ = (_second if "." in name else _first).__code__
                function.__defaults__, function.__kwdefaults__ = None, None


def _found(namespace: dict[str, Any], name: str) -> Any:
    outer, _, inner = name.partition(".")
    value = namespace.get(outer)
    if not inner:
        return value
    return vars(value).get(inner) if isinstance(value, type) else None


def _first(first: Any, *rest: Any, **named: Any) -> Any:
    return first


def _second(first: Any, second: Any, *rest: Any, **named: Any) -> Any:
    return second
