"""Runs a job's scenarios in the loaded files, each from the same start."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from . import numpy_names
from .checkpoint import Checkpoint
from .job import Expression, Failure, Ran, Scenario, Trouble, Value
from .patches import patched
from .portable import Copier, TooMuchError
from .program import SCENARIO_PATH, Program
from .record import Recorder
from .trouble import trouble_from

LARGEST_VALUES = 128 * 2**20
_IMPORT = re.compile(r"\bimport\b")


class Execution:
    """Runs scenarios, as many as come, in a program that has just been loaded."""

    def __init__(self, program: Program) -> None:
        job = program.job
        self._program = program
        self._checkpoint = Checkpoint(program.modules)
        self._texts = {module.path: module.text for module in job.modules}
        self._paths = frozenset(self._texts)
        self._entry = job.modules[job.entry]
        self._compiled = lru_cache(maxsize=64)(program.compile)

    def run_all(self, scenarios: Iterable[Scenario]) -> Iterator[Ran]:
        """A run for each scenario, in order."""
        for scenario in scenarios:
            self._checkpoint.restore()
            if self._program.bring_in(_imported(scenario.program)):
                self._checkpoint = Checkpoint(self._program.modules)
                self._checkpoint.restore()
            numpy_names.reset_random_state()
            yield self._run(scenario)

    def _run(self, scenario: Scenario) -> Ran:
        """One scenario's values, or the trouble it came to; frames are kept either way."""
        recorder = Recorder(scenario, self._paths, self._entry.path)
        values: tuple[Value, ...] = ()
        trouble: Trouble | None = None
        try:
            values = self._values(scenario, recorder)
        except TooMuchError:
            trouble = Trouble(Failure.OUTPUT, message="the values returned are too large")
        except BaseException as error:  # noqa: BLE001 - the user's code may raise anything
            texts = {} if scenario.patches else self._texts  # a patch's lines are not those of the file
            trouble = trouble_from(error, {**texts, SCENARIO_PATH: f"{scenario.program}\n{scenario.back}"})
        if recorder.overflowed:
            self._program.note("Not every step could be recorded: the recorded values are too large.")
        return Ran(
            values,
            tuple(recorder.frames),
            trouble,
            dict(recorder.calls),
            recorder.was_watching,
            recorder.beyond_float64,
        )

    def _values(self, scenario: Scenario, recorder: Recorder) -> tuple[Value, ...]:
        namespace = self._program.namespace
        for name, hole in scenario.holes.items():
            namespace[name] = self._filled(hole)
        code = self._compiled(scenario.program, "exec")
        back = self._compiled(_below(scenario.program, scenario.back), "exec") if scenario.back else None
        copier = Copier(LARGEST_VALUES)
        with patched(self._program, scenario.patches):
            with recorder.watching():
                exec(code, namespace)
            early = self._copies(scenario.early, copier)
            if back is not None:
                with recorder.watching():
                    exec(back, namespace)
        return (*early, *self._copies(scenario.returns, copier))

    def _copies(self, expressions: Iterable[str], copier: Copier) -> tuple[Value, ...]:
        namespace = self._program.namespace
        return tuple(copier.copy(eval(self._compiled(each, "eval"), namespace)) for each in expressions)

    def _filled(self, hole: Value) -> Any:
        """A hole's value, with the expressions in it evaluated."""
        if isinstance(hole, Expression):
            return eval(self._compiled(hole.code, "eval"), self._program.namespace)
        if isinstance(hole, (list, tuple)):
            return type(hole)(self._filled(item) for item in hole)
        if isinstance(hole, dict):
            return {key: self._filled(item) for key, item in hole.items()}
        return hole


def _below(program: str, text: str) -> str:
    """The text on the lines that follow the program's."""
    return "\n" * (program.count("\n") + 1) + text


@lru_cache(maxsize=64)
def _imported(program: str) -> tuple[str, ...]:
    """The dotted names that a scenario's program imports."""
    if not _IMPORT.search(program):
        return ()
    try:
        tree = ast.parse(program)
    except SyntaxError:
        return ()
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return tuple(names)
