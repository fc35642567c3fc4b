"""What the numeric check says: plain, frozen data. No NumPy here, so that reports load without it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Status(StrEnum):
    """How far a gradient check came."""

    CHECKED = "checked"
    PARTIAL = "partial"  # some parameters have no gradient that could be paired with them
    NOT_CHECKED = "not-checked"


class Verdict(StrEnum):
    """What is true of one parameter's gradient."""

    RIGHT = "right"
    WRONG = "wrong"
    SCALED = "scaled"  # off by the factor that all parameters share
    NOT_FINITE = "not-finite"
    UNINFORMATIVE = "uninformative"  # zero against zero
    UNPAIRED = "unpaired"


class Reason(StrEnum):
    """Stable codes for "could not check, because …" (``reason_code`` in the JSON)."""

    NO_BACKWARD = "no-backward"
    UNIMPLEMENTED = "unimplemented"
    MISSING_HELPER = "missing-helper"
    MISSING_MODULE = "missing-module"
    NO_FORWARD = "no-forward"
    UNSOLVED_SHAPES = "unsolved-shapes"
    UNKNOWN_ARGUMENT = "unknown-argument"
    RAISES = "raises"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"
    STUB_USED = "stub-used"
    NO_GRADIENT = "no-gradient"
    NO_ORACLE = "no-oracle"
    SYNTAX_ERROR = "syntax-error"
    NO_SANDBOX = "no-sandbox"


@dataclass(frozen=True, slots=True)
class WorstElement:
    """The element of a gradient that is furthest off."""

    index: tuple[int, ...]
    got: float
    expected: float


@dataclass(frozen=True, slots=True)
class ParameterVerdict:
    """One parameter (or input, or initial state) and the gradient paired with it.

    ``relative_error`` is ‖g − ĝ‖ / max(‖g‖, ‖ĝ‖): 0 right, 1 no better than zeros, 2 reversed; it is taken
    after the common scale is divided out. ``ratio`` is the least-squares factor ⟨g, ĝ⟩ / ⟨ĝ, ĝ⟩ where the two
    are parallel, else None.
    """

    name: str
    gradient: str | None
    shape: tuple[int, ...]
    verdict: Verdict
    relative_error: float | None = None
    cosine: float | None = None
    ratio: float | None = None
    worst: WorstElement | None = None


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """One scenario that was run, or the reason why none could be.

    ``entry`` reads ``forward → backward``; ``ran`` is the sentence of the report ("backward() with
    forward.py's forward()"); ``path`` and ``line`` are where the backward pass stands; ``forward`` is
    ``standard``, ``variant`` or ``unknown`` with ``difference`` naming what differs; ``oracles`` holds
    ``reference`` and ``own-loss``, those that were used; ``loss`` names the own loss; ``scale`` is the one
    factor common to all parameters; ``notes`` are whole sentences (clipping neutralised, promoted to
    float64, a helper supplied). ``call`` is 2 for the check of a second pass over the same objects.
    """

    id: str
    status: Status
    path: Path
    line: int
    entry: str = ""
    ran: str = ""
    reason: str | None = None
    reason_code: Reason | None = None
    advice: str | None = None  # what the user can do so that it can be checked
    kind: str | None = None
    call: int = 1
    forward: str = "unknown"
    difference: str | None = None
    oracles: tuple[str, ...] = ()
    loss: str | None = None
    scale: float | None = None
    scale_name: str | None = None  # "V", "T", "B", "-1" …
    convention: str | None = None
    tolerance: float = 1e-6
    seed: int | None = None
    sandbox: tuple[str, ...] = ()
    missing_layers: tuple[str, ...] = ()
    parameters: tuple[ParameterVerdict, ...] = ()
    notes: tuple[str, ...] = ()
    nondeterministic: bool = False  # two equal calls gave different gradients
    accumulates: bool = False  # a second pass added exactly one more gradient to the first

    @property
    def wrong(self) -> tuple[ParameterVerdict, ...]:
        """The parameters whose gradients are wrong or not finite."""
        return tuple(p for p in self.parameters if p.verdict in (Verdict.WRONG, Verdict.NOT_FINITE))

    @property
    def judged(self) -> tuple[ParameterVerdict, ...]:
        """The parameters that something was found out about."""
        silent = (Verdict.UNPAIRED, Verdict.UNINFORMATIVE)
        return tuple(p for p in self.parameters if p.verdict not in silent)
