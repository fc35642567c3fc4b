"""A grade book of forty students, one of them hostile: what the page of a batch is made from."""

from __future__ import annotations

from pages_made import ATTACK

from rnnlint.grading.results import (
    Detail,
    GradeBook,
    PartDescription,
    PartResult,
    PartVerdict,
    Place,
    StudentResult,
    SubmissionStatus,
    TaskDescription,
)

PARTS = ("forward", "dx", "dprev_h", "dprev_c", "dWx", "dWh", "db")
TASKS = tuple(
    TaskDescription(
        name,
        f"lstm_{name}_forward",
        f"lstm_{name}_backward",
        tuple(PartDescription(name, part, 4.0 if part == "forward" else 1.0) for part in PARTS),
    )
    for name in ("step", "sequence")
)
MAX_SCORE = 20.0


def _part(task: str, part: str, verdict: PartVerdict, most: float) -> PartResult:
    return PartResult(task, part, verdict, verdict, most if verdict.earns else 0.0, most)


def _student(number: int) -> StudentResult:
    """The first ten are right; the others have one to four parts wrong, and a rule that says why."""
    wrong = set() if number < 10 else {("step", part) for part in PARTS[1 : 2 + number % 4]}
    parts = tuple(
        _part(
            task.name,
            part.part,
            PartVerdict.WRONG if (task.name, part.part) in wrong else PartVerdict.RIGHT,
            part.max_points,
        )
        for task in TASKS
        for part in task.parts
    )
    code, name = (("RNN205", "missing-derivative"), ("RNN104", "dropped-carry"))[number % 2]
    places = (Place("rnn_layers.py", 88, "lstm_step_backward", code, name),) if wrong else ()
    return StudentResult(
        f"student-{number:02}",
        f"student-{number:02}/",
        SubmissionStatus.WRONG if wrong else SubmissionStatus.OK,
        sum(part.points for part in parts),
        MAX_SCORE,
        parts,
        places,
        tuple(place.code for place in places),
        needs_review=("It looks at the name of its caller.",) if number == 17 else (),
    )


BOOK = GradeBook(
    "LSTM layers",
    TASKS,
    (
        *map(_student, range(40)),
        StudentResult(
            "late",
            "late/",
            SubmissionStatus.SYNTAX_ERROR,
            0.0,
            MAX_SCORE,
            reason="rnn_layers.py, line 3: invalid syntax.",
        ),
        StudentResult("unlucky", "", SubmissionStatus.NO_SANDBOX, None, MAX_SCORE, reason="No memory limit."),
    ),
    MAX_SCORE,
    Detail.LINE,
    "0123456789abcdef" * 4,
    "0.1.0",
    ("namespaces", "landlock"),
)

HOSTILE_BOOK = GradeBook(
    ATTACK,
    TASKS,
    (
        StudentResult(
            ATTACK,
            ATTACK,
            SubmissionStatus.WRONG,
            1.0,
            MAX_SCORE,
            (PartResult("step", "dx", PartVerdict.WRONG, PartVerdict.WRONG, 0.0, 1.0),),
            (Place(ATTACK, 1, ATTACK, "RNN205", ATTACK, ATTACK, ATTACK),),
            ("RNN205",),
            (ATTACK,),
            (ATTACK,),
            ATTACK,
        ),
    ),
    MAX_SCORE,
    Detail.FIX,
    "0" * 64,
    ATTACK,
)
