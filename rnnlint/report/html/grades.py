"""A graded batch as one page for the teacher: how the class did, part by part and bug by bug, and who."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import mean, median
from urllib.parse import quote

from rnnlint.grading.results import GradeBook, PartDescription, PartResult, PartVerdict, StudentResult
from rnnlint.records import dataclass
from rnnlint.report import wording
from rnnlint.report.html.page import filled
from rnnlint.report.html.pictures import Bar

BINS = 10
"""Columns of the histogram of scores, where there are more different scores than this."""

_TONES = {
    PartVerdict.RIGHT: "right",
    PartVerdict.RIGHT_GIVEN_STEP: "right",
    PartVerdict.NEEDS_FORWARD: "unsure",
    PartVerdict.NOT_RUN: "plain",
    PartVerdict.UNIMPLEMENTED: "plain",
}
_SIGNS = {"right": "✓", "wrong": "✗", "unsure": "?", "plain": "–"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One part of one student."""

    sign: str
    tone: str
    said: str
    points: float


@dataclass(frozen=True, slots=True)
class StudentRow:
    """A submission."""

    name: str
    link: str
    status: str
    tone: str
    score: str
    score_value: float
    cells: tuple[Cell, ...]
    rules: tuple[str, ...]
    review: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class PartRow:
    """How the class did in one part: shares of right, unsure, wrong and not run, which make a whole."""

    task: str
    part: str
    points: str
    shares: tuple[tuple[str, float, float], ...]  # tone, where it begins, how wide, in percent
    right: int
    percent: str
    others: str


@dataclass(frozen=True, slots=True)
class GradesView:
    """The whole page."""

    title: str
    summary: str
    figures: tuple[tuple[str, str], ...]
    scores: tuple[Bar, ...]
    statuses: tuple[Bar, ...]
    parts: tuple[PartRow, ...]
    rules: tuple[Bar, ...]
    columns: tuple[str, ...]
    students: tuple[StudentRow, ...]
    to_review: int
    facts: tuple[tuple[str, str], ...]


def render(book: GradeBook, feedback: Mapping[str, str] | None = None) -> str:
    """The page as a whole HTML document; ``feedback`` says by student where theirs lies, beside the page."""
    return filled("grades.html.j2", page=_view(book, feedback or {}))


def _view(book: GradeBook, feedback: Mapping[str, str]) -> GradesView:
    parts = tuple(book.parts)
    scores = [student.score for student in book.students if student.score is not None]
    to_review = sum(bool(student.needs_review) for student in book.students)
    statuses = Counter(student.status.value for student in book.students)
    return GradesView(
        book.title,
        f"{wording.count(len(book.students), 'submission')}, {to_review} to be reviewed",
        _figures(scores, book.max_score),
        _histogram(scores, book.max_score),
        _counted([(status.replace("-", " "), count) for status, count in statuses.most_common()]),
        tuple(_part(part, book.students) for part in parts),
        _rules(book.students),
        tuple(part.key for part in parts),
        tuple(_student(student, parts, feedback) for student in book.students),
        to_review,
        (
            ("Assignment", book.assignment_sha256[:16]),
            ("Detail of the feedback", book.detail.value),
            ("Sandbox", ", ".join(book.layers) or "none"),
            ("rnnlint", book.rnnlint_version),
        ),
    )


def _figures(scores: Sequence[float], most: float) -> tuple[tuple[str, str], ...]:
    if not scores:
        return (("Graded", "0"),)
    full = sum(score >= most for score in scores)
    return (
        ("Graded", str(len(scores))),
        ("Median", f"{_points(median(scores))} of {_points(most)}"),
        ("Mean", f"{mean(scores):.1f}"),
        ("Full marks", str(full)),
        ("No marks", str(sum(score == 0 for score in scores))),
    )


def _histogram(scores: Sequence[float], most: float) -> tuple[Bar, ...]:
    """How many have each score; where there are many different ones, each tenth of the points."""
    if not scores:
        return ()
    different = sorted(set(scores))
    if len(different) <= BINS:
        return _counted([(_points(score), scores.count(score)) for score in different])
    width = max(most, max(scores)) / BINS
    edges = [width * number for number in range(BINS + 1)]
    bins = [min(int(score / width), BINS - 1) for score in scores]
    return _counted([(f"{_points(edges[n])} – {_points(edges[n + 1])}", bins.count(n)) for n in range(BINS)])


def _counted(values: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    longest = max((count for _, count in values), default=1) or 1
    return tuple(Bar(label, round(count / longest, 4), str(count), "", 0.0) for label, count in values)


def _part(part: PartDescription, students: Sequence[StudentResult]) -> PartRow:
    results = [result for student in students for result in student.parts if _is(result, part)]
    verdicts = [_worst(result) for result in results]
    tones = Counter(_TONES.get(verdict, "wrong") for verdict in verdicts)
    total = len(verdicts) or 1
    shares: list[tuple[str, float, float]] = []
    begin = 0.0
    for tone in ("right", "unsure", "wrong", "plain"):
        width = 100 * tones[tone] / total
        if width:
            shares.append((tone, round(begin, 3), round(width, 3)))
        begin += width
    others = Counter(verdict.value.replace("-", " ") for verdict in verdicts if not verdict.earns)
    return PartRow(
        part.task,
        part.part,
        _points(part.max_points),
        tuple(shares),
        tones["right"],
        f"{100 * tones['right'] / total:.0f} %" if verdicts else "–",
        ", ".join(f"{count} {verdict}" for verdict, count in others.most_common()),
    )


def _is(result: PartResult, part: PartDescription) -> bool:
    return (result.task, result.part) == (part.task, part.part)


def _worst(result: PartResult) -> PartVerdict:
    """The verdict that decides: of the hidden probes where the public one is right."""
    return result.hidden if result.public.earns else result.public


def _rules(students: Sequence[StudentResult]) -> tuple[Bar, ...]:
    """How many students each rule speaks to, the commonest first."""
    names = {place.code: place.name.replace("-", " ") for student in students for place in student.places}
    counts = Counter(code for student in students for code in dict.fromkeys(student.rules))
    return _counted(
        [(f"{code} {names.get(code, '')}".rstrip(), count) for code, count in counts.most_common()]
    )


def _student(
    student: StudentResult, parts: Sequence[PartDescription], feedback: Mapping[str, str]
) -> StudentRow:
    found = {result.key: result for result in student.parts}
    full = student.score is not None and student.score >= student.max_score
    return StudentRow(
        student.student_id,
        quote(feedback.get(student.student_id, "")),
        student.status.value.replace("-", " "),
        "right" if full else "unsure" if student.score is None else "wrong",
        "–" if student.score is None else _points(student.score),
        -1.0 if student.score is None else student.score,
        tuple(_cell(found.get(part.key), part) for part in parts),
        student.rules,
        student.needs_review,
        student.reason,
    )


def _cell(result: PartResult | None, part: PartDescription) -> Cell:
    if result is None:
        return Cell(_SIGNS["plain"], "plain", f"{part.key}: not run", -1.0)
    verdict = _worst(result)
    tone = _TONES.get(verdict, "wrong")
    said = f"{part.key}: {verdict.value.replace('-', ' ')}, {_points(result.points)} of "
    return Cell(_SIGNS[tone], tone, f"{said}{_points(result.max_points)}", result.points)


def _points(points: float) -> str:
    """As a person writes them: 15, 0.5."""
    return f"{points:.4g}"
