"""One file after the other: read it, find, measure, diagnose, and report what is to be shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlint.config import Config
from rnnlint.deadline import SECONDS_A_FILE, Deadline
from rnnlint.discovery import speaks_of_backward_pass
from rnnlint.findings import Finding
from rnnlint.model.project import Project
from rnnlint.model.shelf import Shelf
from rnnlint.records import dataclass, replace
from rnnlint.results import FileReport, Origin, RunOptions, SandboxMode
from rnnlint.selection import Selection
from rnnlint.source import Source, UnreadableSourceError, read_source
from rnnlint.verdicts import Reason

if TYPE_CHECKING:
    from rnnlint.findings_cache import FindingsCache
    from rnnlint.gradients import PreparedCheck
    from rnnlint.sandbox import Runner
    from rnnlint.verdicts import GradientCheck

MOST_NEIGHBOURS = 12
"""How many project files beside a named one are read for findings of their own."""

ALWAYS_SHOWN = frozenset({"RNN907"})
"""Nobody may take silence for a right gradient."""


@dataclass(frozen=True, slots=True)
class Request:
    """One file to check: where it is, how it came into the run, and its text where it is not on disk.

    ``alone`` keeps out the files around ``path``: a text without a place of its own has no project.
    """

    path: Path
    origin: Origin = Origin.NAMED
    source: Source | None = None
    alone: bool = False


class UnmetSandboxError(Exception):
    """A layer of the sandbox is missing where all were required; nothing has been run."""

    def __init__(self, missing: Sequence[tuple[str, str]]) -> None:
        reasons = ", ".join(f"{layer} ({reason})" for layer, reason in missing)
        super().__init__(f"--sandbox require: this machine does not offer {reasons}; nothing was run.")


class Checker:
    """Checks one request after the other with one runner, started when the first of them is to be run."""

    def __init__(self, options: RunOptions, config: Config, selection: Selection, stack: ExitStack) -> None:
        self.options = options
        self.config = config
        self.selection = selection
        self.ran = False
        self._stack = stack
        self._runner: Runner | None = None

    def reports(self, request: Request, shelf: Shelf) -> Iterator[FileReport]:
        """The file's own report, then those of the project files beside it that have something to say.

        ``shelf`` holds the files read so far; it is for files that did not change since.
        """
        runs = self.options.run if self.options.run is not None else request.origin is Origin.NAMED
        runner = self._started_runner() if runs else None
        deadline = Deadline.after(SECONDS_A_FILE)
        try:
            source = request.source or read_source(request.path.absolute())
        except UnreadableSourceError as error:
            yield FileReport(request.path, request.origin, problem=_relative_message(error, request.path))
            return
        project = Project.alone(source) if request.alone else Project.of(source, shelf)
        if runner is None:
            yield from self._of_project(request, project, self._read(project, request.origin))
            return
        from rnnlint.beside import Beside

        with Beside(partial(self._read, project, request.origin)) as reading:
            scenarios = _scenarios(project, self.options, self.config, runner, deadline)
            findings = reading.result()
        if request.origin is Origin.FOUND:  # of a file that nobody named, no backward pass is expected
            scenarios = [each for each in scenarios if each.check.reason_code is not Reason.NO_BACKWARD]
        yield from self._divided(request, project, findings, scenarios, deadline)

    def _read(self, project: Project, origin: Origin) -> list[Finding]:
        """What reading finds; in a folder's file the cache may know it."""
        if not self.options.cache or origin is not Origin.FOUND:
            return _static_findings(project, origin)
        cache = cache_of_user()
        known = cache.get(project)
        if known is None:
            known = _static_findings(project, origin)
            cache.put(project, known)
        return known

    def _divided(
        self,
        request: Request,
        project: Project,
        findings: Sequence[Finding],
        scenarios: Sequence[PreparedCheck],
        deadline: Deadline,
    ) -> Iterator[FileReport]:
        if not scenarios:
            yield from self._of_project(request, project, findings)
            return
        from rnnlint.diagnosis import diagnose

        diagnosis = diagnose(project, findings, scenarios, deadline)
        checks = tuple(self._with_layers(check) for check in diagnosis.checks)
        if self.options.walk:
            from rnnlint.diagnosis.walk import with_walk

            checks = tuple(with_walk(project, check, scenarios) for check in checks)
        yield from self._of_project(request, project, diagnosis.findings, checks, diagnosis.fixed)

    def _of_project(
        self,
        request: Request,
        project: Project,
        findings: Sequence[Finding],
        checks: tuple[GradientCheck, ...] = (),
        fixed: tuple[GradientCheck, ...] = (),
    ) -> Iterator[FileReport]:
        yield self._report(project, request.path, request.origin, findings, checks, fixed)
        for path in _neighbours(project):
            report = self._report(project, path, Origin.PROJECT, findings)
            if report.findings or report.hidden:
                yield report

    def _report(
        self,
        project: Project,
        path: Path,
        origin: Origin,
        findings: Sequence[Finding],
        checks: tuple[GradientCheck, ...] = (),
        fixed: tuple[GradientCheck, ...] = (),
    ) -> FileReport:
        from rnnlint.suppressions import apply

        own_path = path.absolute()
        source = project.files[own_path]
        own = sorted((f for f in findings if f.path == own_path), key=lambda finding: finding.order)
        heeded = apply(source, own, numbers_known=bool(checks)).shown
        shown, hidden = self.selection.split(heeded)
        forced = tuple(finding for finding in hidden if finding.code in ALWAYS_SHOWN)
        return FileReport(
            path,
            origin,
            source,
            findings=(*shown, *forced),
            hidden=tuple(finding for finding in hidden if finding not in forced),
            gradients=checks,
            fixed=fixed,
            notes=_reading_notes(project, source, checks) if origin is not Origin.PROJECT else (),
        )

    def _started_runner(self) -> Runner:
        from rnnlint.sandbox import LAYERS, Runner

        self.ran = True
        if self._runner is None:
            off = self.options.sandbox is SandboxMode.OFF
            self._runner = self._stack.enter_context(Runner(without=LAYERS if off else ()))
            self._runner.start()  # the zygote loads NumPy while the parser works
            if self.options.sandbox is SandboxMode.REQUIRE and self._runner.missing_layers:
                raise UnmetSandboxError(self._runner.missing_layers)
        return self._runner

    def _with_layers(self, check: GradientCheck) -> GradientCheck:
        """``check`` with the walls that stood round its run."""
        if self._runner is None:
            return check
        missing = tuple(layer for layer, _ in self._runner.missing_layers)
        return replace(check, sandbox=self._runner.layers, missing_layers=missing)


