"""All that is said of one file and of the files it is used with, from the verdict to what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from rnnlint.findings import Finding, Severity
from rnnlint.records import dataclass
from rnnlint.report import headline, next_steps, parameters, wording
from rnnlint.report.groups import Group, bug_groups, groups
from rnnlint.report.layout import BLANK, Line, Segment, Style, line, paragraph
from rnnlint.report.scene import Scene
from rnnlint.report.side_notes import SAID_BY_THE_CHECK, side_notes
from rnnlint.results import FileReport, Origin, RunReport
from rnnlint.verdicts import GradientCheck


@dataclass(frozen=True, slots=True)
class Block:
    """A file, the project files told with it, and what all of them hold."""

    file: FileReport
    together: tuple[FileReport, ...]
    scene: Scene
    ran: bool

    @classmethod
    def of(cls, file: FileReport, project: Sequence[FileReport], report: RunReport) -> Block:
        """The block of ``file``; excerpts may come from every file of the report."""
        sources = {each.path.absolute(): each.source for each in report.files if each.source is not None}
        ran = report.ran and (file.origin is Origin.NAMED or bool(file.gradients))
        return cls(file, (file, *project), Scene(file.path, sources), ran)

    @property
    def checks(self) -> tuple[GradientCheck, ...]:
        """The gradient checks, of the file itself first."""
        return tuple(chain.from_iterable(each.gradients for each in self.together))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The shown findings, of the file itself first."""
        return tuple(chain.from_iterable(each.findings for each in self.together))

    @property
    def bugs(self) -> tuple[Finding, ...]:
        """The findings that make a gradient wrong."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def is_right(self) -> bool:
        """Whether something was measured and nothing was found to be wrong."""
        judged = any(check.judged for check in self.checks)
        return judged and not self.bugs and not any(check.wrong for check in self.checks)


def lines(block: Block, *, verbose: bool) -> list[Line]:
    """The block's lines."""
    if block.file.problem:
        return paragraph(block.file.problem)
    found = groups(block.bugs)
    return [
        *headline.opening(block.file.path, block.checks, block.findings, found, ran=block.ran),
        *(_not_measured(block) if block.ran else ()),
        *_sentences("Note:  ", (note for each in block.together for note in each.notes)),
        *bug_groups(found, block.scene),
        *_measured(block),
        *side_notes(block.findings, block.scene, brief=bool(block.bugs)),
        *_closing(block),
        *(chain.from_iterable(map(_details, block.checks)) if verbose else ()),
        *next_steps.what_next(block.file.path.as_posix(), _dearest_first(found, block), ran=block.ran),
    ]


def _sentences(first: str, sentences: Iterable[str]) -> list[Line]:
    """Each different sentence once."""
    return [row for sentence in dict.fromkeys(sentences) for row in paragraph(sentence, first=first)]


def _not_measured(block: Block) -> list[Line]:
    """Why a gradient was not checked; where none was, what reading alone has found."""
    checks, file = block.checks, block.file
    if checks:
        rows = headline.unchecked(checks, file.source, alone=len(checks) == 1)
    else:
        rows = paragraph(nothing_to_run(file), first="Why:   ")
    if not any(check.judged for check in checks):
        rows.extend(headline.reading_alone(block.findings))
    return rows


def nothing_to_run(file: FileReport) -> str:
    """Why a file has no gradient check at all."""
    if file.source is not None and file.source.problem is not None:
        return "it is not Python; the syntax error is below."
    if file.source is not None and not file.source.text.strip():
        return "the file is empty."
    return "no backward pass was found in it."


def _measured(block: Block) -> list[Line]:
    """Now and fixed, for every check that found something wrong."""
    fixed = {check.id: check for each in block.together for check in each.fixed}
    fixes = sum(finding.fix is not None for finding in block.bugs)
    rows: list[Line] = []
    for check in block.checks:
        if check.wrong:
            rows.append(BLANK)
            rows.extend([line(Segment(check.entry, Style.BOLD))] if len(block.checks) > 1 else ())
            rows.extend(parameters.table(check, fixed.get(check.id) if fixes else None, fixes))
    return rows


def closing(block: Block) -> list[tuple[str, str]]:
    """What is harmless, what differs, and what the run did without: each with the word that opens it."""
    differing = (check.difference for check in block.checks if check.difference)
    notes = (note for check in block.checks for note in check.notes)
    layers = dict.fromkeys(layer for check in block.checks for layer in check.missing_layers)
    return [
        *(("", said) for said in map(parameters.scale, block.checks) if said),
        *(("Your forward differs: ", said) for said in dict.fromkeys(differing)),
        *(("", said) for said in dict.fromkeys(notes)),
        *([("Sandbox without: ", f"{', '.join(layers)} (rnnlint doctor tells more).")] if layers else ()),
    ]


def _closing(block: Block) -> list[Line]:
    """As :func:`closing`, and how much is hidden."""
    rows = [row for first, said in closing(block) for row in paragraph(said, first=first)]
    hidden = [f for each in block.together for f in each.hidden if f.code not in SAID_BY_THE_CHECK]
    advice = [finding for finding in hidden if finding.severity is Severity.ADVICE]
    possible = [finding for finding in hidden if finding.severity is not Severity.ADVICE]
    rows.extend(next_steps.hidden(advice, possible, right=block.is_right))
    directly_below = block.is_right and not block.findings
    return rows if directly_below or not rows else [BLANK, *rows]


def _dearest_first(found: Sequence[Group], block: Block) -> tuple[Finding, ...]:
    bugs = tuple(finding for group in found for finding in group.findings)
    others = (finding for finding in block.findings if finding.severity is not Severity.ERROR)
    return (*bugs, *(finding for finding in others if finding.code not in SAID_BY_THE_CHECK))


def _details(check: GradientCheck) -> list[Line]:
    """For ``--verbose``: what a verdict rests on, and every figure."""
    facts = {
        "cell": check.kind,
        "forward": check.forward,
        "judged by": ", ".join(check.oracles),
        "loss": check.loss,
        "convention": check.convention,
        "sandbox": ", ".join(check.sandbox),
    }
    rows = [BLANK, line(Segment(check.entry or str(check.path), Style.BOLD))]
    for name, fact in facts.items():
        rows.extend(paragraph(fact, first=f"   {name:<12}") if fact else ())
    for parameter in check.parameters:
        shape = "×".join(map(str, parameter.shape)) or "scalar"
        figures = [f"{parameter.name} ← {parameter.gradient or 'nothing'}", shape, parameter.verdict.value]
        if parameter.relative_error is not None:
            figures.append(f"error {wording.scientific(parameter.relative_error)}")
        if parameter.cosine is not None:
            figures.append(f"cosine {parameter.cosine:.4f}")
        if parameter.ratio is not None:
            figures.append(f"ratio {parameter.ratio:.4g}")
        rows.extend(paragraph(", ".join(figures), indent=3))
    return rows
