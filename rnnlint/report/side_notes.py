"""Warnings and training notes: what does not explain a wrong gradient, and is told after what does."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlint.findings import Finding, Severity
from rnnlint.report import wording
from rnnlint.report.entries import CODE_COLUMN
from rnnlint.report.excerpt import ELLIPSIS, excerpt
from rnnlint.report.layout import BLANK, MARGIN, Line, Segment, Style, line, paragraph
from rnnlint.report.scene import Scene

SAID_BY_THE_CHECK = frozenset({"RNN902", "RNN903", "RNN907"})
"""Findings that repeat what is said of the gradient check: why there is none, what differs, the scale."""

SECTIONS = {
    Severity.WARNING: "Unsafe, or wrong in some call:",
    Severity.ADVICE: "Training notes:",
}


def side_notes(findings: Sequence[Finding], scene: Scene, *, brief: bool) -> list[Line]:
    """Warnings, then advice, by place: their first sentences, or, where bugs come first, a line each."""
    lines: list[Line] = []
    for severity, title in SECTIONS.items():
        chosen = [f for f in findings if f.severity is severity and f.code not in SAID_BY_THE_CHECK]
        if chosen:
            lines.extend((BLANK, line(Segment(title, Style.BOLD))))
        for finding in sorted(chosen, key=lambda each: each.order):
            head = f"{' ' * MARGIN}{scene.label(finding.path, finding.span.line)}  "
            said = _named(finding, scene) if brief else wording.first_sentence(finding.message)
            rows = paragraph(said, first=head, width=CODE_COLUMN - 2)
            if brief and len(rows) > 1:
                rows = [line(rows[0].text[: CODE_COLUMN - 3] + ELLIPSIS)]
            rows[-1] = rows[-1].column(CODE_COLUMN, finding.code, Style.CODE)
            lines.extend(rows)
    return lines


def _named(finding: Finding, scene: Scene) -> str:
    """``log without eps: np.log(outputs[t])``."""
    name = finding.name.replace("-", " ")
    source = scene.source(finding.path)
    marked = excerpt(source, finding.span).marked if source is not None else ""
    return f"{name}: {marked}" if marked else name
