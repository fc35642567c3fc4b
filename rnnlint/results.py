"""What a run was asked and what it found: the plain data that pass between the API, the reports and the CLI.

No NumPy and no engine here, so that a report loads without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.findings import Confidence, Finding, Severity
from rnnlint.records import dataclass
from rnnlint.verdicts import GradientCheck, Status

if TYPE_CHECKING:
    from rnnlint.source import Source


class Origin(StrEnum):
    """How a file came into the run."""

    NAMED = "named"  # on the command line
    FOUND = "found"  # in a directory that was named
    PROJECT = "project"  # imported by, or importing, one of those


class SandboxMode(StrEnum):
    """What to do where a layer of the sandbox is missing."""

    AUTO = "auto"  # go on, and say which layers are missing
    REQUIRE = "require"  # do not run
    OFF = "off"  # run without a sandbox


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asks of one run; ``None`` leaves the answer to the configuration."""

    run: bool | None = None  # None: run the files that are named themselves
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    min_confidence: Confidence | None = None
    fail_on: Severity | None = None
    exit_zero: bool = False
    require_check: bool = False
    show_advice: bool = False
    verbose: bool = False
    seed: int | None = None
    sandbox: SandboxMode = SandboxMode.AUTO
    cache: bool = True  # keep what reading finds in the files of folders
    walk: bool = False  # also: what each statement of a wrong backward pass made at each step
    entry: str | None = None  # the pass to check: "backward", or "forward -> backward" to pair two


@dataclass(frozen=True, slots=True)
class FileReport:
    """All that is said of one file.

    ``findings`` are those to show, ``hidden`` those below the asked confidence or severity (counted in one
    line, never judged). ``gradients`` holds one check a scenario; ``fixed`` the same scenarios run with every
    fix applied, empty where nothing was to be fixed. ``problem`` is one sentence where the file could not be
    read at all; ``notes`` are whole sentences about reading it (a substituted module, a skipped cell).
    """

    path: Path
    origin: Origin = Origin.NAMED
    source: Source | None = None
    findings: tuple[Finding, ...] = ()
    hidden: tuple[Finding, ...] = ()
    gradients: tuple[GradientCheck, ...] = ()
    fixed: tuple[GradientCheck, ...] = ()
    problem: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether some parameter's gradient was measured to be wrong."""
        return any(check.wrong for check in self.gradients)


@dataclass(frozen=True, slots=True)
class Change:
    """A file as the fixes make it: its stored text before and after (a notebook's is its JSON)."""

    path: Path
    before: str
    after: str
    fixes: int
    written: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run."""

    files: int
    errors: int
    warnings: int
    advice: int
    wrong_parameters: int
    checked_parameters: int


@dataclass(frozen=True, slots=True)
class RuleText:
    """What the catalogue says of a rule: its first sentence, and its whole page in Markdown."""

    code: str
    name: str
    severity: Severity
    summary: str
    page: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything a run has to say, in the order of the files asked for.

    ``ran`` tells whether the gradient check was asked for at all; ``changes`` what ``--diff`` shows or
    ``--fix`` wrote; ``skipped`` how many files of a folder hold no word of a backward pass; ``rules`` the
    text of every rule that has a finding here, where :func:`rnnlint.pages.with_rules` has put it.
    """

    files: tuple[FileReport, ...] = ()
    ran: bool = True
    changes: tuple[Change, ...] = ()
    skipped: int = 0
    rules: tuple[RuleText, ...] = ()

    @property
    def findings(self) -> Iterator[Finding]:
        """The shown findings of all files."""
        return (finding for file in self.files for finding in file.findings)

    @property
    def checks(self) -> Iterator[GradientCheck]:
        """The gradient checks of all files."""
        return (check for file in self.files for check in file.gradients)

    @property
    def hidden_advice(self) -> tuple[Finding, ...]:
        """Training notes that are only counted."""
        return tuple(f for file in self.files for f in file.hidden if f.severity is Severity.ADVICE)

    @property
    def hidden_possible(self) -> tuple[Finding, ...]:
        """Errors and warnings below the asked confidence."""
        return tuple(f for file in self.files for f in file.hidden if f.severity is not Severity.ADVICE)

    @property
    def summary(self) -> Summary:
        """The figures of the run, of what is shown."""
        severities = [finding.severity for finding in self.findings]
        checks = tuple(self.checks)
        return Summary(
            files=len(self.files),
            errors=severities.count(Severity.ERROR),
            warnings=severities.count(Severity.WARNING),
            advice=severities.count(Severity.ADVICE),
            wrong_parameters=sum(len(check.wrong) for check in checks),
            checked_parameters=sum(len(check.judged) for check in checks),
        )


class ExitStatus:
    """The exit statuses of the command line: a contract."""

    CLEAN = 0
    FOUND = 1
    USAGE = 2
    INTERNAL = 3


def exit_status(report: RunReport, fail_on: Severity = Severity.ERROR, require_check: bool = False) -> int:
    """0, 1 or 2 for a finished run.

    1 where a shown finding is at or above ``fail_on`` or a gradient is wrong, with ``require_check`` also
    where a file named itself holds a gradient that was not checked; 2 where such a file could not be read.
    """
    if any(file.problem for file in report.files if file.origin is Origin.NAMED):
        return ExitStatus.USAGE
    if any(finding.severity.rank >= fail_on.rank for finding in report.findings):
        return ExitStatus.FOUND
    if any(check.wrong for check in report.checks):
        return ExitStatus.FOUND
    if require_check and any(_unchecked(file) for file in report.files):
        return ExitStatus.FOUND
    return ExitStatus.CLEAN


def _unchecked(file: FileReport) -> bool:
    if any(check.status is not Status.CHECKED for check in file.gradients):
        return True
    return file.origin is Origin.NAMED and not file.gradients