def cache_of_user() -> FindingsCache:
    """What was found in the files of folders before."""
    from rnnlint.findings_cache import FindingsCache, cache_folder

    return FindingsCache(cache_folder())


def _static_findings(project: Project, origin: Origin) -> list[Finding]:
    """Findings of the file and, where it was named itself, of the project files it works with."""
    from rnnlint.rules import lint as run_rules

    findings = list(run_rules(project, project.source))
    if origin is Origin.NAMED:
        for path in _neighbours(project):
            source = project.files[path]
            if speaks_of_backward_pass(source.text.encode()):
                findings.extend(run_rules(replace(project, target=path), source))
    return findings


def _neighbours(project: Project) -> tuple[Path, ...]:
    """What the file imports, then what imports it; bounded."""
    paths = dict.fromkeys((*project.closure(project.target)[1:], *project.callers))
    paths.pop(project.target, None)
    readable = (path for path in paths if path in project.files and project.files[path].problem is None)
    return tuple(readable)[:MOST_NEIGHBOURS]


def _scenarios(
    project: Project, options: RunOptions, config: Config, runner: Runner, deadline: Deadline
) -> Sequence[PreparedCheck]:
    from rnnlint.gradients import prepare

    source = project.source
    if source.problem is not None or not source.text.strip():
        return ()
    stated = config.stated_for(source.path)
    return prepare(
        project, source, runner, seed=options.seed, entry=options.entry, explicit=stated, deadline=deadline
    )


def _reading_notes(project: Project, source: Source, checks: Sequence[GradientCheck]) -> tuple[str, ...]:
    """How the file and its project were read, unless a check says so already."""
    said = {note for check in checks for note in check.notes}
    return tuple(note for note in (*source.notes, *project.notes) if note not in said)


def _relative_message(error: UnreadableSourceError, path: Path) -> str:
    return str(error).replace(str(path.absolute()), str(path))
