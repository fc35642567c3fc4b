"""One small edit that may make a gradient right."""

from __future__ import annotations

import ast
from enum import StrEnum

from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.findings import Edit, Span
from rnnlint.records import dataclass


class Kind(StrEnum):
    """What an edit undoes."""

    INDEX = "index"
    PART = "part"  # a slice takes the wrong part
    OVERWRITE = "overwrite"
    ADDED_TWICE = "added-twice"
    TRANSPOSE = "transpose"
    MATRIX_ORDER = "matrix-order"
    GATE = "gate"
    PARTNER = "partner"
    SIGN = "sign"
    PLAIN_ACTIVATION = "plain-activation"
    TWICE = "nonlinearity-twice"
    DERIVATIVE = "derivative"
    MISSING_FUNCTION = "missing-function"
    MISSING_DERIVATIVE = "missing-derivative"
    OTHER_USE = "other-use"  # with its derivative at another use, and bare here
    MISSING_FACTOR = "missing-factor"
    SPURIOUS_FACTOR = "spurious-factor"
    MISSING_TERM = "missing-term"
    SPURIOUS_TERM = "spurious-term"
    INJECTED = "injected"  # at every step what belongs to the last one
    CARRY = "carry"
    STEP_RESULTS = "step-results"  # what a step's own backward pass returns is not summed or carried on
    INITIAL_STATE = "initial-state"  # its gradient stays zero
    STEPS = "steps"
    INTO_THE_WALK = "into-the-walk"  # every step of an inner loop has a share in it
    AXIS = "axis"
    EXPRESSION = "expression"
    OFFERED = "offered"  # the fix of a finding that is known
    SPURIOUS_STATEMENT = "spurious-statement"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edit of one statement. ``before`` and ``after`` are the texts of what changes; a lower rank is
    likelier.
    """

    kind: Kind
    edits: tuple[Edit, ...]
    span: Span
    before: str
    after: str
    rank: float

    @property
    def line(self) -> int:
        return self.span.line


def replacing(program: ProgramText, node: ast.expr, new: str, kind: Kind, rank: float) -> Candidate:
    """The candidate that puts ``new`` in the place of ``node``."""
    return Candidate(
        kind, (program.replacement(node, new),), program.span(node), program.source(node), new, rank
    )
