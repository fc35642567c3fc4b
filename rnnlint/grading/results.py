"""What grading found out: plain frozen data, for feedback, grade books and reports.

No NumPy and no engine here, so that a report loads without them. Nothing in these records is a seed, an
error, a ratio, an expected value or captured output of a hidden probe: what stands here may be shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from rnnlint.records import dataclass


class Detail(StrEnum):
    """How much a student is told; each level tells what those before it tell."""

    VERDICT = "verdict"  # what is right and what is wrong
    LINE = "line"  # the lines to look at, with the rule
    REASON = "reason"  # why each is wrong
    FIX = "fix"  # what to write instead


class SubmissionStatus(StrEnum):
    """How grading a submission ended: the column ``status`` of the grade book."""

    OK = "ok"  # everything right
    WRONG = "wrong"  # something is not right
    UNIMPLEMENTED = "unimplemented"  # every function is still empty
    MISSING_FILE = "missing-file"  # a file that the assignment asks for is not there
    SYNTAX_ERROR = "syntax-error"
    TIMEOUT = "timeout"  # some function ran longer than it may
    CRASH = "crash"  # its process ended itself
    MEMORY = "memory"
    VIOLATION = "violation"  # it tried what the sandbox forbids
    NO_SANDBOX = "no-sandbox"  # nothing was run: a protection is missing here, and nobody loses points for it
    NOT_CHECKED = "not-checked"  # it could not be run for another reason, which is given


class PartVerdict(StrEnum):
    """What is true of one part (a forward pass, or one gradient) on one kind of probe."""

    RIGHT = "right"
    RIGHT_GIVEN_STEP = "right-given-step"  # what the student's own step function leads to
    WRONG = "wrong"
    NOT_FINITE = "not-finite"
    WRONG_SHAPE = "wrong-shape"
    UNIMPLEMENTED = "unimplemented"  # None, NotImplementedError
    RAISES = "raises"
    TIMEOUT = "timeout"
    CRASH = "crash"
    MEMORY = "memory"
    NEEDS_FORWARD = "needs-forward"  # a backward pass beside a forward pass that is not right
    NOT_RUN = "not-run"

    @property
    def earns(self) -> bool:
        """Whether points are given for it."""
        return self in (PartVerdict.RIGHT, PartVerdict.RIGHT_GIVEN_STEP)


FORWARD = "forward"
"""The part that is the forward pass; every other part is a gradient, by the name of the assignment."""


@dataclass(frozen=True, slots=True)
class PartResult:
    """One part of a task: ``public`` is its verdict on the public probe, ``hidden`` the worst on the hidden
    ones. ``points`` of ``max_points`` are given where both earn them.
    """

    task: str
    part: str
    public: PartVerdict
    hidden: PartVerdict
    points: float
    max_points: float

    @property
    def key(self) -> str:
        """The grade book's column: ``step.dWx``."""
        return f"{self.task}.{self.part}"


@dataclass(frozen=True, slots=True)
class Place:
    """A line to look at. ``reason`` explains, ``fix`` is what to write instead; both may be empty.

    ``function`` is the function that holds the line ("" outside of one), ``proven`` that the repair was run
    and made the gradients right.
    """

    file: str
    line: int
    function: str
    code: str  # "RNN205"
    name: str  # "missing-derivative"
    reason: str = ""
    fix: str = ""
    proven: bool = False


@dataclass(frozen=True, slots=True)
class StudentResult:
    """One submission, graded.

    ``score`` is None where nothing is known of its worth (``no-sandbox``, ``not-checked``). ``reason`` is a
    sentence for whoever reads the grade book, "" where the status says it all; ``problems`` are sentences
    for the student about the public probe (an exception with its line). ``needs_review`` are sentences on
    what a person should look at, empty where nothing is suspicious. ``rules`` are the codes of the places.
    ``seconds`` are the limit where a run of its code was stopped by that, else 0, so that they are the same
    on every machine. ``seed_id`` tells runs with equal hidden probes, and is no seed. ``layers`` stood round
    its runs.
    """

    student_id: str
    submission: str  # where it was found, relative to the submissions' folder; "" where there is none
    status: SubmissionStatus
    score: float | None
    max_score: float
    parts: tuple[PartResult, ...] = ()
    places: tuple[Place, ...] = ()
    rules: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    needs_review: tuple[str, ...] = ()
    reason: str = ""
    seconds: int = 0
    seed_id: str = ""
    submission_sha256: str = ""
    layers: tuple[str, ...] = ()

    def of_task(self, task: str) -> tuple[PartResult, ...]:
        """The parts of one task, in the order of the assignment."""
        return tuple(part for part in self.parts if part.task == task)


@dataclass(frozen=True, slots=True)
class PartDescription:
    """A part that points are given for."""

    task: str
    part: str
    max_points: float

    @property
    def key(self) -> str:
        """The grade book's column."""
        return f"{self.task}.{self.part}"


@dataclass(frozen=True, slots=True)
class TaskDescription:
    """A task as a report names it: the functions, and its parts in the order of the columns."""

    name: str
    forward: str  # "lstm_step_forward"; "" where the backward does both
    backward: str
    parts: tuple[PartDescription, ...]


@dataclass(frozen=True, slots=True)
class GradeBook:
    """All submissions of one assignment, by student.

    ``title`` heads the feedback; ``layers`` are those of the sandbox in force on the grading machine;
    ``files`` are what each submission hands in.
    """

    title: str
    tasks: tuple[TaskDescription, ...]
    students: tuple[StudentResult, ...]
    max_score: float
    detail: Detail
    assignment_sha256: str
    rnnlint_version: str
    layers: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def parts(self) -> Iterator[PartDescription]:
        """Every part of every task, in the order of the columns."""
        for task in self.tasks:
            yield from task.parts
