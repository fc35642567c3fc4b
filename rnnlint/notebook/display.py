"""What a magic shows: the report as a table in HTML, and as the text report where there is no HTML.

Styles are inline, text keeps the notebook's own colour, and every colour that is set reads on a light and on
a dark page; no verdict is said by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from html import escape

from rnnlint.findings import Finding, Severity
from rnnlint.records import dataclass
from rnnlint.report import headline, next_steps, render, wording
from rnnlint.report.excerpt import excerpt, repair
from rnnlint.report.groups import Group, groups
from rnnlint.report.scene import Scene
from rnnlint.results import RunReport
from rnnlint.verdicts import GradientCheck, ParameterVerdict, Verdict

RED, GREEN, AMBER = "#e5484d", "#2b9a66", "#b7791f"
EDGE = "1px solid rgba(128, 128, 128, .35)"
CELL = f"text-align: left; padding: 2px 12px 2px 0; border: 0; border-bottom: {EDGE}; background: transparent"
CODE = "font-family: monospace; white-space: pre-wrap; background: rgba(128, 128, 128, .12); padding: 0 3px"
FAINT = "opacity: .75"
BAR = "display: inline-block"
SCALE = "0 right, 1 no better than zeros, 2 reversed"

_COLOURS = {
    Verdict.RIGHT: GREEN,
    Verdict.SCALED: GREEN,
    Verdict.WRONG: RED,
    Verdict.NOT_FINITE: RED,
}
_WORDS = {
    Verdict.SCALED: "right",
    Verdict.NOT_FINITE: "not finite",
    Verdict.UNINFORMATIVE: "zero",
    Verdict.UNPAIRED: "no gradient",
}


@dataclass(frozen=True)
class CheckedCells:
    """A report on cells, as a notebook shows it; ``executed`` tells whether the kernel has run the cell."""

    report: RunReport
    executed: bool = True

    def __repr__(self) -> str:
        """The text report, without the commands that need a file."""
        text = render(self.report, "text").rstrip("\n").partition("\nNext:  ")[0].rstrip("\n")
        return "\n\n".join((text, *self._remarks))

    def _repr_html_(self) -> str:
        """The same as HTML: the verdict, the table of parameters, the findings, the remarks."""
        rows = [*self._opening(), *self._tables(), *self._findings()]
        rows += [f'<p style="{FAINT}; margin: 6px 0">{_ticked(remark)}</p>' for remark in self._remarks]
        return f'<div style="max-width: 60em; line-height: 1.45">{"".join(rows)}</div>'

    @property
    def _remarks(self) -> tuple[str, ...]:
        """What to type next."""
        said: list[str] = []
        bugs = [finding for finding in self.report.findings if finding.severity is Severity.ERROR]
        if bugs:
            said.append(f"The derivation: !rnnlint rule {bugs[0].code}")
        if not self.executed:
            said.append("The cell was checked and not run in this kernel; `%%rnnlint --exec` does both.")
        return tuple(said)

    @cached_property
    def _checks(self) -> tuple[GradientCheck, ...]:
        return tuple(self.report.checks)

    @cached_property
    def _scene(self) -> Scene:
        home = self.report.files[0].path
        sources = {file.path.absolute(): file.source for file in self.report.files if file.source is not None}
        return Scene(home, sources)

    @cached_property
    def _groups(self) -> list[Group]:
        return groups(finding for finding in self.report.findings if finding.severity is Severity.ERROR)

    def _opening(self) -> Iterator[str]:
        """The verdict in one word, what was run, and why something was not checked."""
        file = self.report.files[0]
        findings = tuple(self.report.findings)
        lines = headline.opening(file.path, self._checks, findings, self._groups, ran=self.report.ran)
        said = " ".join(row.text for row in lines).removeprefix(str(file.path)).strip()
        word = next((word for word in ("NOT CHECKED", "WRONG", "RIGHT") if said.startswith(word)), "")
        colour = {"WRONG": RED, "RIGHT": GREEN}.get(word, AMBER)
        rest = escape(said.removeprefix(word))
        yield f'<p style="margin: 6px 0"><b style="color: {colour}">{word}</b>{rest}</p>'
        if self.report.ran:
            unchecked = headline.unchecked(self._checks, file.source, alone=len(self._checks) == 1)
            yield from _paragraphs(row.text.strip() for row in unchecked)
        yield from _paragraphs(note for each in self.report.files for note in each.notes)

    def _tables(self) -> Iterator[str]:
        fixed = {check.id: check for file in self.report.files for check in file.fixed}
        for check in self._checks:
            if check.parameters:
                yield from [f"<p><b>{escape(check.entry)}</b></p>"] if len(self._checks) > 1 else []
                yield _table(check, fixed.get(check.id))
                yield from _paragraphs(check.notes)

    def _findings(self) -> Iterator[str]:
        for group in self._groups:
            yield f'<p style="margin: 10px 0 2px"><b>{escape(group.thought.title)}</b></p>'
            yield from (self._finding(finding) for finding in group.findings)
            if group.thought.explanation:
                why = f'<pre style="{CODE}; margin: 2px 0 6px">{escape(group.thought.explanation)}</pre>'
                yield f'<details><summary style="{FAINT}">Why</summary>{why}</details>'
        others = [finding for finding in self.report.findings if finding.severity is not Severity.ERROR]
        if others:
            yield '<p style="margin: 10px 0 2px"><b>Unsafe, or wrong in some call</b></p>'
            yield from map(self._finding, others)
        hidden = next_steps.hidden(self.report.hidden_advice, self.report.hidden_possible, right=False)
        yield from _paragraphs(row.text for row in hidden)

    def _finding(self, finding: Finding) -> str:
        """Place and code, the line with what is wrong marked, what to write, why."""
        label = self._scene.label(finding.path, finding.span.line)
        source = self._scene.source(finding.path)
        shown = repair(finding, source)
        rows = [f'<b>{escape(label)}</b> <span style="{FAINT}">{finding.code}{escape(_cost(finding))}</span>']
        if source is not None:
            text = excerpt(source, shown.span or finding.span)
            before, after = text.text[: text.start], text.text[text.end :]
            marked = f'<span style="border-bottom: 2px solid {RED}">{escape(text.marked)}</span>'
            rows.append(f'<code style="{CODE}">{escape(before)}{marked}{escape(after)}</code>')
            if shown.instead:
                instead = f'<span style="border-bottom: 2px solid {GREEN}">{escape(shown.instead)}</span>'
                rows.append(f'<code style="{CODE}">{escape(before)}{instead}{escape(after)}</code>')
        rows += [f'<code style="{CODE}">+ {escape(added)}</code>' for added in shown.added]
        rows.append(_ticked(finding.message))
        return f'<div style="margin: 2px 0 8px 1em">{"<br>".join(rows)}</div>'


def _paragraphs(sentences: Iterable[str]) -> Iterator[str]:
    return (f'<p style="{FAINT}; margin: 2px 0">{_ticked(said)}</p>' for said in dict.fromkeys(sentences))


def _ticked(text: str) -> str:
    """Escaped text, with what stands between backticks as code."""
    parts = escape(text).split("`")
    if len(parts) % 2 == 0:  # a backtick without its other half
        return "`".join(parts)
    return "".join(f'<code style="{CODE}">{part}</code>' if n % 2 else part for n, part in enumerate(parts))


def _table(check: GradientCheck, fixed: GradientCheck | None) -> str:
    """A row a parameter: verdict, error as figure and bar, and the verdict with every fix made."""
    afterwards = {parameter.name: parameter for parameter in fixed.parameters} if fixed is not None else {}
    titles = ["parameter", "shape", "gradient", "error", ""] + (["with the fixes"] if afterwards else [])
    head = "".join(
        f'<th scope="col" style="{CELL}; font-weight: normal; {FAINT}">{each}</th>' for each in titles
    )
    body = "".join(_row(parameter, afterwards) for parameter in check.parameters)
    return (
        '<table style="border-collapse: collapse; margin: 6px 0; font-size: inherit">'
        f'<thead><tr style="background: transparent">{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _row(parameter: ParameterVerdict, afterwards: dict[str, ParameterVerdict]) -> str:
    error = parameter.relative_error
    figure = "" if error is None else wording.error(error)
    width = 0.0 if error is None else min(error / 2, 1) * 80
    colour = _COLOURS.get(parameter.verdict, AMBER)
    bar = (
        f'<span title="{SCALE}" style="{BAR}; width: 80px; border: {EDGE}; line-height: 0">'
        f'<span style="{BAR}; width: {width:.0f}px; height: 8px; background: {colour}"></span></span>'
    )
    cells = [
        f"<code>{escape(parameter.name)}</code>",
        escape(" × ".join(map(str, parameter.shape))),
        _verdict(parameter),
        figure,
        bar,
    ]
    if afterwards:
        cells.append(_verdict(afterwards[parameter.name]) if parameter.name in afterwards else "")
    return (
        '<tr style="background: transparent">'
        + "".join(f'<td style="{CELL}">{each}</td>' for each in cells)
        + "</tr>"
    )


def _verdict(parameter: ParameterVerdict) -> str:
    colour = _COLOURS.get(parameter.verdict, AMBER)
    word = _WORDS.get(parameter.verdict, parameter.verdict.value)
    return f'<span style="color: {colour}">{word}</span>'


def _cost(finding: Finding) -> str:
    if finding.evidence is None:
        return ""
    name: Sequence[str] = finding.evidence.parameters[:1]
    return f" (left alone: {' '.join(name)} {wording.error(finding.evidence.error_if_left)})"
