"""Findings by the thought behind them: the costliest misunderstanding first, each line with its price."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.findings import Confidence, Finding, Misunderstanding, Severity
from rnnlint.report import wording
from rnnlint.report.excerpt import Excerpt, Repair, excerpt, repair
from rnnlint.report.layout import BLANK, MARGIN, WIDTH, Line, Segment, Style, explanation, line, paragraph

if TYPE_CHECKING:
    from rnnlint.source import Source

CODE_COLUMN = WIDTH - len("RNN101")
COST_COLUMN = CODE_COLUMN - 13
MOST_RELATED = 2

SAID_BY_THE_CHECK = frozenset({"RNN902", "RNN903", "RNN907"})
"""Findings that repeat what is said of the gradient check: why there is none, what differs, the scale."""


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one misunderstanding, by place."""

    thought: Misunderstanding
    findings: tuple[Finding, ...]

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
    return Misunderstanding(first.code, first.name.replace("-", " ").capitalize(), first.message)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where findings are shown: the file the block is about, and the texts at hand."""

    home: Path
    sources: Mapping[Path, Source]

    def source(self, path: Path) -> Source | None:
        """The text of ``path``, if it is at hand."""
        return self.sources.get(path.absolute())

    def label(self, path: Path, row: int) -> str:
        """``26``, or ``forward.py:12`` in another file."""
        number = wording.place(self.source(path), row)
        if path.absolute() == self.home.absolute():
            return number
        return f"{wording.beside(path, self.home)}:{number}"


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
    bugs = wording.count(len(group.findings), "bug")
    lines = [line(Segment(title, Style.BOLD)).column(WIDTH - len(bugs), bugs)]
    lines.extend(_related(group, scene))
    lines.extend(explanation(group.thought.explanation, MARGIN) if group.thought.explanation else ())
    if priced:
        lines.append(Line().column(COST_COLUMN, "left alone", Style.FAINT))
    entries = _entries(group.findings, scene)
    margin = max(len(entry.label) for entry in entries) + 2
    for entry in entries:
        lines.extend(_entry(entry, margin))
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


@dataclass(frozen=True, slots=True)
class _Entry:
    """Findings that read alike, shown once: the first one's line, and where the others are."""

    label: str
    excerpt: Excerpt | None
    repair: Repair
    finding: Finding
    others: tuple[str, ...] = ()

    @property
    def added(self) -> tuple[str, ...]:
        """The lines to add that the group's explanation has not shown already."""
        shown = self.finding.group.explanation if self.finding.group else ""
        return tuple(text for text in self.repair.added if f"+ {text}" not in shown)

    @property
    def alike(self) -> tuple[object, ...]:
        marked = self.excerpt.marked if self.excerpt else self.label
        return (
            self.finding.code,
            self.finding.path,
            marked,
            self.repair.instead,
            self.repair.added,
            self.finding.remark,
        )


def _entries(findings: Sequence[Finding], scene: Scene) -> list[_Entry]:
    entries: dict[tuple[object, ...], _Entry] = {}
    for finding in findings:
        entry = _entry_of(finding, scene)
        known = entries.get(entry.alike)
        if known is None:
            entries[entry.alike] = entry
            continue
        dearer = max(known.finding, finding, key=_price)
        others = (*known.others, scene.label(finding.path, finding.span.line))
        entries[entry.alike] = _Entry(known.label, known.excerpt, known.repair, dearer, others)
    return list(entries.values())


def _price(finding: Finding) -> float:
    return finding.evidence.error_if_left if finding.evidence else 0.0


def _entry_of(finding: Finding, scene: Scene) -> _Entry:
    source = scene.source(finding.path)
    shown = repair(finding, source)
    span = shown.span or finding.span
    text = excerpt(source, span) if source is not None and source.line_text(span.line).strip() else None
    return _Entry(scene.label(finding.path, finding.span.line), text, shown, finding)


