"""Which gradients each statement of a backward pass reaches, measured: its result is changed a little and the
pass run.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Protocol

from rnnlint.diagnosis.suspects import Suspect, slots
from rnnlint.findings import Edit

Errors = Mapping[str, float]
SCALED, ADDED = "1.0078125", "0.0078125"
"""A zero has to change as well."""
CHANGED = 1e-9


class Trials(Protocol):
    """A solved scenario that runs many variants of the text: :class:`rnnlint.gradients.trials.Trials`."""

    @property
    def errors(self) -> Errors: ...

    def run(self, variants: Sequence[Sequence[Edit]]) -> list[Errors | None]: ...


def influences(suspects: Sequence[Suspect], trials: Trials) -> list[frozenset[str] | None]:
    """For each statement the parameters whose gradients depend on its result; None where that could not be
    seen.
    """
    edits = [_disturbing(suspect) for suspect in suspects]
    tried = iter(trials.run([edit for edit in edits if edit]))
    before = trials.errors
    return [_changed(before, next(tried)) if edit else None for edit in edits]


def _disturbing(suspect: Suspect) -> tuple[Edit, ...]:
    """The edits that change what the statement computes; none where that cannot be changed a little."""
    value = suspect.value
    if value is None or isinstance(suspect.node, ast.Expr):
        return ()
    program = suspect.program
    made: list[Edit] = []
    for slot in slots(value):
        if isinstance(slot, ast.Constant | ast.List | ast.ListComp | ast.DictComp | ast.GeneratorExp):
            continue
        made.append(Edit(program.path, program.span(slot), f"({program.source(slot)}) * {SCALED} + {ADDED}"))
    return tuple(made)


def _changed(before: Errors, after: Errors | None) -> frozenset[str] | None:
    if after is None:
        return None
    return frozenset(name for name, error in after.items() if abs(error - before[name]) > CHANGED)
