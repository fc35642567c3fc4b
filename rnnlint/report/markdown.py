"""Tables in Markdown, for the summary of a workflow's job or a comment on a change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rnnlint.findings import Finding, Severity
from rnnlint.report import wording
from rnnlint.report.groups import groups
from rnnlint.report.headline import Headline
from rnnlint.report.side_notes import SAID_BY_THE_CHECK
from rnnlint.results import FileReport, RunReport

MOST_FINDINGS = 50
"""More are counted: nobody reads a longer table, and a job's summary may hold a megabyte."""

_ICONS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "note"}


def render(report: RunReport) -> str:
    """A table of the files with their verdicts, and one of the findings."""
    figures = report.summary
    title = f"## rnnlint: {wording.count(figures.errors, 'error')}, "
    title += wording.count(figures.warnings, "warning")
    if figures.checked_parameters:
        gradients = wording.count(figures.checked_parameters, "gradient")
        title += f", {figures.wrong_parameters} of {gradients} wrong"
    alone = [] if report.ran else ["Reading alone; nothing was run.", ""]
    return "\n".join([title, "", *alone, *_files(report), *_findings(report)]) + "\n"


def _files(report: RunReport) -> Iterator[str]:
    telling = [file for file in report.files if file.problem or file.findings or file.gradients]
    if not telling:
        yield from ("Nothing was found.", "")
        return
    yield from ("| File | Verdict |", "| --- | --- |")
    for file in telling:
        yield f"| {_code(file.path.as_posix())} | {_text(_verdict(file))} |"
    yield ""


def _verdict(file: FileReport) -> str:
    if file.problem:
        return file.problem
    bugs = [finding for finding in file.findings if finding.severity is Severity.ERROR]
    headline = Headline.of(file.gradients, file.findings, groups(bugs), ran=bool(file.gradients))
    return f"{headline.word}{headline.rest if file.gradients else '.'}"


def _findings(report: RunReport) -> Iterator[str]:
    found = [f for f in report.findings if f.code not in SAID_BY_THE_CHECK]
    if not found:
        return
    found.sort(key=lambda finding: (-finding.severity.rank, *finding.order))
    sources = {file.path.absolute(): file.source for file in report.files}
    yield from ("| Where | Rule | | What |", "| --- | --- | --- | --- |")
    for finding in found[:MOST_FINDINGS]:
        place = wording.place(sources.get(finding.path.absolute()), finding.span.line)
        yield _row([_code(f"{finding.path.as_posix()}:{place}"), *_told(finding)])
    if len(found) > MOST_FINDINGS:
        yield from ("", f"{wording.count(len(found) - MOST_FINDINGS, 'more finding')} not shown.")


def _told(finding: Finding) -> list[str]:
    rule = f"{finding.code} {finding.name.replace('-', ' ')}"
    cost = ""
    if finding.evidence is not None:
        cost = f" Left alone it costs {finding.evidence.error_if_left:.2g}."
    return [_text(rule), _ICONS[finding.severity], _text(f"{finding.full_message}{cost}")]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    """``text`` between enough backquotes to hold its own, in a cell of a table."""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{_cell(text)}{fence}"


def _text(text: str) -> str:
    """Running text whose code stays code; nothing in it is markup of ours or of HTML."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        _cell(part) if number % 2 else re.sub(r"([\\*_\[\]<>#~&`$|])", r"\\\1", _one_line(part))
        for number, part in enumerate(parts)
    )


def _cell(text: str) -> str:
    """What a cell of a table can hold: one line, no bar."""
    return _one_line(text).replace("|", "\\|")


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)