def _entry(entry: _Entry, margin: int) -> list[Line]:
    """The statement; the caret with its replacement, or lines to add; the price and the code at the right."""
    left = MARGIN + margin
    head = " " * MARGIN + entry.label.ljust(margin)
    if entry.excerpt is None:
        said = entry.finding.remark or wording.first_sentence(entry.finding.message)
        return _priced(paragraph(said, first=head, width=COST_COLUMN), entry.finding)
    rows = _statement(entry.excerpt, entry, head)
    remark = _remark(entry.finding)
    added = [line(" " * left, Segment(f"+ {text}", Style.REPLACEMENT)) for text in entry.added]
    for number, room in enumerate((WIDTH, COST_COLUMN)):
        if len(rows[number].text) + 2 + len(remark) <= room:
            rows[number] = rows[number].column(0, remark, Style.FAINT)
            return _priced([*rows, *added], entry.finding)
    return _priced([*rows, line(" " * left, Segment(remark, Style.FAINT)), *added], entry.finding)


def _remark(finding: Finding) -> str:
    doubt = "only possible" if finding.confidence is Confidence.POSSIBLE else ""
    words = ", ".join(filter(None, (finding.remark, doubt)))
    return f"({words})" if words else ""


def _statement(whole: Excerpt, entry: _Entry, head: str) -> list[Line]:
    """The line above its carets, the replacement beside them.

    Where that reaches into the prices, the marked part alone above its replacement: ``do: sigmoid(o[t])``.
    """
    text = whole.within(WIDTH - len(head))
    also = f", also {', '.join(entry.others)}" if entry.others else ""
    instead = entry.repair.instead + also if entry.repair.instead else also.removeprefix(", ")
    carets = line(" " * (len(head) + text.start), Segment("^" * max(text.end - text.start, 1), Style.CARET))
    beside = carets.column(0, instead, Style.REPLACEMENT)
    if len(beside.text) + 2 <= COST_COLUMN or not entry.repair.instead:
        return [line(head, text.text), beside]
    target = f"{whole.target}: " if whole.target else ""
    part = whole.marked
    room = WIDTH - len(head) - len(target)
    shown = part if len(part) <= room else f"{part[: room - 1]}…"
    return [
        line(head, target, Segment(shown, Style.CARET)),
        line(" " * (len(head) + len(target)), Segment(instead, Style.REPLACEMENT)),
    ]


def _priced(rows: list[Line], finding: Finding) -> list[Line]:
    """Price and code on the last row that leaves room for them, after the statement itself."""
    cost = _cost(finding)
    needed = COST_COLUMN if cost else CODE_COLUMN
    fits = [number for number, row in enumerate(rows) if number and len(row.text) + 2 <= needed]
    if not fits:
        rows.append(Line())
        fits = [len(rows) - 1]
    row = rows[fits[-1]].column(COST_COLUMN, cost, Style.BOLD)
    rows[fits[-1]] = row.column(CODE_COLUMN, finding.code, Style.CODE)
    return rows


def _cost(finding: Finding) -> str:
    """``W_v 0.95``: the parameter that suffers most, and how much."""
    if finding.evidence is None:
        return ""
    value = finding.evidence.error_if_left
    figure = f"{value:.2f}" if value >= 0.005 else wording.scientific(value)
    name = finding.evidence.parameters[0] if finding.evidence.parameters else ""
    room = CODE_COLUMN - COST_COLUMN - 2 - len(figure) - 1
    if len(name) > room:
        name = name[: room - 1] + "…"
    return f"{name} {figure}".strip()


_SECTIONS = {
    Severity.WARNING: "Unsafe, or wrong in some call:",
    Severity.ADVICE: "Training notes:",
}


def side_notes(findings: Sequence[Finding], scene: Scene) -> list[Line]:
    """Warnings and advice, a line or two each: they do not explain a wrong gradient."""
    lines: list[Line] = []
    for severity, title in _SECTIONS.items():
        chosen = sorted(
            (f for f in findings if f.severity is severity and f.code not in SAID_BY_THE_CHECK),
            key=lambda finding: finding.order,
        )
        if not chosen:
            continue
        lines.extend((BLANK, line(Segment(title, Style.BOLD))))
        for finding in chosen:
            head = f"{' ' * MARGIN}{scene.label(finding.path, finding.span.line)}  "
            rows = paragraph(wording.first_sentence(finding.message), first=head, width=CODE_COLUMN - 2)
            rows[-1] = rows[-1].column(CODE_COLUMN, finding.code, Style.CODE)
            lines.extend(rows)
    return lines
