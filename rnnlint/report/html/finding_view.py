"""A finding on the page: what it says, what to write instead, what it costs, and why."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from markdown_it import MarkdownIt
from markupsafe import Markup

from rnnlint.findings import Finding, Severity
from rnnlint.hunks import hunks_of
from rnnlint.records import dataclass
from rnnlint.report import wording
from rnnlint.report.groups import Group
from rnnlint.report.html.pictures import Bar, bars, figure
from rnnlint.report.html.stage import Stage
from rnnlint.results import RuleText

Rules = Mapping[str, RuleText]
"""The text of every rule that speaks, by its code."""


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


def finding_view(finding: Finding, stage: Stage) -> FindingView:
    """What is told of a finding."""
    cost = finding.evidence.error_if_left if finding.evidence else None
    worst = finding.evidence.parameters[0] if finding.evidence and finding.evidence.parameters else ""
    return FindingView(
        stage.anchor(finding),
        stage.place(finding.path, finding.span.line),
        stage.line_anchor(finding.path, finding.span.line),
        finding.code,
        finding.name.replace("-", " ").capitalize(),
        finding.severity,
        finding.confidence.value,
        _marked_up(finding.full_message),
        finding.remark,
        tuple(_changes(finding, stage)),
        "" if cost is None else f"{worst} {figure(cost)}".strip(),
        tuple(
            (
                stage.block.scene.label(related.path, related.span.line),
                stage.line_anchor(related.path, related.span.line),
                related.message,
            )
            for related in finding.related
        ),
    )


def group_view(number: int, group: Group, anchor: str, stage: Stage, rules: Rules) -> GroupView:
    """What is told of a misunderstanding, the ``number``-th of its file."""
    return GroupView(
        anchor,
        number,
        group.thought.title,
        wording.count(len(group.findings), "bug") if group.is_explained else "",
        _passages(group.thought.explanation) if group.findings[0].group else (),
        tuple(finding_view(finding, stage) for finding in group.findings),
        rule_pages(group.findings, rules),
    )


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


def _changes(finding: Finding, stage: Stage) -> list[Changed]:
    """What the fix makes of the lines it touches."""
    changes: list[Changed] = []
    for path in dict.fromkeys(edit.path for edit in finding.fix.edits) if finding.fix else ():
        source = stage.block.scene.source(path)
        if source is not None and finding.fix:
            edits = [edit for edit in finding.fix.edits if edit.path == path]
            for hunk in hunks_of(source.text, edits):
                before = [source.line_text(row) for row in range(hunk.first, hunk.last + 1)]
                place = stage.place(path, hunk.first)
                elsewhere = path != finding.path or not hunk.first <= finding.span.line <= hunk.last
                changes.append(_change(place, elsewhere, before, hunk.lines))
    return changes


def _change(place: str, elsewhere: bool, before: Sequence[str], after: Sequence[str]) -> Changed:
    """The lines that differ, without the blanks that all of them begin with."""
    rows = [row for row in (*before, *after) if row.strip()]
    margin = min((len(row) - len(row.lstrip()) for row in rows), default=0)
    kept = set(before) & set(after)
    return Changed(
        place,
        elsewhere,
        tuple(row[margin:] for row in before if row not in kept),
        tuple(row[margin:] for row in after if row not in kept),
    )


def costs(found: Sequence[Group], stage: Stage) -> tuple[Bar, ...]:
    """What each bug costs, the dearest first."""
    priced = [f for group in found for f in group.findings if f.evidence is not None]
    priced.sort(key=lambda f: -f.evidence.error_if_left if f.evidence else 0.0)
    values = [
        (f"{stage.place(f.path, f.span.line)} {f.code}", f.evidence.error_if_left, stage.anchor(f))
        for f in priced
        if f.evidence is not None
    ]
    return bars(values)


def rule_pages(findings: Sequence[Finding], rules: Rules) -> tuple[tuple[str, Markup], ...]:
    """The page of every rule that speaks in ``findings``: its title, and its text as HTML."""
    codes = dict.fromkeys(finding.code for finding in findings)
    return tuple((f"{code} {rules[code].name}", _html(rules[code])) for code in codes if code in rules)


def _html(rule: RuleText) -> Markup:
    """A page of ours as HTML: no HTML of its own is let through, its headings are bold lines under ours."""
    text = "\n".join(rule.page.split("\n")[1:])
    text = re.sub(r"^## (.*)$", r"**\1**", text, flags=re.MULTILINE)
    return Markup(MarkdownIt("commonmark", {"html": False}).render(text))
