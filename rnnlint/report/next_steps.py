"""The end of a report: what is hidden, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlint.findings import Finding
from rnnlint.report import wording
from rnnlint.report.layout import BLANK, WIDTH, Line, Segment, Style, line, paragraph

OPENING = "Next:  "


def hidden(advice: Sequence[Finding], possible: Sequence[Finding], *, right: bool) -> list[Line]:
    """How much is not shown, and the option that shows it."""
    lines: list[Line] = []
    if advice and right:
        names = ", ".join(dict.fromkeys(finding.name.replace("-", " ") for finding in advice))
        lines.extend(
            paragraph(
                f"Still not learning? {wording.count(len(advice), 'training note')}: {names} (--show-advice)"
            )
        )
    elif advice:
        lines.append(line(f"{wording.count(len(advice), 'training note')} hidden: --show-advice"))
    if possible:
        lines.append(
            line(f"{wording.count(len(possible), 'possible bug')} hidden: --min-confidence possible"),
        )
    return lines


def steps(command: str, findings: Sequence[Finding], *, ran: bool) -> list[tuple[str, str]]:
    """Commands for these findings and what each is for; the page of the first one's rule among them."""
    if not findings:
        return []
    found: list[tuple[str, str]] = []
    fixes = [finding.fix for finding in findings if finding.fix is not None]
    if fixes:
        applies = "--fix" if any(fix.safe for fix in fixes) else "--fix --unsafe-fixes"
        found.append((f"rnnlint {command} --diff", f"see the fixes ({applies} applies)"))
    if not ran:
        found.append((f"rnnlint {command}", "run it: measure every gradient"))
    found.append((f"rnnlint rule {findings[0].code}", "the derivation"))
    return found


def what_next(command: str, findings: Sequence[Finding], *, ran: bool) -> list[Line]:
    """``Next:`` and the commands worth typing."""
    typed = steps(command, findings, ran=ran)
    if not typed:
        return []
    width = max(len(step) for step, _ in typed) + 2
    beside = len(OPENING) + width + max(len(why) for _, why in typed) <= WIDTH
    lines = [BLANK]
    for step, why in typed:
        opening = OPENING if len(lines) == 1 else " " * len(OPENING)
        if beside:
            lines.append(line(opening, Segment(step.ljust(width), Style.CODE), why))
        else:
            lines.extend((line(opening, Segment(step, Style.CODE)), line(" " * (len(OPENING) + 2), why)))
    return lines
