"""The folder of results: grades.csv, feedback a student, what machines read. Files appear whole or not."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rnnlint.atomic import write_whole
from rnnlint.grading.feedback import as_json, markdown
from rnnlint.grading.gradebook import csv_text
from rnnlint.grading.results import GradeBook
from rnnlint.guest.protocol import ProtocolError
from rnnlint.guest.records import from_tree, to_tree

JOURNAL = "journal.jsonl"
BOOK = "gradebook.json"
FORMATS = ("csv", "feedback", "html", "junit", "gradescope")
_LONGEST = 80


class ResultsError(Exception):
    """A folder of results cannot be written or read; the message is one sentence."""


def write_results(folder: Path, book: GradeBook, formats: Iterable[str]) -> None:
    """Write the grade book in these formats. Raises :class:`ResultsError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / BOOK, json.dumps(to_tree(book), indent=1) + "\n")
        for each in sorted(formats, key=FORMATS.index):  # the page links to the feedback that is there
            _WRITERS[each](folder, book)
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written ({error.strerror or error}).") from None


def read_book(folder: Path) -> GradeBook:
    """The grade book of a folder of results. Raises :class:`ResultsError`."""
    try:
        tree: Any = json.loads((folder / BOOK).read_text(encoding="utf-8"))
        return from_tree(GradeBook, tree)
    except FileNotFoundError:
        raise ResultsError(f"{folder}: holds no {BOOK}: it is no folder of results.") from None
    except (OSError, ValueError, ProtocolError) as error:
        raise ResultsError(f"{folder / BOOK}: cannot be read ({error}).") from None


def merged(books: Sequence[tuple[Path, GradeBook]]) -> GradeBook:
    """The shards of one run as one grade book. Raises :class:`ResultsError` where they are of several."""
    from rnnlint.records import replace

    (first_folder, first), *others = books
    for folder, book in others:
        if (book.assignment_sha256, book.rnnlint_version) != (first.assignment_sha256, first.rnnlint_version):
            raise ResultsError(f"{folder} and {first_folder} are of different assignments or versions.")
    owners: dict[str, Path] = {}
    for folder, book in books:
        for student in book.students:
            if student.student_id in owners:
                other = owners[student.student_id]
                raise ResultsError(f"{student.student_id} is both in {other} and in {folder}.")
            owners[student.student_id] = folder
    students = sorted(
        (s for _, book in books for s in book.students), key=lambda s: (s.student_id, s.submission)
    )
    return replace(first, students=tuple(students))


def file_name(student_id: str) -> str:
    """A file name for a student: the identifier where that is one, else one that nobody else has."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", student_id).strip(".")[:_LONGEST]
    if plain and plain == student_id == student_id.lower():
        return plain
    digest = hashlib.sha256(student_id.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{plain or 'student'}-{digest}"


def _csv(folder: Path, book: GradeBook) -> None:
    write_whole(folder / "grades.csv", csv_text(book))


def _feedback(folder: Path, book: GradeBook) -> None:
    target = folder / "feedback"
    target.mkdir(exist_ok=True)
    for student in book.students:
        name = file_name(student.student_id)
        write_whole(target / f"{name}.md", markdown(student, book))
        write_whole(target / f"{name}.json", json.dumps(as_json(student, book), indent=1) + "\n")


def _html(folder: Path, book: GradeBook) -> None:
    from rnnlint.report.html.grades import render

    names = {student.student_id: f"feedback/{file_name(student.student_id)}.md" for student in book.students}
    there = {student: name for student, name in names.items() if (folder / name).exists()}
    write_whole(folder / "grades.html", render(book, there))


def _junit(folder: Path, book: GradeBook) -> None:
    from rnnlint.report.grades_junit import render

    write_whole(folder / "junit.xml", render(book))


def _gradescope(folder: Path, book: GradeBook) -> None:
    target = folder / "gradescope"
    target.mkdir(exist_ok=True)
    for student in book.students:
        if student.score is not None:
            write_whole(
                target / f"{file_name(student.student_id)}.json", gradescope_text(book, student.student_id)
            )


def gradescope_text(book: GradeBook, student_id: str) -> str:
    """``results.json`` of one student. Raises ValueError where there is no score."""
    from rnnlint.report.gradescope import results

    student = next(each for each in book.students if each.student_id == student_id)
    return json.dumps(results(student, markdown(student, book)), indent=1) + "\n"


_WRITERS = {
    "csv": _csv,
    "feedback": _feedback,
    "html": _html,
    "junit": _junit,
    "gradescope": _gradescope,
}
