"""Findings by the thought behind them: the costliest misunderstanding first, each line with its price."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnnlint.findings import Finding, Misunderstanding
from rnnlint.records import dataclass
from rnnlint.report import wording
from rnnlint.report.entries import COST_COLUMN, entries, entry_lines
from rnnlint.report.layout import BLANK, MARGIN, WIDTH, Line, Segment, Style, explanation, line, paragraph
from rnnlint.report.scene import Scene

MOST_RELATED = 2


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one misunderstanding, by place."""

    thought: Misunderstanding
    findings: tuple[Finding, ...]

    @property
    def is_explained(self) -> bool:
        """Whether a rule has read what is wrong; the gradient check alone (RNN9xx) knows that, not why."""
        return not all(finding.code.startswith("RNN9") for finding in self.findings)

    @property
    def cost(self) -> float:
        """The highest price of its findings; 0 where none was measured."""
        return max(
            (finding.evidence.error_if_left for finding in self.findings if finding.evidence), default=0.0
        )


def groups(findings: Iterable[Finding]) -> list[Group]:
    """The groups, costliest first, then the larger, then by place."""
    members: dict[str, list[Finding]] = {}
    for finding in findings:
        members.setdefault(finding.group.key if finding.group else finding.code, []).append(finding)
    made = [
        Group(_thought(found), tuple(sorted(found, key=lambda finding: finding.order)))
        for found in members.values()
    ]
    return sorted(made, key=lambda group: (-group.cost, -len(group.findings), group.findings[0].order))


def _thought(found: Sequence[Finding]) -> Misunderstanding:
    first = found[0]
    if first.group is not None:
        return next((f.group for f in found if f.group and f.group.explanation), first.group)
    return Misunderstanding(first.code, first.name.replace("-", " ").capitalize(), first.full_message)


def bug_groups(found: Sequence[Group], scene: Scene) -> list[Line]:
    """The numbered groups of what makes gradients wrong."""
    lines: list[Line] = []
    for number, group in enumerate(found, start=1):
        lines.append(BLANK)
        lines.extend(_group(number, group, scene, priced=number == 1 and group.cost > 0))
    return lines


def _group(number: int, group: Group, scene: Scene, *, priced: bool) -> list[Line]:
    """One group; ``priced`` where the head of the price column stands above its lines."""
    title = f"{number}  {group.thought.title}"
    bugs = wording.count(len(group.findings), "bug") if group.is_explained else ""
    lines = [line(Segment(title, Style.BOLD)).column(WIDTH - len(bugs), bugs)]
    lines.extend(_related(group, scene))
    lines.extend(explanation(group.thought.explanation, MARGIN) if group.thought.explanation else ())
    if priced:
        lines.append(Line().column(COST_COLUMN, "left alone", Style.FAINT))
    shown = entries(group.findings, scene)
    margin = max(len(entry.label) for entry in shown) + 2
    for entry in shown:
        lines.extend(entry_lines(entry, margin))
    return lines


def _related(group: Group, scene: Scene) -> list[Line]:
    """The other places a group rests on, unless its explanation names one: ``forward.py:12 is first``."""
    places = {
        scene.label(related.path, related.span.line): related.message
        for finding in group.findings
        for related in finding.related
    }
    if any(place in group.thought.explanation for place in places):
        return []
    said = [f"{place} {message}" for place, message in places.items()]
    return [row for text in said[:MOST_RELATED] for row in paragraph(text, MARGIN)]
