"""The user's files once their definitions are executed, and how texts of theirs are compiled."""

from __future__ import annotations
import __future__

import ast
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import Any, Literal

from . import neutral, rewriting, surroundings
from .imports import Importer
from .job import Job, Outcome, Trouble

SCENARIO_PATH = "<scenario>"
_FLAGS = __future__.annotations.compiler_flag


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
        python2 = self.job.modules[self.job.entry].python2
        if not self._is_rewritten(text, python2):
            return compiled(text, SCENARIO_PATH, mode)
        tree = ast.parse(text, SCENARIO_PATH, mode)
        assert isinstance(tree, (ast.Module, ast.Expression))
        self.rewrite(tree, text, python2)
        return compiled(tree, SCENARIO_PATH, mode)

    def compile_definition(self, text: str, index: int) -> CodeType:
        """Another text of a definition in module ``index``, under that module's rules."""
        module = self.job.modules[index]
        tree = ast.parse(text, module.path)
        self.rewrite(tree, text, module.python2)
        return compiled(tree, module.path, "exec")

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
        neutral.neutralise(self.modules.values(), self.job.neutral)
        return True

    def rewrite(self, tree: ast.Module | ast.Expression, text: str, python2: bool) -> None:
        """Promote, leave gradients unclipped and, in a file of Python 2, divide as it did. ``text`` is what
        the tree was parsed from.
        """
        if self._may_be_promoted(text) and rewriting.promote(tree):
            self.note("Types of narrower floats are taken for float64.")
        if self._may_clip(text):
            rewriting.leave_unclipped(tree, self._clips)
        if python2:
            rewriting.as_python2(tree)

    def _is_rewritten(self, text: str, python2: bool) -> bool:
        """Whether :meth:`rewrite` might change anything: without it a text is compiled in half the time."""
        return python2 or self._may_clip(text) or self._may_be_promoted(text)

    def _may_be_promoted(self, text: str) -> bool:
        return self.job.promote and rewriting.may_name_narrow_types(text)

    def _may_clip(self, text: str) -> bool:
        return "clip" in text and bool(self._clips)

    @property
    def _clips(self) -> frozenset[str]:
        return frozenset(name for name in self.job.neutral if name.endswith(")"))

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


def compiled(source: str | ast.Module | ast.Expression, path: str, mode: Literal["exec", "eval"]) -> CodeType:
    """The code of a text or tree, in which annotations are never evaluated."""
    code: CodeType = compile(source, path, mode, flags=_FLAGS, dont_inherit=True)
    return code
