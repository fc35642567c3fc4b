"""What rnnlint says about a line: plain, frozen data that every layer may hold and none may change."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from rnnlint.records import dataclass


class Severity(StrEnum):
    """What is at stake."""

    ERROR = "error"  # the gradient is wrong
    WARNING = "warning"  # numerically unsafe, or wrong in some call
    ADVICE = "advice"  # training practice

    @property
    def rank(self) -> int:
        """0 for advice, up to 2 for an error."""
        return _SEVERITY_ORDER.index(self)


class Confidence(StrEnum):
    """How much is known of a finding."""

    POSSIBLE = "possible"  # the shape of a bug; hidden by default
    LIKELY = "likely"  # every role it rests on is resolved
    PROVEN = "proven"  # the numeric check failed and passes with the fix

    @property
    def rank(self) -> int:
        """0 for possible, up to 2 for proven."""
        return _CONFIDENCE_ORDER.index(self)


_SEVERITY_ORDER = [Severity.ADVICE, Severity.WARNING, Severity.ERROR]
_CONFIDENCE_ORDER = [Confidence.POSSIBLE, Confidence.LIKELY, Confidence.PROVEN]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a program's text: 1-based lines and columns, columns in code points, end exclusive.

    For a notebook the lines are those of the joined program (:class:`rnnlint.source.Source`); reports turn
    them into cell and line with :meth:`rnnlint.source.Source.place`.
    """

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``span`` of ``path`` by ``text`` (an empty span inserts)."""

    path: Path
    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together: all are applied or none.

    ``safe`` is only ever set where the numbers have verified the fix, or where it cannot change a result.
    """

    description: str
    edits: tuple[Edit, ...]
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Related:
    """Another place the reader needs, the line that stored the initial state first of all."""

    path: Path
    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Misunderstanding:
    """The one thought behind several findings.

    ``key`` groups (findings with equal keys stand under one title), ``title`` says it in a sentence,
    ``explanation`` may hold several lines, a picture of the list among them.
    """

    key: str
    title: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a finding costs when it alone is left in: the worst relative error over ``parameters``.

    ``gradient`` is the ``id`` of the :class:`rnnlint.verdicts.GradientCheck` that measured it.
    """

    gradient: str
    parameters: tuple[str, ...]
    error_if_left: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One bug at one place.

    ``message`` is whole sentences: what, why (the equation), what instead. ``remark`` is the few words that
    stand beside the line in the text report (``t=0: the LAST state``). ``figures`` is a sentence with what
    this run measured, which another seed would measure otherwise: reports that are compared from one run to
    the next leave it out.
    """

    code: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    path: Path
    span: Span
    group: Misunderstanding | None = None
    remark: str = ""
    fix: Fix | None = None
    related: tuple[Related, ...] = ()
    evidence: Evidence | None = None
    figures: str = ""

    @property
    def full_message(self) -> str:
        """The message with the figures of this run."""
        return f"{self.message} {self.figures}".rstrip()

    @property
    def order(self) -> tuple[str, Span, str]:
        """Sort key: by file, then place, then code."""
        return str(self.path), self.span, self.code
