"""What rnnlint does, as functions: pure towards the screen, they print nothing and never exit.

:func:`check` is the command line's work; :func:`lint` its static half for one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from rnnlint.checking import Checker, Request, UnmetSandboxError, cache_of_user
from rnnlint.config import Config
from rnnlint.findings import Finding, Fix
from rnnlint.model.project import Project
from rnnlint.model.shelf import Shelf
from rnnlint.results import Change, FileReport, Origin, RunOptions, RunReport
from rnnlint.selection import Selection
from rnnlint.source import read_source

__all__ = ["Request", "UnmetSandboxError", "check", "lint"]


def lint(path: Path) -> tuple[Finding, ...]:
    """The static findings of one file at every confidence; nothing is run.

    Raises :class:`rnnlint.source.UnreadableSourceError` where it cannot be read.
    """
    from rnnlint.rules import lint as run_rules

    source = read_source(path.absolute())
    return tuple(run_rules(Project.of(source), source))


def check(
    requests: Sequence[Request],
    options: RunOptions,
    config: Config,
    announce: Callable[[Path], None] = lambda path: None,
) -> RunReport:
    """Static findings for every file; the gradient check, proofs and fixes for those that are to be run.

    A file is run where ``options.run`` says so, or, where that is None, if it was named itself. With
    ``options.fix`` the fixes are written and the report is of the files as they are afterwards; with
    ``options.diff`` they are only shown, in :attr:`RunReport.changes`. ``announce`` is told which file is at
    hand, the last time before an exception.

    Raises :class:`rnnlint.config.ConfigurationError` for a selector that is no rule's,
    :class:`rnnlint.rewriting.UnwritableFixError` where a fix cannot be put back, and
    :class:`UnmetSandboxError` where ``options.sandbox`` requires what the machine does not offer.
    """
    selection = Selection.of(config, options)
    with ExitStack() as stack:
        checker = Checker(options, config, selection, stack)
        reports = _reports(checker, requests, announce)
        changes: tuple[Change, ...] = ()
        if options.fix or options.diff:
            changes = _changes(reports, options)
            if options.fix and changes:
                reports = _reports(checker, requests, announce)
    if options.cache and any(request.origin is Origin.FOUND for request in requests):
        cache_of_user().tidy()
    return RunReport(_one_a_file(reports), ran=checker.ran, changes=changes)


def _reports(
    checker: Checker, requests: Sequence[Request], announce: Callable[[Path], None]
) -> tuple[FileReport, ...]:
    if len(requests) > 1:
        from rnnlint.parallel import pays

        if pays(requests, checker.options):
            return _reports_of_many(checker, requests, announce)
    found: list[FileReport] = []
    shelf = Shelf()
    for request in requests:
        announce(request.path)
        found.extend(checker.reports(request, shelf))
    return tuple(found)


def _reports_of_many(
    checker: Checker, requests: Sequence[Request], announce: Callable[[Path], None]
) -> tuple[FileReport, ...]:
    from rnnlint.parallel import FailedFileError, reports_of

    try:
        made = tuple(reports_of(requests, checker.options, checker.config))
    except FailedFileError as failed:
        announce(failed.path)
        raise
    return tuple(report for reports in made for report in reports)


def _changes(reports: Sequence[FileReport], options: RunOptions) -> tuple[Change, ...]:
    """The fixes of the shown findings, each file's together; written where ``options.fix``."""
    from rnnlint.fixes import apply_fixes
    from rnnlint.rewriting import rewritten, write_fixed

    fixes = [fix for report in reports for fix in _usable(report, options)]
    sources = {report.source.path: report.source for report in reports if report.source is not None}
    applied = apply_fixes({path: source.text for path, source in sources.items()}, fixes)
    changes: list[Change] = []
    for path, edits in applied.edits.items():
        source = sources[path]
        count = sum(any(edit.path == path for edit in fix.edits) for fix in applied.applied)
        after = rewritten(source, edits)
        if options.fix and not options.diff:
            write_fixed(source, edits)
        written = options.fix and not options.diff
        changes.append(Change(path, source.original, after, count, written=written))
    return tuple(changes)


def _usable(report: FileReport, options: RunOptions) -> list[Fix]:
    fixes = (finding.fix for finding in report.findings if finding.fix is not None)
    return [fix for fix in fixes if fix.safe or options.unsafe_fixes or options.diff]


def _one_a_file(reports: Iterable[FileReport]) -> tuple[FileReport, ...]:
    """Each file once: where several requests brought it in, as the first that named or found it."""
    best: dict[Path, FileReport] = {}
    for report in reports:
        key = report.path.absolute()
        known = best.get(key)
        if known is None or (known.origin is Origin.PROJECT and report.origin is not Origin.PROJECT):
            best[key] = report
    return tuple(best.values())
