"""One check of the paths that a command line names: settings, files, report, exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnlint import api
from rnnlint.cli.commands import COMMANDS
from rnnlint.cli.failures import Mistake, Progress
from rnnlint.cli.outputs import Output, require_libraries, write
from rnnlint.cli.targets import targets_of
from rnnlint.config import Config, ConfigurationError, load_config, read_config
from rnnlint.discovery import SUFFIXES, may_hold_backward_pass
from rnnlint.records import replace
from rnnlint.report.changes import diffs, summary
from rnnlint.report.paths import as_seen_from
from rnnlint.results import ExitStatus, FileReport, Origin, RunOptions, RunReport, exit_status
from rnnlint.selection import Selection
from rnnlint.source import UnreadableSourceError, decode_source

if TYPE_CHECKING:
    from rnnlint.baseline import Baseline

STANDARD_INPUT = Path("-")


def check_once(
    paths: Sequence[Path],
    options: RunOptions,
    words: dict[str, Any],
    outputs: Sequence[Output],
    progress: Progress,
) -> tuple[int, tuple[Path, ...]]:
    """The exit status, and the files that were looked at."""
    require_libraries(outputs)
    for path in paths:
        _must_exist(path)
    start = Path(words["stdin_filename"] or "stdin.py") if paths[0] == STANDARD_INPUT else paths[0]
    try:
        config = read_config(words["config"]) if words["config"] else load_config(start)
        Selection.of(
            config, options
        )  # a word that is no rule's is an error even where there is nothing to check
        accepted = _accepted(words["baseline"])
    except ConfigurationError as error:
        raise Mistake(str(error)) from None

    targets = targets_of(
        [path for path in paths if path != STANDARD_INPUT],
        config,
        skip_irrelevant=words["skip_irrelevant"],
        force_exclude=words["force_exclude"],
    )
    relevant = [t for t in targets if t.origin is Origin.NAMED or may_hold_backward_pass(t.path)]
    if not targets and STANDARD_INPUT not in paths and not words["force_exclude"]:
        raise Mistake(f"{', '.join(map(str, paths))}: holds no Python file and no notebook; name one.")

    requests = [api.Request(target.path, target.origin) for target in relevant]
    if STANDARD_INPUT in paths:
        name = Path(words["stdin_filename"] or "<stdin>").absolute()
        requests.insert(0, _standard_input(name, alone=not words["stdin_filename"]))
    report = replace(_report(requests, options, config, progress), skipped=len(targets) - len(relevant))
    progress.path = None
    if accepted is not None:
        files = tuple(replace(file, findings=accepted.without_known(file)) for file in report.files)
        report = replace(report, files=files)
    if words["write_baseline"]:
        _write_baseline(words["write_baseline"], report.files)
        return ExitStatus.CLEAN, ()
    report = as_seen_from(report, Path.cwd())
    if options.diff:
        click.echo(diffs(report.changes), nl=False)
    else:
        write(report, outputs, verbose=options.verbose, only_statistics=words["statistics"])
    if options.diff or options.fix:
        click.echo(summary(report, unsafe=options.unsafe_fixes), err=True)
    status = exit_status(report, options.fail_on or config.fail_on, options.require_check)
    if options.exit_zero and status == ExitStatus.FOUND:
        status = ExitStatus.CLEAN
    return status, tuple(file.path for file in report.files)


def _report(
    requests: Sequence[api.Request], options: RunOptions, config: Config, progress: Progress
) -> RunReport:
    """The run itself; what the user can put right about it becomes a :class:`Mistake`."""
    mistakes: list[type[Exception]] = [api.UnmetSandboxError]
    if options.fix or options.diff:
        from rnnlint.rewriting import UnwritableFixError

        mistakes.append(UnwritableFixError)
    try:
        return api.check(requests, options, config, progress.at)
    except tuple(mistakes) as error:
        raise Mistake(str(error)) from None


def _must_exist(path: Path) -> None:
    if path == STANDARD_INPUT:
        return
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        raise Mistake(f"{path}: the folder cannot be read (permission denied).")
    if path.exists():
        return
    if path.is_symlink():
        raise Mistake(f"{path}: is a link to {path.readlink()}, where there is nothing.")
    import difflib

    folder = path.parent if path.parent.is_dir() else Path()
    neighbours = [str(folder / each.name) for each in folder.iterdir() if each.suffix in SUFFIXES]
    close = difflib.get_close_matches(str(path), [*neighbours, *COMMANDS], 1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise Mistake(f"{path}: there is no such file or folder.{hint}")


def _standard_input(name: Path, *, alone: bool) -> api.Request:
    try:
        source = decode_source(name, sys.stdin.buffer.read())
    except UnreadableSourceError as error:
        raise Mistake(str(error)) from None
    return api.Request(name, source=source, alone=alone)


def _accepted(file: Path | None) -> Baseline | None:
    if file is None:
        return None
    from rnnlint.baseline import read_baseline

    return read_baseline(file)


def _write_baseline(file: Path, files: Sequence[FileReport]) -> None:
    from rnnlint.baseline import written

    try:
        file.write_text(written(files, file), encoding="utf-8")
    except OSError as error:
        raise Mistake(f"{file}: cannot be written ({error.strerror or error}).") from None
    accepted = sum(len(each.findings) for each in files)
    click.echo(f"{file}: {accepted} finding{'' if accepted == 1 else 's'} accepted.", err=True)
