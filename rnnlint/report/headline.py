"""The opening: one word, what it rests on, what was run."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.findings import Confidence, Finding, Severity
from rnnlint.records import dataclass
from rnnlint.report import wording
from rnnlint.report.groups import Group
from rnnlint.report.layout import WIDTH, Line, Segment, Style, line, paragraph
from rnnlint.verdicts import GradientCheck, Status, Verdict

if TYPE_CHECKING:
    from rnnlint.source import Source

SCALE_OF_ERRORS = "Error: 0 right, 1 no better than zeros, 2 reversed."
NOT_RIGHT = "This does not mean it is right."


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer: one word, its emphasis, and the rest of the sentence, which begins with its stop."""

    word: str
    style: Style
    rest: str

    @classmethod
    def of(
        cls,
        checks: Sequence[GradientCheck],
        findings: Sequence[Finding],
        found: Sequence[Group],
        *,
        ran: bool,
    ) -> Headline:
        """RIGHT, WRONG or NOT CHECKED, or what reading alone has found."""
        if not ran:
            return cls(_tally(findings), Style.BOLD, ", reading alone; nothing was run.")
        if any(check.wrong for check in checks):
            return cls("WRONG", Style.WRONG, _how_wrong(checks, found))
        if any(check.judged for check in checks):
            return cls("RIGHT", Style.RIGHT, _how_right(checks))
        return cls("NOT CHECKED", Style.UNSURE, f". {NOT_RIGHT}")


def opening(
    path: Path,
    checks: Sequence[GradientCheck],
    findings: Sequence[Finding],
    found: Sequence[Group],
    *,
    ran: bool,
) -> list[Line]:
    """The first line or two: the headline, and what was run."""
    headline = Headline.of(checks, findings, found, ran=ran)
    lines = _headed(path, headline)
    if headline.style is Style.WRONG:
        return [*lines, *_ran(checks), line(Segment(SCALE_OF_ERRORS, Style.FAINT))]
    if headline.style is Style.RIGHT:
        unjudged = not_judged(checks)
        rows = paragraph(f"{', '.join(unjudged)}.", first="Not judged: ") if unjudged else []
        return [*lines, *_ran(checks), *rows]
    return lines


def _headed(path: Path, headline: Headline) -> list[Line]:
    """``backward.py  WRONG: 9 of 10 gradients.``, below the path where it is too long to stand beside it."""
    word = headline.word
    beside = len(str(path)) + 2 + len(word) < WIDTH
    opening = [Segment(str(path), Style.BOLD), Segment("  ")] if beside else []
    indent = " " * sum(len(s.text) for s in opening)
    first, *more = textwrap.wrap(word + headline.rest, WIDTH, initial_indent=indent)
    verdict = line(*opening, Segment(word, headline.style), first.lstrip()[len(word) :])
    return [*([] if beside else [line(Segment(str(path), Style.BOLD))]), verdict, *map(line, more)]


def _tally(findings: Sequence[Finding]) -> str:
    """``2 errors, 1 warning``."""
    nouns = {
        Severity.ERROR: ("error", None),
        Severity.WARNING: ("warning", None),
        Severity.ADVICE: ("training note", None),
    }
    counts = {severity: sum(f.severity is severity for f in findings) for severity in nouns}
    said = [wording.count(counts[severity], *nouns[severity]) for severity in nouns if counts[severity]]
    return ", ".join(said) or "No findings"


def _how_wrong(checks: Sequence[GradientCheck], found: Sequence[Group]) -> str:
    wrong = sum(len(check.wrong) for check in checks)
    judged = sum(len(check.judged) for check in checks)
    explained = [group for group in found if group.is_explained]
    doubts = [finding.confidence is Confidence.POSSIBLE for group in explained for finding in group.findings]
    said = f": {wrong} of {wording.count(judged, 'gradient')}."
    if not all(doubts):
        bugs = wording.count(doubts.count(False), "bug")
        said += f" {bugs}, {wording.count(len(explained), 'misunderstanding')}."
    if any(doubts):
        said += f" {wording.count(doubts.count(True), 'possible bug')}."
    return said


def _how_right(checks: Sequence[GradientCheck]) -> str:
    judged = [parameter for check in checks for parameter in check.judged]
    unjudged = not_judged(checks)
    worst = max((p.relative_error or 0.0 for p in judged), default=0.0)
    limit = wording.scientific(max(check.tolerance for check in checks if check.judged))
    total = wording.count(len(judged) + len(unjudged), "gradient")
    partly = ", as far as it was checked" if unjudged or not all(check.judged for check in checks) else ""
    return f"{partly}: {len(judged)} of {total} (worst error {wording.scientific(worst)}, limit {limit})."


def not_judged(checks: Sequence[GradientCheck]) -> list[str]:
    """The parameters that nothing was found out about."""
    return [p.name for check in checks for p in check.parameters if p not in check.judged]


def _ran(checks: Sequence[GradientCheck]) -> list[Line]:
    """``Ran backward() with forward.py's forward() (seed 7).``; of several passes a line each."""
    judged = [check for check in checks if check.judged]
    seeds = {check.seed for check in judged if check.seed is not None}
    seed = f" (seed {seeds.pop()})" if len(seeds) == 1 else ""
    if len(judged) == 1:
        return paragraph(f"Ran {judged[0].ran}{seed}.") if judged[0].ran else []
    return [line(f"Ran {wording.count(len(judged), 'pass', 'passes')}{seed}:"), *map(_one_of_several, judged)]


def _one_of_several(check: GradientCheck) -> Line:
    total = wording.count(len(check.judged), "gradient")
    if check.wrong:
        return line("   ", Segment("WRONG", Style.WRONG), f"  {check.entry}: {len(check.wrong)} of {total}")
    return line("   ", Segment("RIGHT", Style.RIGHT), f"  {check.entry}: {total}")


def unchecked(checks: Sequence[GradientCheck], source: Source | None, *, alone: bool) -> list[Line]:
    """Why a gradient could not be checked and what to do; ``alone`` where the whole file could not be."""
    lines: list[Line] = []
    for check in checks:
        if check.status is not Status.NOT_CHECKED and check.judged:
            continue
        reason = reason_of(check)
        name = (
            "" if alone else f"{check.entry or f'line {wording.place(source, check.line)}'} was not checked: "
        )
        lines.extend(paragraph(f"{name}{reason}", first="Why:   "))
        if check.advice:
            lines.extend(paragraph(check.advice, first="Do:    "))
    return lines


def reason_of(check: GradientCheck) -> str:
    """Why nothing was found out about any of its gradients."""
    if check.reason:
        return check.reason
    if check.parameters and all(p.verdict is Verdict.UNINFORMATIVE for p in check.parameters):
        return "every gradient and every expected gradient is zero, which says nothing."
    return "no gradient was found that belongs to a parameter."


def reading_alone(findings: Sequence[Finding]) -> list[Line]:
    """``Reading alone found 1 likely bug:``, over the groups of a file that could not be checked."""
    bugs = [finding for finding in findings if finding.severity is Severity.ERROR]
    if not bugs:
        return []
    sure = all(finding.confidence is not Confidence.POSSIBLE for finding in bugs)
    return [
        line(f"Reading alone found {wording.count(len(bugs), 'likely bug' if sure else 'possible bug')}:")
    ]
