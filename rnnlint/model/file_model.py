"""The model of one file: what every rule reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache

from rnnlint.model.backward import BackwardPass
from rnnlint.model.helpers import Helper, Helpers
from rnnlint.model.joining import backward_passes
from rnnlint.model.program import Program
from rnnlint.model.project import Project
from rnnlint.model.recurrent_code import RecurrentCode, recurrent_code
from rnnlint.model.single_call_gradients import SingleCallGradient, single_call_gradients
from rnnlint.model.stale_layers import StaleLayers, stale_layers
from rnnlint.model.surviving_state import SurvivingState, surviving_states
from rnnlint.records import dataclass
from rnnlint.source import Source
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module, module_of


@dataclass(frozen=True)
class FileModel:
    """What one file means. Its parts are worked out when a rule first asks for them."""

    project: Project
    source: Source
    module: Module

    @cached_property
    def functions(self) -> tuple[FunctionScope, ...]:
        """Every function of the file, methods and nested ones included."""
        return tuple(
            FunctionScope(
                node, next((e for e in self.module.ancestors(node) if isinstance(e, tree.Class)), None)
            )
            for node in self.module.of_kind(tree.Function)
        )

    @cached_property
    def helpers(self) -> Mapping[str, Helper]:
        """What the functions that the file defines or imports compute, by the name the file calls them by."""
        return self._helpers.of_target

    @cached_property
    def program(self) -> Program:
        """The project's files as modules."""
        return Program(self.project, self.module)

    @cached_property
    def _helpers(self) -> Helpers:
        return Helpers(self.program)

    @cached_property
    def backward_passes(self) -> tuple[BackwardPass, ...]:
        """The backward passes of the file, each joined to its forward pass where one was found."""
        if not any("numpy" in each.text for each in self.project.files.values()):
            return ()
        return tuple(backward_passes(self.program, self._helpers))

    @cached_property
    def recurrent_code(self) -> RecurrentCode | None:
        """The part of the file that belongs to a recurrent network, None where it has none."""
        return recurrent_code(self.program)

    @cached_property
    def surviving_states(self) -> tuple[SurvivingState, ...]:
        """Lists of states that only grow."""
        return tuple(surviving_states(self.program))

    @cached_property
    def stale_layers(self) -> tuple[StaleLayers, ...]:
        """Loops over the steps that take layers backward with what the last step left in them."""
        return tuple(stale_layers(self.program)) if self.is_recurrent else ()

    @cached_property
    def single_call_gradients(self) -> tuple[SingleCallGradient, ...]:
        """Gradients of layers of which a loop over the steps keeps the last call's."""
        return tuple(single_call_gradients(self.program)) if self.is_recurrent else ()

    @cached_property
    def is_recurrent(self) -> bool:
        """Whether the file, or a project file that it works with, holds recurrent code."""
        return any(_speaks_of_recurrence(each.text) for each in self.project.files.values())


@dataclass(frozen=True, slots=True)
class FunctionScope:
    """A function and the class it is a method of."""

    node: tree.Function
    owner: tree.Class | None

    @property
    def name(self) -> str:
        """``forward``, or ``LSTM.forward`` for a method."""
        return f"{self.owner.name}.{self.node.name}" if self.owner else self.node.name


def build_model(project: Project, source: Source) -> FileModel:
    """The model of ``source``, whose text must parse, among the files of ``project``."""
    return FileModel(project, source, module_of(source))


_RECURRENT_WORDS = re.compile(
    r"lstm|\bgru|gru\b|[^a-z]gru_|\brnn|rnn\b|rnn_|bptt|through.time|backward|d_?h_?next|forget_?gate|h_?prev\b",
    re.IGNORECASE,
)


_PARTS = "lstm gru rnn bptt through backward hnext h_next forget hprev h_prev".split()
"""One of these stands wherever the pattern matches; they are looked for at the speed of memory."""


@lru_cache(maxsize=256)
def _speaks_of_recurrence(text: str) -> bool:
    """Each file is asked once, though every file of its project wants to know."""
    if "numpy" not in text:
        return False
    lower = text.lower()
    return any(part in lower for part in _PARTS) and _RECURRENT_WORDS.search(text) is not None
