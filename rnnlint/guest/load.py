"""Loads the user's files without importing them: their definitions are executed, what they would run stays
unrun.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from . import neutral, numpy_names, statements, surroundings
from .imports import Importer
from .job import Failure, Job, Module, Trouble
from .program import Program
from .top_level import TopLevel


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
    neutral.neutralise(program.modules.values(), job.neutral)
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
        self._program.rewrite(tree, source.text, source.python2)
        self._own_callables |= frozenset(statements.callables_defined(tree))
        module = _new_module(source)
        vars(module)["__builtins__"] = surroundings.builtins_of_user(
            self._importer, self._program.note, source.python2
        )
        self._program.modules[index] = module
        sys.modules.setdefault(module.__name__, module)
        TopLevel(self._program, self._importer, source, module, self._own_callables).execute(tree.body)
        return module


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
