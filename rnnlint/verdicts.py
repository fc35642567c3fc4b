"""What the numeric check says: plain, frozen data. No NumPy here, so that reports load without it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from rnnlint.records import dataclass, field


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
class Elements:
    """A gradient and the true one, element by element in C order, the common scale divided out.

    ``axes`` names each axis by the size it has in this probe (``T`` steps, ``B`` examples, ``H`` units …),
    "" where it is no such size.
    """

    got: tuple[float, ...]
    expected: tuple[float, ...]
    axes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParameterVerdict:
    """One parameter (or input, or initial state) and the gradient paired with it.

    ``relative_error`` is ‖g − ĝ‖ / max(‖g‖, ‖ĝ‖): 0 right, 1 no better than zeros, 2 reversed; it is taken
    after the common scale is divided out. ``ratio`` is the least-squares factor ⟨g, ĝ⟩ / ⟨ĝ, ĝ⟩ where the two
    are parallel, else None. ``elements`` is given for a wrong gradient that is small enough for a picture.
    """

    name: str
    gradient: str | None
    shape: tuple[int, ...]
    verdict: Verdict
    relative_error: float | None = None
    cosine: float | None = None
    ratio: float | None = None
    worst: WorstElement | None = None
    elements: Elements | None = field(default=None, repr=False, compare=False)


class StepState(StrEnum):
    """What a statement of the backward pass made at one step."""

    TRUE = "true"  # a true adjoint
    ZERO = "zero"
    FIRST_WRONG = "first-wrong"  # no true adjoint, of nothing but true ones
    WRONG = "wrong"  # no true adjoint, of what was wrong already


@dataclass(frozen=True, slots=True)
class WalkedStatement:
    """A statement of the backward pass with what it made, from the first step of the way back to the last;
    None where that is no part of the backward flow.
    """

    path: Path
    line: int
    states: tuple[StepState | None, ...]


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """One scenario that was run, or the reason why none could be.

    ``entry`` reads ``forward → backward``; ``ran`` is the sentence of the report ("backward() with
    forward.py's forward()"); ``path`` and ``line`` are where the backward pass stands; ``forward`` is
    ``standard``, ``variant`` or ``unknown`` with ``difference`` naming what differs; ``oracles`` holds
    ``reference`` and ``own-loss``, those that were used; ``loss`` names the own loss; ``scale`` is the one
    factor common to all parameters; ``notes`` are whole sentences (clipping neutralised, promoted to
    float64, a helper supplied). ``call`` is 2 for the check of a second pass over the same objects. ``walk``
    is what the statements of a wrong backward pass made step by step, where that was asked for.
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
    underived: str | None = None  # how the gradient comes about where no derivation was written, a sentence
    other_loss: str | None = None  # that the gradients are not those of the loss that is given, a sentence
    walk: tuple[WalkedStatement, ...] = ()

    @property
    def wrong(self) -> tuple[ParameterVerdict, ...]:
        """The parameters whose gradients are wrong or not finite."""
        return tuple(p for p in self.parameters if p.verdict in (Verdict.WRONG, Verdict.NOT_FINITE))

    @property
    def judged(self) -> tuple[ParameterVerdict, ...]:
        """The parameters that something was found out about."""
        silent = (Verdict.UNPAIRED, Verdict.UNINFORMATIVE)
        return tuple(p for p in self.parameters if p.verdict not in silent)

    def raise_if_wrong(self, *, allow_scale: bool = False) -> None:
        """What a test calls: raises :class:`WrongGradientError` unless every gradient is the loss's own.

        Wrong are also a gradient that is missing or not finite, two equal calls that differ, and a check in
        which every gradient is zero; a factor common to all gradients unless ``allow_scale``.
        """
        bad = {Verdict.WRONG, Verdict.NOT_FINITE, Verdict.UNPAIRED} | (
            set() if allow_scale else {Verdict.SCALED}
        )
        if self.nondeterministic or not self.judged or any(p.verdict in bad for p in self.parameters):
            raise WrongGradientError(self)

    def __str__(self) -> str:
        """A line on the whole, then one a parameter."""
        return "\n".join((self._sentence, *(_row(p) for p in self.parameters), *self._remarks))

    @property
    def _sentence(self) -> str:
        if self.status is Status.NOT_CHECKED:
            return f"Not checked: {self.reason or 'no reason is known.'}"
        if self.wrong:
            return f"Wrong: {len(self.wrong)} of {len(self.judged)} gradients of {self.ran}."
        if not self.judged:
            return f"Nothing shown: every gradient of {self.ran} is zero or missing."
        if any(p.verdict is Verdict.SCALED for p in self.parameters):
            return f"Right but for a common factor: {len(self.judged)} gradients of {self.ran}."
        return f"Right: {len(self.judged)} of {len(self.judged)} gradients of {self.ran}."

    @property
    def _remarks(self) -> tuple[str, ...]:
        said: list[str] = []
        if any(p.verdict is Verdict.SCALED for p in self.parameters) and self.scale is not None:
            said.append(f"What is scaled is {self.scale:.6g} times the loss's gradient.")
        if self.nondeterministic:
            said.append("Two equal calls gave different gradients: draw the data once, outside.")
        return tuple(said)


class WrongGradientError(AssertionError):
    """A gradient check failed; ``check`` holds the verdicts and the message is the check as text."""

    def __init__(self, check: GradientCheck) -> None:
        super().__init__(str(check))
        self.check = check


def _row(parameter: ParameterVerdict) -> str:
    """``W_f  wrong  relative error 0.89, cosine 0.31; worst at (0, 3): 0.1 for -0.2``."""
    figures: list[str] = []
    if parameter.verdict is Verdict.UNPAIRED:
        figures.append("no gradient was given for it")
    if parameter.relative_error is not None and parameter.verdict is not Verdict.UNINFORMATIVE:
        figures.append(f"relative error {parameter.relative_error:.2g}")
    if parameter.verdict is Verdict.UNINFORMATIVE:
        figures.append("zero, and rightly so")
    if parameter.verdict is Verdict.WRONG:
        if parameter.cosine is not None:
            figures.append(f"cosine {parameter.cosine:.2f}")
        if parameter.ratio is not None:
            figures.append(f"{parameter.ratio:.6g} times the right one")
        if parameter.worst is not None:
            worst = parameter.worst
            figures.append(f"worst at {worst.index}: {worst.got:.6g} for {worst.expected:.6g}")
    return f"  {parameter.name:<10} {parameter.verdict.value:<13} {', '.join(figures)}".rstrip()
