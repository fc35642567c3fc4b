"""JUnit's XML, for the test pages of build servers: a suite a file, a case a finding and a gradient."""

from __future__ import annotations

from collections.abc import Iterator

from junitparser import Attr, Error, Failure, IntAttr, JUnitXml, Skipped, TestCase, TestSuite

from rnnlint.findings import Finding, Severity
from rnnlint.legible import one_line
from rnnlint.report import wording
from rnnlint.results import FileReport, RunReport
from rnnlint.stored_places import stored_span
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Verdict


class PlacedCase(TestCase):
    """A case that says where it stands, as most readers of the format understand it."""

    file = Attr()
    line = IntAttr()


def render(report: RunReport) -> str:
    """An error is a failed case; a warning or a training note a passed one that says so in its output."""
    document = JUnitXml("rnnlint")
    for file in report.files:
        suite = TestSuite(one_line(file.path.as_posix()))
        for case in _cases(file):
            suite.add_testcase(case)
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return written.decode("utf-8") + "\n"


def _cases(file: FileReport) -> Iterator[PlacedCase]:
    if file.problem:
        case = _case(file, "reading the file", 1)
        case.result = [Error(one_line(file.problem), "unreadable")]
        yield case
        return
    yield from (_finding(file, finding) for finding in file.findings)
    for check in file.gradients:
        yield from _gradients(file, check)
    if not file.findings and not file.gradients:
        yield _case(file, "nothing found", 1)


def _finding(file: FileReport, finding: Finding) -> PlacedCase:
    span = stored_span(file.source, finding.span) if file.source is not None else finding.span
    place = wording.place(file.source, finding.span.line)
    case = _case(file, f"{finding.code} {finding.name} ({place})", span.line)
    message = one_line(finding.full_message)
    if finding.severity is Severity.ERROR:
        failure = Failure(message, finding.code)
        failure.text = one_line(f"{finding.path.as_posix()}:{place}: {finding.full_message}")
        case.result = [failure]
    else:
        case.system_out = f"{finding.severity}: {message}"
    return case


def _gradients(file: FileReport, check: GradientCheck) -> Iterator[PlacedCase]:
    line = check.line if file.source is None or not file.source.notebook else 1
    if not check.parameters:
        case = _case(file, check.entry or "gradients", line)
        case.result = [Skipped(one_line(check.reason or "no gradient was found"))]
        yield case
    for parameter in check.parameters:
        case = _case(file, f"{check.entry}: gradient of {parameter.name}", line)
        if parameter.verdict in (Verdict.WRONG, Verdict.NOT_FINITE):
            case.result = [Failure(_wrong(parameter), "wrong gradient")]
        elif parameter.verdict in (Verdict.UNPAIRED, Verdict.UNINFORMATIVE):
            case.result = [Skipped(f"{parameter.verdict}: nothing was found out about it")]
        yield case


def _wrong(parameter: ParameterVerdict) -> str:
    if parameter.relative_error is None:
        return "not finite"
    return f"relative error {parameter.relative_error:.2g} (0 right, 1 no better than zeros, 2 reversed)"


def _case(file: FileReport, name: str, line: int) -> PlacedCase:
    case = PlacedCase(one_line(name), one_line(file.path.as_posix()), 0.0)
    case.file = one_line(file.path.as_posix())
    case.line = line
    return case
