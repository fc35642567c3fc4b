"""The report a student reads: the answer first, then the reasons, then what to do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from rnnlint.findings import Severity
from rnnlint.report import concise, headline, next_steps, parameters, wording
from rnnlint.report.groups import Scene, bug_groups, groups, side_notes
from rnnlint.report.layout import BLANK, Line, Segment, Style, coloured, line, paragraph, plain
from rnnlint.results import FileReport, Origin, RunReport
from rnnlint.verdicts import GradientCheck

MANY = 5
"""More files than this are told a line a finding, with one block a file that holds a wrong gradient."""


def render(report: RunReport, *, verbose: bool = False, colour: bool = False) -> str:
    """The whole report as text, at most :data:`rnnlint.report.layout.WIDTH` columns wide."""
    lines = _lines(report, verbose=verbose)
    return coloured(lines) if colour else plain(lines)


def _lines(report: RunReport, *, verbose: bool) -> list[Line]:
    named = [file for file in report.files if file.origin is not Origin.PROJECT]
    if len(named) == 1:
        project = [file for file in report.files if file.origin is Origin.PROJECT]
        return _block(named[0], project, report, verbose=verbose)
    telling = [file for file in report.files if file.problem or file.findings or file.gradients]
    lines: list[Line] = []
    if len(named) <= MANY:
        for file in telling:
            lines.extend((*_block(file, (), report, verbose=verbose), BLANK))
    else:
        for file in (file for file in telling if file.wrong):
            lines.extend((*_block(file, (), report, verbose=verbose), BLANK))
        lines.extend(line(row) for file in telling if not file.wrong for row in concise.rows(file))
    lines.extend(_summary(report))
    return lines


def _block(
    file: FileReport, project: Sequence[FileReport], report: RunReport, *, verbose: bool
) -> list[Line]:
    """All that is said of one file and, where they are given, of the files it is used with."""
    if file.problem:
        return paragraph(file.problem)
    together = (file, *project)
    checks = tuple(chain.from_iterable(each.gradients for each in together))
    findings = tuple(chain.from_iterable(each.findings for each in together))
    fixed = {check.id: check for each in together for check in each.fixed}
    scene = Scene(file.path, {each.path.absolute(): each.source for each in report.files if each.source})
    bugs = [finding for finding in findings if finding.severity is Severity.ERROR]
    found = groups(bugs)
    wrong = any(check.wrong for check in checks)
    judged = any(check.judged for check in checks)

    ran = report.ran and (file.origin is Origin.NAMED or bool(checks))
    lines = headline.opening(file.path, checks, findings, len(found), ran=ran)
    if ran:
        lines.extend(_unchecked(file, checks, judged=judged))
        if not judged:
            lines.extend(headline.reading_alone(findings))
    lines.extend(row for each in together for note in each.notes for row in paragraph(note, first="Note:  "))
    lines.extend(bug_groups(found, scene))
    fixes = sum(finding.fix is not None for finding in bugs)
    for check in checks:
        lines.extend(_measured(check, fixed.get(check.id), fixes, several=len(checks) > 1))
    lines.extend(side_notes(findings, scene))
    lines.extend(_closing(file, together, checks, right=judged and not wrong and not bugs))
    if verbose:
        lines.extend(_details(checks))
    lines.extend(next_steps.what_next(file.path.as_posix(), found, ran=ran))
    return lines


def _unchecked(file: FileReport, checks: Sequence[GradientCheck], *, judged: bool) -> list[Line]:
    if checks:
        return headline.unchecked(checks, file.source, alone=len(checks) == 1)
    if file.source is not None and file.source.problem is not None:
        return paragraph("it is not Python; the syntax error is below.", first="Why:   ")
    if file.source is not None and not file.source.text.strip():
        return paragraph("the file is empty.", first="Why:   ")
    return [] if judged else paragraph("no backward pass was found in it.", first="Why:   ")


def _measured(check: GradientCheck, fixed: GradientCheck | None, fixes: int, *, several: bool) -> list[Line]:
    if not check.wrong:
        return []
    lines = [BLANK]
    if several and check.entry:
        lines.append(line(Segment(check.entry, Style.BOLD)))
    lines.extend(parameters.table(check, fixed, fixes))
    return lines


def _closing(
    file: FileReport, together: Sequence[FileReport], checks: Sequence[GradientCheck], *, right: bool
) -> list[Line]:
    lines: list[Line] = []
    for check in checks:
        lines.extend(parameters.scale(check))
        if check.difference:
            lines.extend(paragraph(check.difference, first="Your forward differs: "))
        if check.missing_layers:
            lines.extend(
                paragraph(
                    f"{', '.join(check.missing_layers)}; the code ran without.", first="No sandbox layer "
                )
            )
        lines.extend(row for note in check.notes for row in paragraph(note))
    hidden = [finding for each in together for finding in each.hidden]
    advice = [finding for finding in hidden if finding.severity is Severity.ADVICE]
    possible = [finding for finding in hidden if finding.severity is not Severity.ADVICE]
    lines.extend(next_steps.hidden(advice, possible, right=right))
    return lines if right or not lines else [BLANK, *lines]


def _details(checks: Sequence[GradientCheck]) -> list[Line]:
    """For ``--verbose``: what each verdict rests on."""
    lines: list[Line] = []
    for check in checks:
        lines.extend((BLANK, line(Segment(check.entry or str(check.path), Style.BOLD))))
        facts = {
            "cell": check.kind,
            "forward": check.forward,
            "judged by": ", ".join(check.oracles),
            "loss": check.loss,
            "convention": check.convention,
            "sandbox": ", ".join(check.sandbox),
        }
        for name, fact in facts.items():
            if fact:
                lines.extend(paragraph(fact, first=f"   {name.ljust(11)}"))
        for parameter in check.parameters:
            shape = "×".join(map(str, parameter.shape)) or "scalar"
            figures = [
                f"{parameter.name} ← {parameter.gradient or 'nothing'}",
                shape,
                parameter.verdict.value,
            ]
            if parameter.relative_error is not None:
                figures.append(f"error {wording.scientific(parameter.relative_error)}")
            if parameter.cosine is not None:
                figures.append(f"cosine {parameter.cosine:.4f}")
            if parameter.ratio is not None:
                figures.append(f"ratio {parameter.ratio:.4g}")
            lines.extend(paragraph(", ".join(figures), indent=3))
    return lines


def _summary(report: RunReport) -> list[Line]:
    figures = report.summary
    counted = ((figures.files, "file"), (figures.errors, "error"), (figures.warnings, "warning"))
    files, errors, warnings = (wording.count(number, noun) for number, noun in counted)
    skipped = f" ({report.skipped} more hold no word of a backward pass)" if report.skipped else ""
    said = f"{files}{skipped}: {errors}, {warnings}."
    if figures.checked_parameters:
        gradients = wording.count(figures.checked_parameters, "gradient")
        said += f" {figures.wrong_parameters} of {gradients} wrong."
    lines = paragraph(said)
    if not report.ran:
        lines.append(line("Reading alone; nothing was run."))
    lines.extend(next_steps.hidden(report.hidden_advice, report.hidden_possible, right=False))
    return lines
