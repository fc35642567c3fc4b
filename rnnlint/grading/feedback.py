"""What one student is told, as Markdown and as JSON, in as much detail as the assignment allows.

Of hidden probes there are verdicts and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rnnlint.grading.gradebook import number
from rnnlint.grading.results import (
    FORWARD,
    Detail,
    GradeBook,
    PartResult,
    PartVerdict,
    Place,
    StudentResult,
    SubmissionStatus,
    TaskDescription,
)
from rnnlint.legible import legible, one_line

_WORDS = {
    PartVerdict.RIGHT: "right",
    PartVerdict.RIGHT_GIVEN_STEP: "right given your step",
    PartVerdict.WRONG: "wrong",
    PartVerdict.NOT_FINITE: "not finite",
    PartVerdict.WRONG_SHAPE: "wrong shape",
    PartVerdict.UNIMPLEMENTED: "not implemented",
    PartVerdict.RAISES: "raises an exception",
    PartVerdict.TIMEOUT: "too slow",
    PartVerdict.CRASH: "ends the process",
    PartVerdict.MEMORY: "needs too much memory",
    PartVerdict.NEEDS_FORWARD: "counts with a right forward",
    PartVerdict.NOT_RUN: "not run",
}
_NOTHING_RUN = {
    SubmissionStatus.MISSING_FILE: "Nothing could be graded: a file is missing.",
    SubmissionStatus.SYNTAX_ERROR: "Nothing could be run: the file is not Python yet.",
    SubmissionStatus.NOT_CHECKED: "Your submission could not be graded yet. This does not mean it is wrong.",
    SubmissionStatus.NO_SANDBOX: "Your submission could not be graded yet. This does not mean it is wrong.",
}
_LEVELS = tuple(Detail)


def markdown(student: StudentResult, book: GradeBook) -> str:
    """The feedback of one student."""
    return "\n".join(_lines(student, book)) + "\n"


def as_json(student: StudentResult, book: GradeBook) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "version": 1,
        "title": book.title,
        "student_id": student.student_id,
        "status": student.status.value,
        "score": student.score,
        "max_score": student.max_score,
        "tasks": [
            {
                "name": task.name,
                "parts": [
                    {
                        "name": part.part,
                        "public": part.public.value,
                        "hidden": part.hidden.value,
                        "points": part.points,
                        "max_points": part.max_points,
                    }
                    for part in student.of_task(task.name)
                ],
            }
            for task in book.tasks
        ],
        "problems": list(_problems(student, book)),
        "places": [_place_json(place, book.detail) for place in _places(student, book)],
    }


def shows(detail: Detail, level: Detail) -> bool:
    """Whether a detail tells what a level tells."""
    return _LEVELS.index(detail) >= _LEVELS.index(level)


def _lines(student: StudentResult, book: GradeBook) -> Iterator[str]:
    score = "?" if student.score is None else number(student.score)
    yield f"# {_plain(book.title)}: {score} / {number(student.max_score)}"
    if student.status in _NOTHING_RUN:
        yield ""
        yield _NOTHING_RUN[student.status]
        yield from (f"{_plain(each)}" for each in ([student.reason] if student.reason else []))
        return
    yield "| task | public | hidden | points |"
    yield "|---|---|---|---|"
    for task in book.tasks:
        yield from _rows(task, student.of_task(task.name))
    problems = list(_problems(student, book))
    if problems:
        yield ""
        yield from (f"- {_plain(problem)}" for problem in problems)
    for place in _places(student, book):
        yield ""
        yield from _place(place, book.detail)
    yield ""
    files = " ".join(dict.fromkeys(place.file for place in student.places) or book.files[-1:])
    tried = "" if student.status is SubmissionStatus.OK else f"Try it: `rnnlint {files}`. "
    yield f"{tried}Hidden inputs and errors are not shown."


def _rows(task: TaskDescription, parts: Sequence[PartResult]) -> Iterator[str]:
    """A row for the forward, a row for all gradients together."""
    forward = [part for part in parts if part.part == FORWARD]
    gradients = [part for part in parts if part.part != FORWARD]
    for title, chosen in ((f"{task.name} forward", forward), (f"{task.name} backward", gradients)):
        if chosen:
            public = _summary([(part.part, part.public) for part in chosen])
            hidden = _summary([(part.part, part.hidden) for part in chosen])
            shown = "same" if hidden == public != _WORDS[PartVerdict.RIGHT] else hidden
            points = f"{number(sum(p.points for p in chosen))}/{number(sum(p.max_points for p in chosen))}"
            yield f"| {title} | {public} | {shown} | {points} |"


def _summary(verdicts: Sequence[tuple[str, PartVerdict]]) -> str:
    """``dprev_c right, others wrong``: the commonest verdict goes without names."""
    groups: dict[PartVerdict, list[str]] = {}
    for name, verdict in verdicts:
        groups.setdefault(verdict, []).append(name)
    if len(groups) == 1:
        return _WORDS[verdicts[0][1]]
    most = max(groups.values(), key=len)
    said = [f"{', '.join(names)} {_WORDS[verdict]}" for verdict, names in groups.items() if names is not most]
    rest = next(verdict for verdict, names in groups.items() if names is most)
    return ", ".join((*said, f"others {_WORDS[rest]}"))


def _problems(student: StudentResult, book: GradeBook) -> Iterable[str]:
    return student.problems if shows(book.detail, Detail.LINE) else ()


def _places(student: StudentResult, book: GradeBook) -> Sequence[Place]:
    return student.places if shows(book.detail, Detail.LINE) else ()


def _place(place: Place, detail: Detail) -> Iterator[str]:
    where = f"`{place.function}`, line {place.line}" if place.function else f"line {place.line}"
    yield f"**Look at** {where} of {place.file} ({place.code}, {place.name.replace('-', ' ')})."
    if shows(detail, Detail.REASON) and place.reason:
        yield _explained(place.reason)
    if shows(detail, Detail.FIX) and place.fix:
        yield ""
        yield "```python"
        yield legible(place.fix).replace("```", "'''")
        yield "```"


def _place_json(place: Place, detail: Detail) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "file": place.file,
        "line": place.line,
        "function": place.function,
        "code": place.code,
        "name": place.name,
    }
    if shows(detail, Detail.REASON):
        shown["reason"] = place.reason
    if shows(detail, Detail.FIX):
        shown["fix"] = place.fix
        shown["proven"] = place.proven
    return shown


def _plain(text: str) -> str:
    """A line of text that no Markdown reader takes for a table, a heading, a link, code or HTML."""
    return re.sub(r"([\\`*_|<>#\[\]])", r"\\\1", " ".join(one_line(text).split()))


def _explained(text: str) -> str:
    """A rule's words, with the code in them as it stands."""
    parts = " ".join(one_line(text).split()).split("`")
    if len(parts) % 2 == 0:
        return _plain(text)
    return "".join(f"`{part}`" if number % 2 else _plain(part) for number, part in enumerate(parts))
