"""The parameters and their gradients: how wrong now, and what the fixes make of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rnnlint.report import wording
from rnnlint.report.layout import WIDTH, Line, Segment, Style, line, paragraph
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Verdict

HEAD = 7
"""Columns of ``Now    `` and ``Fixed  ``."""

MOST_RIGHT_NAMED = 12
"""Right parameters beyond this many are counted, not named."""

_WORDS = {
    Verdict.RIGHT: "right",
    Verdict.SCALED: "right",
    Verdict.NOT_FINITE: "not finite",
    Verdict.UNINFORMATIVE: "zero",
    Verdict.UNPAIRED: "no gradient",
}


def table(check: GradientCheck, fixed: GradientCheck | None, fixes: int) -> list[Line]:
    """``Now`` parameter by parameter and, where fixes were tried, ``Fixed``."""
    lines = _rows("Now", check.parameters)
    if fixed is None:
        return lines
    lines.extend(_fixed(fixed, fixes))
    if fixes > 1:
        lines.append(
            line(f"Bugs hide one another: errors may rise until all {wording.spelled(fixes)} are fixed.")
        )
    return lines


def _fixed(check: GradientCheck, fixes: int) -> list[Line]:
    total = len(check.parameters)
    with_all = {1: "the fix", 2: "both fixes"}.get(fixes, f"all {wording.spelled(fixes)} fixes")
    right = sum(parameter.verdict in (Verdict.RIGHT, Verdict.SCALED) for parameter in check.parameters)
    if not check.judged:
        return paragraph(f"not checked: {check.reason or 'no gradient was found'}", first="Fixed  ")
    if right == total:
        all_right = {1: "right", 2: "both right"}.get(total, f"all {wording.spelled(total)} right")
        return [line("Fixed  ", Segment(all_right, Style.RIGHT), f" (run with {with_all})")]
    left = [
        parameter
        for parameter in check.parameters
        if parameter.verdict not in (Verdict.RIGHT, Verdict.SCALED)
    ]
    lines = _rows("Fixed", left)
    lines.append(line(" " * HEAD, f"{right} of {total} right with {with_all}"))
    return lines


def _rows(head: str, parameters: Sequence[ParameterVerdict]) -> list[Line]:
    """Cells in columns; a row holds the parameters of one stem, ``W`` and ``b``, where that fits."""
    cells, others = _cells(parameters)
    if not cells:
        return [line(head.ljust(HEAD), others)]
    width = max(len(cell.text) for cell in cells) + 2
    most = max(1, (WIDTH - HEAD + 2) // width)
    lines: list[Line] = []
    for _, members in groupby(cells, key=lambda cell: cell.text[0]):
        row = list(members)
        for start in range(0, len(row), most):
            opening = head.ljust(HEAD) if not lines else " " * HEAD
            padded = [Segment(cell.text.ljust(width), cell.style) for cell in row[start : start + most]]
            lines.append(line(opening, *padded))
    if others:
        lines.append(line(" " * HEAD, others))
    return lines


def _cells(parameters: Sequence[ParameterVerdict]) -> tuple[list[Segment], str]:
    """A cell a parameter; of many right ones only how many they are."""
    right = sum(parameter.verdict in (Verdict.RIGHT, Verdict.SCALED) for parameter in parameters)
    few = len(parameters) <= MOST_RIGHT_NAMED or right <= 2
    named = [p for p in parameters if few or p.verdict not in (Verdict.RIGHT, Verdict.SCALED)]
    return [_cell(parameter) for parameter in named], "" if few else f"{right} others right"


def _cell(parameter: ParameterVerdict) -> Segment:
    if parameter.verdict is Verdict.WRONG and parameter.relative_error is not None:
        return Segment(f"{parameter.name} {wording.error(parameter.relative_error)}", Style.WRONG)
    style = Style.RIGHT if parameter.verdict in (Verdict.RIGHT, Verdict.SCALED) else Style.UNSURE
    return Segment(f"{parameter.name} {_WORDS.get(parameter.verdict, 'wrong')}", style)


_AVERAGES = frozenset("VTBN")
"""Names of factors that an average divides by: vocabulary, steps, batch, examples."""


def scale(check: GradientCheck) -> str:
    """What the one factor common to all gradients means; empty where there is none."""
    if check.scale is None or check.scale == 1 or not check.judged or check.wrong == check.judged:
        return ""
    if check.scale_name is None:
        return (
            f"All your gradients are {check.scale:.4g} times those of the loss that was tried: "
            "harmless if your loss has that factor."
        )
    factor = check.scale_name
    if factor == "-1":
        said = "all your gradients have the opposite sign; that is right if your update adds them."
    else:
        over = factor.replace("·", "*").split("*")
        if _AVERAGES.issuperset(over):
            said = f"your loss averages over {' and '.join(over)}, your gradient sums (factor {factor})."
        else:
            said = f"all your gradients are {factor} times those of your loss."
    return f"Harmless: {said}"
