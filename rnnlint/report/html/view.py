"""What the page says, as plain values: everything a template needs, and no decision left to it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from rnnlint.findings import Finding, Severity
from rnnlint.hunks import hunks_of
from rnnlint.report import next_steps, wording
from rnnlint.report.block import Block, closing, nothing_to_run
from rnnlint.report.groups import Group, groups
from rnnlint.report.headline import SCALE_OF_ERRORS, Headline, not_judged, reason_of
from rnnlint.report.html.listing import Listing, listing
from rnnlint.report.html.pictures import Bar, HeatMap, bars, by_step, figure, heat_map
from rnnlint.report.layout import Style
from rnnlint.report.side_notes import SAID_BY_THE_CHECK, SECTIONS
from rnnlint.results import Origin, RuleText, RunReport
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Status, StepState, Verdict

_TONES = {Style.WRONG: "wrong", Style.RIGHT: "right", Style.UNSURE: "unsure", Style.BOLD: "plain"}


@dataclass(frozen=True, slots=True)
class Changed:
    """Lines of a repair: what stands there, and what should; ``elsewhere`` if not at the finding's line."""

    place: str
    elsewhere: bool
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding, with the link to its line."""

    anchor: str
    place: str
    line_anchor: str
    code: str
    name: str
    severity: Severity
    confidence: str
    message: tuple[Piece, ...]
    remark: str
    changes: tuple[Changed, ...]
    cost: str
    related: tuple[tuple[str, str, str], ...]


Piece = tuple[str, bool]
"""Running text, and whether it is code."""

Passage = tuple[str, bool]
"""Lines of an explanation, and whether they are a picture, whose columns must stay."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """A misunderstanding, its findings, and the pages of their rules."""

    anchor: str
    number: int
    title: str
    count: str
    explanation: tuple[Passage, ...]
    findings: tuple[FindingView, ...]
    pages: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True, slots=True)
class ParameterView:
    """A row of the table of gradients; errors sort as numbers, and have bars."""

    name: str
    gradient: str
    shape: str
    verdict: str
    tone: str
    now: str
    now_value: float
    fixed: str
    fixed_value: float
    fixed_tone: str


@dataclass(frozen=True, slots=True)
class StepCell:
    """What a statement made at one step: a sign, its tone, and the words for it."""

    sign: str
    tone: str
    said: str


@dataclass(frozen=True, slots=True)
class WalkRow:
    """A statement of the backward pass and what it made at each step of the way back."""

    place: str
    line_anchor: str
    text: str
    cells: tuple[StepCell, ...]


@dataclass(frozen=True, slots=True)
class CheckView:
    """One pass that was run."""

    title: str
    ran: str
    facts: tuple[tuple[str, str], ...]
    parameters: tuple[ParameterView, ...]
    has_fixed: bool
    maps: tuple[HeatMap, ...]
    steps: tuple[tuple[str, tuple[Bar, ...]], ...]
    walk: tuple[WalkRow, ...]


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


def _block(block: Block, anchor: str, rules: dict[str, RuleText]) -> BlockView:
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

    def told(finding: Finding) -> FindingView:
        return _finding(finding, block, anchors[id(finding)], prefixes)

    views = tuple(
        GroupView(
            f"{anchor}-g{number}",
            number,
            group.thought.title,
            wording.count(len(group.findings), "bug") if group.is_explained else "",
            _passages(group.thought.explanation) if group.findings[0].group else (),
            tuple(map(told, group.findings)),
            _pages(group.findings, rules),
        )
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
        _costs(found, block, anchors),
        tuple(_check(check, block, prefixes) for check in block.checks if check.parameters),
        tuple(
            Others(f"{anchor}-{severity}", title, tuple(map(told, chosen)), _pages(chosen, rules))
            for severity, title in SECTIONS.items()
            for chosen in [[finding for finding in others if finding.severity is severity]]
            if chosen
        ),
        tuple(_closing(block)),
        tuple(_steps(block, bugs, others)),
        tuple(_listings(block, anchors, prefixes)),
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


def _listings(block: Block, anchors: Mapping[int, str], prefixes: Mapping[Path, str]) -> list[Listing]:
    """The texts of the file itself and of those beside it that hold a finding or what one rests on."""
    related = [each for finding in block.findings if id(finding) in anchors for each in finding.related]
    found: list[Listing] = []
    for each in block.together:
        own = [finding for finding in each.findings if id(finding) in anchors]
        rests = list(dict.fromkeys(r for r in related if r.path.absolute() == each.path.absolute()))
        if each.source is not None and each.source.text.strip() and (own or rests or each is block.file):
            prefix, title = prefixes[each.path.absolute()], each.path.as_posix()
            found.append(listing(each.source, own, rests, anchors, prefix, title))
    return found


# --- findings --------------------------------------------------------------------------------------------


def _finding(finding: Finding, block: Block, anchor: str, prefixes: Mapping[Path, str]) -> FindingView:
    prefix = prefixes.get(finding.path.absolute())
    cost = finding.evidence.error_if_left if finding.evidence else None
    worst = finding.evidence.parameters[0] if finding.evidence and finding.evidence.parameters else ""
    return FindingView(
        anchor,
        _label(block, finding),
        f"{prefix}-L{finding.span.line}" if prefix else "",
        finding.code,
        finding.name.replace("-", " ").capitalize(),
        finding.severity,
        finding.confidence.value,
        _marked_up(finding.full_message),
        finding.remark,
        tuple(_changes(finding, block)),
        "" if cost is None else f"{worst} {figure(cost)}".strip(),
        tuple(
            (
                block.scene.label(related.path, related.span.line),
                f"{prefixes[related.path.absolute()]}-L{related.span.line}"
                if related.path.absolute() in prefixes
                else "",
                related.message,
            )
            for related in finding.related
        ),
    )


def _label(block: Block, finding: Finding) -> str:
    label = block.scene.label(finding.path, finding.span.line)
    return f"line {label}" if label.isdigit() else label


def _passages(explanation: str) -> tuple[Passage, ...]:
    """An explanation cut into running text and the indented pictures in it."""
    passages: list[Passage] = []
    for row in textwrap.dedent(explanation).strip("\n").split("\n"):
        picture = row.startswith(" ")
        if passages and passages[-1][1] == picture:
            row = f"{passages.pop()[0]}\n{row}"
        passages.append((row, picture))
    return tuple(passage for passage in passages if passage[0].strip())


def _marked_up(text: str) -> tuple[Piece, ...]:
    """``text`` cut at its backquotes."""
    parts = re.split(r"`([^`]*)`", text)
    return tuple((part, number % 2 == 1) for number, part in enumerate(parts) if part)


def _changes(finding: Finding, block: Block) -> list[Changed]:
    """What the fix makes of the lines it touches."""
    changes: list[Changed] = []
    for path in dict.fromkeys(edit.path for edit in finding.fix.edits) if finding.fix else ():
        source = block.scene.source(path)
        if source is not None and finding.fix:
            edits = [edit for edit in finding.fix.edits if edit.path == path]
            for hunk in hunks_of(source.text, edits):
                before = [source.line_text(row) for row in range(hunk.first, hunk.last + 1)]
                place = block.scene.label(path, hunk.first)
                elsewhere = path != finding.path or not hunk.first <= finding.span.line <= hunk.last
                changes.append(_change(place, elsewhere, before, hunk.lines))
    return changes


def _change(place: str, elsewhere: bool, before: Sequence[str], after: Sequence[str]) -> Changed:
    """The lines that differ, without the blanks that all of them begin with."""
    rows = [row for row in (*before, *after) if row.strip()]
    margin = min((len(row) - len(row.lstrip()) for row in rows), default=0)
    kept = set(before) & set(after)
    return Changed(
        f"line {place}" if place.isdigit() else place,
        elsewhere,
        tuple(row[margin:] for row in before if row not in kept),
        tuple(row[margin:] for row in after if row not in kept),
    )


def _costs(found: Sequence[Group], block: Block, anchors: Mapping[int, str]) -> tuple[Bar, ...]:
    """What each bug costs, the dearest first."""
    priced = [f for group in found for f in group.findings if f.evidence is not None]
    priced.sort(key=lambda f: -f.evidence.error_if_left if f.evidence else 0.0)
    values = [
        (f"{_label(block, f)} {f.code}", f.evidence.error_if_left, anchors[id(f)])
        for f in priced
        if f.evidence is not None
    ]
    return bars(values)


def _pages(findings: Sequence[Finding], rules: dict[str, RuleText]) -> tuple[tuple[str, Markup], ...]:
    """The page of every rule that speaks in ``findings``: its title, and its text as HTML."""
    codes = dict.fromkeys(finding.code for finding in findings)
    return tuple((f"{code} {rules[code].name}", _html(rules[code])) for code in codes if code in rules)


def _html(rule: RuleText) -> Markup:
    """A page of ours as HTML: no HTML of its own is let through, its headings are bold lines under ours."""
    text = "\n".join(rule.page.split("\n")[1:])
    text = re.sub(r"^## (.*)$", r"**\1**", text, flags=re.MULTILINE)
    return Markup(MarkdownIt("commonmark", {"html": False}).render(text))


# --- gradients -------------------------------------------------------------------------------------------


def _check(check: GradientCheck, block: Block, prefixes: Mapping[Path, str]) -> CheckView:
    fixed = next((c for each in block.together for c in each.fixed if c.id == check.id), None)
    after = {parameter.name: parameter for parameter in fixed.parameters} if fixed else {}
    maps = (heat_map(parameter) for parameter in check.parameters)
    steps = ((f"{parameter.name} by time step", by_step(parameter)) for parameter in check.parameters)
    seed = f" (seed {check.seed})" if check.seed is not None else ""
    facts = {
        "Cell": check.kind,
        "Forward": check.forward if check.forward != "unknown" else None,
        "Judged by": ", ".join(check.oracles),
        "Loss": check.loss,
        "Convention": check.convention,
        "Sandbox": ", ".join(check.sandbox),
    }
    return CheckView(
        check.entry or check.path.name,
        f"Ran {check.ran}{seed}." if check.ran else "",
        tuple((name, fact) for name, fact in facts.items() if fact),
        tuple(_parameter(p, after.get(p.name)) for p in check.parameters),
        bool(after),
        tuple(each for each in maps if each is not None),
        tuple((title, found) for title, found in steps if found),
        tuple(_walk(check, block, prefixes)),
    )


_CELLS = {
    StepState.TRUE: StepCell("✓", "right", "a true adjoint"),
    StepState.FIRST_WRONG: StepCell("✗", "wrong", "wrong, though all that it is made of is true"),
    StepState.WRONG: StepCell("✗", "carried", "wrong, as is what it is made of"),
    StepState.ZERO: StepCell("0", "plain", "zero"),
    None: StepCell("", "plain", "nothing of the backward flow"),
}


def _walk(check: GradientCheck, block: Block, prefixes: Mapping[Path, str]) -> Iterator[WalkRow]:
    """The statements by line, each with as many cells as there are steps."""
    steps = max((len(row.states) for row in check.walk), default=0)
    for row in check.walk:
        source = block.scene.source(row.path)
        label = block.scene.label(row.path, row.line)
        prefix = prefixes.get(row.path.absolute())
        states = (*row.states, *[None] * (steps - len(row.states)))
        yield WalkRow(
            f"line {label}" if label.isdigit() else label,
            f"{prefix}-L{row.line}" if prefix else "",
            source.line_text(row.line).strip() if source is not None else "",
            tuple(_CELLS[state] for state in states),
        )


def _parameter(parameter: ParameterVerdict, fixed: ParameterVerdict | None) -> ParameterView:
    now, now_value, tone = _told(parameter)
    after, after_value, after_tone = _told(fixed) if fixed else ("", 0.0, "plain")
    return ParameterView(
        parameter.name,
        parameter.gradient or "none found",
        " × ".join(map(str, parameter.shape)) or "scalar",
        parameter.verdict.value.replace("-", " "),
        tone,
        now,
        now_value,
        after,
        after_value,
        after_tone,
    )


def _told(parameter: ParameterVerdict) -> tuple[str, float, str]:
    """An error as text, as a number to sort and draw by, and its tone."""
    if parameter.verdict in (Verdict.RIGHT, Verdict.SCALED):
        return f"right ({wording.scientific(parameter.relative_error or 0.0)})", 0.0, "right"
    if parameter.verdict is Verdict.WRONG and parameter.relative_error is not None:
        return figure(parameter.relative_error), parameter.relative_error, "wrong"
    if parameter.verdict is Verdict.NOT_FINITE:
        return "not finite", 3.0, "wrong"
    said = {Verdict.UNPAIRED: "no gradient found", Verdict.UNINFORMATIVE: "zero, and rightly so"}
    return said.get(parameter.verdict, "unknown"), -1.0, "unsure"
