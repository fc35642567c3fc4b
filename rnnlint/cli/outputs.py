"""Several reports of one run: ``--output-format text --output-format json --output-file report.json``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from rnnlint.cli.failures import Mistake
from rnnlint.records import dataclass
from rnnlint.report import WITH_RULE_TEXTS, missing_library, render, statistics
from rnnlint.results import RunReport


@dataclass(frozen=True, slots=True)
class Output:
    """One report: its format, and the file it goes to, or None for standard output."""

    format: str
    file: Path | None = None


def pair(words: Iterable[tuple[str, str]]) -> tuple[Output, ...]:
    """The outputs of ``(option, value)`` in their order: a file belongs to the format before it.

    A file that comes before any format belongs to the first one. Raises :class:`click.UsageError` where two
    files are given for one format, or two reports would go to one place.
    """
    outputs: list[Output] = []
    waiting: Path | None = None
    for option, value in words:
        if option == "output_format":
            outputs.append(Output(value, waiting))
            waiting = None
        elif not outputs and waiting is None:
            waiting = Path(value)
        elif outputs and outputs[-1].file is None:
            outputs[-1] = Output(outputs[-1].format, Path(value))
        else:
            raise click.UsageError("Two --output-file for one --output-format.")
    if waiting is not None:
        outputs.append(Output("text", waiting))
    places = [None if output.file == Path("-") else output.file for output in outputs]
    if len(set(places)) < len(places):
        raise click.UsageError("Two reports in one place: give each --output-format its own --output-file.")
    made = tuple(Output(output.format, place) for output, place in zip(outputs, places, strict=True))
    return made or (Output("text"),)


def require_libraries(outputs: Iterable[Output]) -> None:
    """Raise :class:`Mistake` where a format cannot be rendered, before any work is done for it."""
    for output in outputs:
        if sentence := missing_library(output.format):
            raise Mistake(sentence)


def _write_files(files: Mapping[Path, bytes]) -> None:
    from rnnlint.atomic import write_all

    try:
        write_all(files)
    except OSError as error:
        raise Mistake(f"{error.filename}: cannot be written ({error.strerror or error}).") from None


def write(
    report: RunReport, outputs: Sequence[Output], *, verbose: bool, only_statistics: bool = False
) -> None:
    """Render every output and write them: all files, or, where one cannot be written, none.

    With ``only_statistics`` the text on standard output is the table of how often each rule speaks.
    """
    if any(output.format in WITH_RULE_TEXTS for output in outputs):
        from rnnlint.pages import with_rules

        report = with_rules(report)
    files: dict[Path, bytes] = {}
    for output in outputs:
        if output.file is not None:
            files[output.file] = render(report, output.format, verbose=verbose).encode()
    if files:
        _write_files(files)
    shown = ""
    for output in outputs:
        if output.file is None and output.format == "text" and only_statistics:
            shown = statistics.render(report)
            click.echo(shown, nl=False)
        elif output.file is None:
            colour = _wants_colour()
            shown = render(report, output.format, verbose=verbose, colour=colour)
            click.echo(shown, nl=False, color=True if colour else None)
    _warn_of_missing_layers(report, shown)


def _warn_of_missing_layers(report: RunReport, shown: str) -> None:
    """Say beside a report that has no place for it which walls the code was run without."""
    layers = dict.fromkeys(layer for check in report.checks for layer in check.missing_layers)
    if layers and "Sandbox without: " not in shown:
        click.echo(f"rnnlint: run without {', '.join(layers)} (rnnlint doctor tells more).", err=True)


def is_terminal() -> bool:
    """Whether somebody reads standard output as it comes."""
    return sys.stdout.isatty()


def _wants_colour() -> bool:
    """On a terminal that is not called dumb, unless NO_COLOR is set (https://no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
