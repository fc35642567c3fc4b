"""``grades.csv``: a row a student, in the order of their identifiers."""

from __future__ import annotations

import csv
import io
import re

from rnnlint.grading.results import GradeBook, StudentResult
from rnnlint.legible import one_line

_FORMULA = re.compile(r"[=+\-@\t\r\n]|\s*[=@|]")
"""How a cell begins that a spreadsheet would compute, or run."""


def csv_text(book: GradeBook) -> str:
    """The whole file; the same for the same results, whoever found them in whatever order.

    No column depends on how fast the machine was: ``seconds`` are the limit where it was reached, else 0.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    parts = [part.key for part in book.parts]
    writer.writerow(
        [
            *("student_id", "submission", "status", "score", "max_score"),
            *parts,
            *(
                "rules",
                "needs_review",
                "reason",
                "seconds",
                "seed_id",
                "assignment_sha256",
                "rnnlint_version",
            ),
        ]
    )
    for student in sorted(book.students, key=lambda each: (each.student_id, each.submission)):
        points = {part.key: part.points for part in student.parts}
        writer.writerow(
            [
                _text(student.student_id),
                _text(student.submission),
                student.status.value,
                "" if student.score is None else number(student.score),
                number(student.max_score),
                *(
                    number(points[key]) if key in points and student.score is not None else ""
                    for key in parts
                ),
                " ".join(student.rules),
                "yes" if student.needs_review else "no",
                _text(reason(student)),
                student.seconds,
                student.seed_id,
                book.assignment_sha256,
                book.rnnlint_version,
            ]
        )
    return stream.getvalue()


def reason(student: StudentResult) -> str:
    """Why the status is what it is, and what is to be reviewed, each sentence once."""
    return " ".join(dict.fromkeys((*([student.reason] if student.reason else []), *student.needs_review)))


def number(points: float) -> str:
    """Points as a person writes them: 15, 0.5."""
    return f"{points:.10g}"


def _text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, on one line."""
    plain = one_line(cell)
    return f"'{plain}" if _FORMULA.match(plain) else plain
