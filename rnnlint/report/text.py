"""The report a student reads: the answer first, then the reasons, then what to do."""

from __future__ import annotations

from rnnlint.report import block, concise, next_steps, wording
from rnnlint.report.block import Block
from rnnlint.report.layout import BLANK, Line, coloured, line, paragraph, plain
from rnnlint.results import Origin, RunReport

MANY = 5
"""Of more files than this, only those with a wrong gradient have a block; the others a line a finding."""


def render(report: RunReport, *, verbose: bool = False, colour: bool = False) -> str:
    """The whole report as text, at most :data:`rnnlint.report.layout.WIDTH` columns wide."""
    lines = _lines(report, verbose=verbose)
    return coloured(lines) if colour else plain(lines)


def _lines(report: RunReport, *, verbose: bool) -> list[Line]:
    """One file that was asked for is told with its project; several have a block each and a summary."""
    asked = [file for file in report.files if file.origin is not Origin.PROJECT]
    if len(asked) == 1:
        project = [file for file in report.files if file.origin is Origin.PROJECT]
        return block.lines(Block.of(asked[0], project, report), verbose=verbose)
    telling = [file for file in report.files if file.problem or file.findings or file.gradients]
    lines: list[Line] = []
    for file in telling:
        if file.wrong or len(asked) <= MANY:
            lines.extend((*block.lines(Block.of(file, (), report), verbose=verbose), BLANK))
    if len(asked) > MANY:
        lines.extend(line(row) for file in telling if not file.wrong for row in concise.rows(file))
        hidden = next_steps.hidden(report.hidden_advice, report.hidden_possible, right=False)
    else:
        hidden = []  # every block has counted its own
    return [*lines, *_summary(report), *hidden]


def _summary(report: RunReport) -> list[Line]:
    figures = report.summary
    counted = ((figures.files, "file"), (figures.errors, "error"), (figures.warnings, "warning"))
    files, errors, warnings = (wording.count(number, noun) for number, noun in counted)
    hold = "holds" if report.skipped == 1 else "hold"
    skipped = f" ({report.skipped} more {hold} no word of a backward pass)" if report.skipped else ""
    said = f"{files}{skipped}: {errors}, {warnings}."
    if figures.checked_parameters:
        gradients = wording.count(figures.checked_parameters, "gradient")
        said += f" {figures.wrong_parameters} of {gradients} wrong."
    lines = paragraph(said)
    if not report.ran:
        lines.append(line("Reading alone; nothing was run."))
    return lines
