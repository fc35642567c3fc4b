"""A grade book as JUnit's XML: a suite a student, a case a part."""

from __future__ import annotations

from collections.abc import Iterator

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from rnnlint.grading.results import GradeBook, PartResult, StudentResult
from rnnlint.legible import one_line


def render(book: GradeBook) -> str:
    """A part without its points is a failed case; a submission without a score a skipped one."""
    document = JUnitXml(one_line(book.title))
    for student in book.students:
        suite = TestSuite(one_line(student.student_id))
        for case in _cases(student):
            suite.add_testcase(case)
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return written.decode("utf-8") + "\n"


def _cases(student: StudentResult) -> Iterator[TestCase]:
    if student.score is None:
        case = TestCase("grading", one_line(student.student_id))
        case.result = [Skipped(one_line(student.reason or student.status.value), student.status.value)]
        yield case
        return
    if not student.parts or all(part.public.value == "not-run" for part in student.parts):
        case = TestCase("grading", one_line(student.student_id))
        case.result = [Error(one_line(student.reason or student.status.value), student.status.value)]
        yield case
        return
    yield from (_case(student, part) for part in student.parts)


def _case(student: StudentResult, part: PartResult) -> TestCase:
    case = TestCase(part.key, one_line(student.student_id))
    if part.points < part.max_points:
        said = f"public: {part.public.value}; hidden: {part.hidden.value}"
        case.result = [Failure(said, part.public.value)]
    return case
