"""A grade book as JUnit's XML: a suite a student, a case a part."""

from __future__ import annotations

import re
from collections.abc import Iterator

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from rnnlint.grading.results import GradeBook, PartResult, StudentResult

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(book: GradeBook) -> str:
    """A part without its points is a failed case; a submission without a score a skipped one."""
    document = JUnitXml(_text(book.title))
    for student in book.students:
        suite = TestSuite(_text(student.student_id))
        for case in _cases(student):
            suite.add_testcase(case)
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return written.decode("utf-8") + "\n"


def _cases(student: StudentResult) -> Iterator[TestCase]:
    if student.score is None:
        case = TestCase("grading", _text(student.student_id))
        case.result = [Skipped(_text(student.reason or student.status.value), student.status.value)]
        yield case
        return
    if not student.parts or all(part.public.value == "not-run" for part in student.parts):
        case = TestCase("grading", _text(student.student_id))
        case.result = [Error(_text(student.reason or student.status.value), student.status.value)]
        yield case
        return
    yield from (_case(student, part) for part in student.parts)


def _case(student: StudentResult, part: PartResult) -> TestCase:
    case = TestCase(part.key, _text(student.student_id))
    if part.points < part.max_points:
        said = f"public: {part.public.value}; hidden: {part.hidden.value}"
        case.result = [Failure(said, part.public.value)]
    return case


def _text(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
