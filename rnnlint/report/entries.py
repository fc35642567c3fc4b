"""One finding of a group: its statement, the caret under what is wrong, what to write, what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlint.findings import Confidence, Finding
from rnnlint.records import dataclass
from rnnlint.report import wording
from rnnlint.report.excerpt import Excerpt, Repair, excerpt, repair
from rnnlint.report.layout import MARGIN, WIDTH, Line, Segment, Style, line, paragraph
from rnnlint.report.scene import Scene

CODE_COLUMN = WIDTH - len("RNN101")
COST_COLUMN = CODE_COLUMN - 13


@dataclass(frozen=True, slots=True)
class Entry:
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
        """What two entries have in common that read alike."""
        marked = self.excerpt.marked if self.excerpt else self.label
        return (
            self.finding.code,
            self.finding.path,
            marked,
            self.repair.instead,
            self.repair.added,
            self.finding.remark,
        )


def entries(findings: Sequence[Finding], scene: Scene) -> list[Entry]:
    """One entry a finding, in their order; those that read alike share the first one's."""
    known_by: dict[tuple[object, ...], Entry] = {}
    for finding in findings:
        entry = _entry_of(finding, scene)
        known = known_by.get(entry.alike)
        if known is None:
            known_by[entry.alike] = entry
            continue
        dearer = max(known.finding, finding, key=_price)
        others = (*known.others, scene.label(finding.path, finding.span.line))
        known_by[entry.alike] = Entry(known.label, known.excerpt, known.repair, dearer, others)
    return list(known_by.values())


def _price(finding: Finding) -> float:
    return finding.evidence.error_if_left if finding.evidence else 0.0


def _entry_of(finding: Finding, scene: Scene) -> Entry:
    source = scene.source(finding.path)
    shown = repair(finding, source)
    span = shown.span or finding.span
    text = excerpt(source, span) if source is not None and source.line_text(span.line).strip() else None
    return Entry(scene.label(finding.path, finding.span.line), text, shown, finding)


def entry_lines(entry: Entry, margin: int) -> list[Line]:
    """The statement; the caret with its replacement, or lines to add; the price and the code at the right."""
    left = MARGIN + margin
    head = " " * MARGIN + entry.label.ljust(margin)
    if entry.excerpt is None:
        said = entry.finding.remark or wording.first_sentence(entry.finding.message)
        return _priced(paragraph(said, first=head, width=COST_COLUMN), entry.finding)
    rows = _statement(entry.excerpt, entry, head)
    remark = _remark(entry.finding)
    added = [line(" " * left, Segment(f"+ {text}", Style.REPLACEMENT)) for text in entry.added]
    for number, room in zip(range(len(rows)), (WIDTH, COST_COLUMN), strict=False):
        if len(rows[number].text) + 2 + len(remark) <= room:
            rows[number] = rows[number].column(0, remark, Style.FAINT)
            return _priced([*rows, *added], entry.finding)
    return _priced([*rows, line(" " * left, Segment(remark, Style.FAINT)), *added], entry.finding)


def _remark(finding: Finding) -> str:
    doubt = "only possible" if finding.confidence is Confidence.POSSIBLE else ""
    words = ", ".join(filter(None, (finding.remark, doubt)))
    return f"({words})" if words else ""


def _statement(whole: Excerpt, entry: Entry, head: str) -> list[Line]:
    """The line above its carets, the replacement beside them.

    Where that reaches into the prices, the marked part alone above its replacement: ``do: sigmoid(o[t])``.
    """
    text = whole.within(WIDTH - len(head))
    also = f", also {', '.join(entry.others)}" if entry.others else ""
    instead = entry.repair.instead + also if entry.repair.instead else also.removeprefix(", ")
    if text.start == text.end and not instead:
        return [line(head, text.text)]
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
    """Price and code on the last row that leaves room, beside the statement only if it stands alone."""
    cost = _cost(finding)
    needed = COST_COLUMN if cost else CODE_COLUMN
    fits = [
        number
        for number, row in enumerate(rows)
        if (number or len(rows) == 1) and len(row.text) + 2 <= needed
    ]
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
