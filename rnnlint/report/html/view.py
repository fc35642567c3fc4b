"""What the page says, as plain values: everything a template needs, and no decision left to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from rnnlint.findings import Finding, Severity
from rnnlint.records import dataclass
from rnnlint.report import next_steps, wording
from rnnlint.report.block import Block, closing, nothing_to_run
from rnnlint.report.groups import groups
from rnnlint.report.headline import SCALE_OF_ERRORS, Headline, not_judged, reason_of
from rnnlint.report.html.check_view import CheckView, check_view
from rnnlint.report.html.finding_view import (
    FindingView,
    GroupView,
    Rules,
    costs,
    finding_view,
    group_view,
    rule_pages,
)
from rnnlint.report.html.listing import Listing, listing
from rnnlint.report.html.pictures import Bar
from rnnlint.report.html.stage import Stage
from rnnlint.report.layout import Style
from rnnlint.report.side_notes import SAID_BY_THE_CHECK, SECTIONS
from rnnlint.results import Origin, RunReport
from rnnlint.verdicts import Status

_TONES = {Style.WRONG: "wrong", Style.RIGHT: "right", Style.UNSURE: "unsure", Style.BOLD: "plain"}


@dataclass(frozen=True, slots=True)
class Others:
    """Warnings, or training notes: what does not explain a wrong gradient."""

    anchor: str
    title: str
    findings: tuple[FindingView, ...]
    pages: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True, slots=True)
class BlockView:
    """A file with all that is told together with it."""

    anchor: str
    path: str
    word: str
    tone: str
    sentence: str
    scale: str
    reasons: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    groups: tuple[GroupView, ...]
    costs: tuple[Bar, ...]
    checks: tuple[CheckView, ...]
    others: tuple[Others, ...]
    closing: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]
    listings: tuple[Listing, ...]


@dataclass(frozen=True, slots=True)
class PageView:
    """The whole page."""

    title: str
    summary: str
    blocks: tuple[BlockView, ...]


def page_view(report: RunReport) -> PageView:
    """One file that was asked for is told with its project; several have a block each."""
    asked = [file for file in report.files if file.origin is not Origin.PROJECT]
    if len(asked) == 1:
        project = [file for file in report.files if file.origin is Origin.PROJECT]
        blocks = [Block.of(asked[0], project, report)]
    else:
        telling = [file for file in report.files if file.problem or file.findings or file.gradients]
        blocks = [Block.of(file, (), report) for file in telling]
    rules = {rule.code: rule for rule in report.rules}
    views = tuple(_block(block, f"f{number}", rules) for number, block in enumerate(blocks, start=1))
    names = ", ".join(view.path for view in views[:3]) or "nothing to tell"
    return PageView(names, _summary(report), views)


def _summary(report: RunReport) -> str:
    figures = report.summary
    counted = ((figures.files, "file"), (figures.errors, "error"), (figures.warnings, "warning"))
    said = ", ".join(wording.count(number, noun) for number, noun in counted) + "."
    if figures.checked_parameters:
        gradients = wording.count(figures.checked_parameters, "gradient")
        said += f" {figures.wrong_parameters} of {gradients} wrong."
    return said if report.ran else f"{said} Reading alone; nothing was run."


def _block(block: Block, anchor: str, rules: Rules) -> BlockView:
    found = groups(block.bugs)
    headline = Headline.of(block.checks, block.findings, found, ran=block.ran)
    others = [
        f for f in block.findings if f.severity is not Severity.ERROR and f.code not in SAID_BY_THE_CHECK
    ]
    bugs = [finding for group in found for finding in group.findings]
    anchors = {id(f): f"{anchor}-{number}" for number, f in enumerate([*bugs, *others], start=1)}
    prefixes = {
        each.path.absolute(): f"{anchor}-s{number}" for number, each in enumerate(block.together, start=1)
    }

    stage = Stage(block, anchors, prefixes)
    views = tuple(
        group_view(number, group, f"{anchor}-g{number}", stage, rules)
        for number, group in enumerate(found, start=1)
    )
    problem = block.file.problem
    return BlockView(
        anchor,
        block.file.path.as_posix(),
        "NOT READ" if problem else headline.word,
        "unsure" if problem else _TONES[headline.style],
        f": {problem}" if problem else headline.rest,
        SCALE_OF_ERRORS if headline.style is Style.WRONG else "",
        () if problem else tuple(_reasons(block)),
        tuple(dict.fromkeys(note for each in block.together for note in each.notes)),
        views,
        costs(found, stage),
        tuple(check_view(check, stage) for check in block.checks if check.parameters),
        tuple(_others(others, anchor, stage, rules)),
        tuple(_closing(block)),
        tuple(_steps(block, bugs, others)),
        tuple(_listings(stage)),
    )


def _reasons(block: Block) -> list[tuple[str, str]]:
    """Why something was not checked and what to do, each under its word."""
    if not block.ran:
        return []
    if not block.checks:
        return [("Why", nothing_to_run(block.file))]
    rows: list[tuple[str, str]] = []
    for check in block.checks:
        if check.status is Status.NOT_CHECKED or not check.judged:
            reason = reason_of(check)
            named = len(block.checks) == 1 or not check.entry or check.entry in reason
            rows.append(("Why", reason if named else f"{check.entry}: {reason}"))
            rows.extend([("Do", check.advice)] if check.advice else ())
    if unjudged := not_judged(block.checks):
        rows.append(("Not judged", ", ".join(unjudged)))
    return list(dict.fromkeys(rows))


def _closing(block: Block) -> list[str]:
    rows = [f"{first}{said}" for first, said in closing(block)]
    hidden = [f for each in block.together for f in each.hidden if f.code not in SAID_BY_THE_CHECK]
    advice = [f for f in hidden if f.severity is Severity.ADVICE]
    possible = [f for f in hidden if f.severity is not Severity.ADVICE]
    lines = next_steps.hidden(advice, possible, right=block.is_right)
    return [*rows, " ".join(line.text.strip() for line in lines)] if lines else rows


def _steps(block: Block, bugs: Sequence[Finding], others: Sequence[Finding]) -> list[tuple[str, str]]:
    return next_steps.steps(block.file.path.as_posix(), [*bugs, *others], ran=block.ran)


def _others(findings: Sequence[Finding], anchor: str, stage: Stage, rules: Rules) -> Iterator[Others]:
    """The warnings, then the training notes."""
    for severity, title in SECTIONS.items():
        chosen = [finding for finding in findings if finding.severity is severity]
        if chosen:
            views = tuple(finding_view(finding, stage) for finding in chosen)
            yield Others(f"{anchor}-{severity}", title.rstrip(":"), views, rule_pages(chosen, rules))


def _listings(stage: Stage) -> Iterator[Listing]:
    """The texts of the file itself and of those beside it that hold a finding or what one rests on."""
    block = stage.block
    told = [finding for finding in block.findings if id(finding) in stage.anchors]
    related = [each for finding in told for each in finding.related]
    for each in block.together:
        own = [finding for finding in each.findings if id(finding) in stage.anchors]
        rests = list(dict.fromkeys(r for r in related if r.path.absolute() == each.path.absolute()))
        if each.source is not None and each.source.text.strip() and (own or rests or each is block.file):
            prefix, title = stage.prefixes[each.path.absolute()], each.path.as_posix()
            yield listing(each.source, own, rests, stage.anchors, prefix, title)
