"""``%%rnnlint`` checks a cell with all that the kernel has defined before it, ``%rnnlint`` the whole session.

The kernel's own objects are never touched: what is checked is the text of its cells, and what is run is run
in the sandbox, as for a file.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from rnnlint.findings import Confidence
from rnnlint.notebook.session import path_of_notebook, program_of
from rnnlint.records import replace

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from rnnlint.notebook.display import CheckedCells
    from rnnlint.results import FileReport, RunReport
    from rnnlint.source import Cell, Source
    from rnnlint.verdicts import GradientCheck


def register(shell: InteractiveShell) -> None:
    """Give ``shell`` the magics ``%rnnlint`` and ``%%rnnlint``."""

    def rnnlint(line: str, cell: str | None = None) -> CheckedCells:
        """The magic itself; its page is the parser's."""
        return _checked(shell, line, cell)

    rnnlint.__doc__ = parser().format_help()
    shell.magics_manager.register_function(rnnlint, magic_kind="line_cell", magic_name="rnnlint")


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints the kernel shows in a line."""

    def error(self, message: str) -> Any:
        """Raises IPython's error for a mistyped magic."""
        raise UsageError(f"%rnnlint: {message} (%rnnlint? lists the options.)")


def parser() -> argparse.ArgumentParser:
    """The options of both magics, and their page."""
    made = _Parser(
        "%rnnlint",
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "%%rnnlint [options]   check this cell, with all that was defined before it\n"
            "%rnnlint [options]    check everything this session has run\n\n"
            "The text of the cells is read, and their forward and backward pass are run on small random\n"
            "numbers in a sandbox. The cell itself is not run in the kernel, except with --exec."
        ),
    )
    made.add_argument(
        "--exec", action="store_true", help="run the cell in the kernel as well, as without %%%%rnnlint"
    )
    made.add_argument("--no-run", action="store_true", help="read the cells only")
    made.add_argument("--entry", metavar="NAMES", help='the pass to run: backward, or "forward -> backward"')
    made.add_argument("--seed", type=int, help="repeat a check: its seed is in its table")
    made.add_argument("--show-advice", action="store_true", help="show training notes")
    made.add_argument(
        "--min-confidence", choices=[each.value for each in Confidence], help="show findings from this one up"
    )
    return made


def _checked(shell: InteractiveShell, line: str, cell: str | None) -> CheckedCells:
    from rnnlint.notebook.display import CheckedCells

    options = parser().parse_args(_words(line))
    if options.exec and cell is None:
        raise UsageError("%rnnlint: --exec belongs to %%rnnlint, which has a cell to run.")
    cells, current = _cells(shell, cell)
    source = program_of(cells, path_of_notebook(shell.user_ns), current)
    report = _report(source, options)
    if cell is not None:
        report = _of_cell(report, current)
    if options.exec and cell is not None:
        run_in_kernel: Callable[..., object] = shell.run_cell
        run_in_kernel(cell, store_history=False)
    return CheckedCells(report, executed=cell is None or options.exec)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%rnnlint: {error}.") from None


def _cells(shell: InteractiveShell, cell: str | None) -> tuple[list[tuple[int, str]], int]:
    """The cells that were run, by execution count, the current one last; and its count."""
    history = shell.history_manager.input_hist_raw if shell.history_manager is not None else [""]
    cells = list(enumerate(history))[1:]
    if cell is not None and not (cells and cells[-1][1].rstrip().endswith(cell.rstrip())):
        cells.append((len(history), f"%%rnnlint\n{cell}"))  # called by a program, which leaves no history
    return cells, cells[-1][0] if cells else 0


def _report(source: Source, options: argparse.Namespace) -> RunReport:
    from rnnlint import api
    from rnnlint.config import ConfigurationError, load_config
    from rnnlint.results import RunOptions

    asked = RunOptions(
        run=not options.no_run,
        entry=options.entry,
        seed=options.seed,
        show_advice=options.show_advice,
        min_confidence=Confidence(options.min_confidence) if options.min_confidence else None,
    )
    try:
        config = load_config(source.path)
    except ConfigurationError as error:
        raise UsageError(str(error)) from None
    report = api.check([api.Request(source.path, source=source)], asked, config)
    from rnnlint.report.paths import as_seen_from

    return as_seen_from(report, source.path.parent)


def _of_cell(report: RunReport, number: int) -> RunReport:
    """What concerns cell ``number``: its own findings, and the passes in it with what they rest on.

    A cell without a pass of its own (a helper that others call) is told with all passes of the session.
    """
    own, *others = report.files
    cell = next((each for each in own.source.cells if each.number == number), None) if own.source else None
    if cell is None:
        return report
    checks = tuple(check for check in own.gradients if _holds(cell, check.line))
    if not checks:
        return report
    return replace(report, files=(_narrowed(own, cell, checks), *others))


def _narrowed(file: FileReport, cell: Cell, checks: Sequence[GradientCheck]) -> FileReport:
    kept = {check.id for check in checks}
    findings = tuple(
        finding
        for finding in file.findings
        if _holds(cell, finding.span.line)
        or (finding.evidence is not None and finding.evidence.gradient in kept)
    )
    fixed = tuple(check for check in file.fixed if check.id in kept)
    return replace(file, findings=findings, gradients=tuple(checks), fixed=fixed)


def _holds(cell: Cell, line: int) -> bool:
    return cell.first_line <= line < cell.first_line + cell.line_count
