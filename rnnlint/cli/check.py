"""``rnnlint check``: options in, one call of the API, reports out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnlint import api
from rnnlint.cli.commands import COMMANDS, HELP_OPTIONS
from rnnlint.cli.failures import Mistake, Progress
from rnnlint.cli.outputs import Output, pair, require_libraries, write
from rnnlint.config import Config, ConfigurationError, load_config, read_config
from rnnlint.discovery import SUFFIXES, discover, may_hold_backward_pass
from rnnlint.findings import Confidence, Severity
from rnnlint.report import FORMATS
from rnnlint.report.changes import diffs, summary
from rnnlint.report.paths import as_seen_from
from rnnlint.results import ExitStatus, FileReport, Origin, RunOptions, RunReport, SandboxMode, exit_status
from rnnlint.selection import Selection
from rnnlint.source import UnreadableSourceError, decode_source

if TYPE_CHECKING:
    from rnnlint.baseline import Baseline

STANDARD_INPUT = Path("-")


class CheckCommand(click.Command):
    """A command that keeps the order of ``--output-format`` and ``--output-file``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Pair the outputs in the order they were typed; click alone would sort them by option."""
        values, _, order = self.make_parser(ctx).parse_args(args=list(args))
        kept = {name: iter(values.get(name) or ()) for name in ("output_format", "output_file")}
        words = [(p.name, next(kept[p.name])) for p in order if p.name in kept]
        rest = super().parse_args(ctx, args)
        ctx.meta["outputs"] = pair(words)
        return rest


def _codes(ctx: click.Context, parameter: click.Parameter, value: Sequence[str]) -> tuple[str, ...] | None:
    """Comma-separated and repeated words as one tuple; None where the option was not given."""
    words = tuple(word.strip() for chunk in value for word in chunk.split(",") if word.strip())
    return words or None


@click.command(
    "check",
    cls=CheckCommand,
    context_settings=HELP_OPTIONS,
    epilog="""\b
Examples:
  rnnlint check backward.py
  rnnlint check backward.py --diff              the repairs; --fix writes them
  rnnlint check --no-run src/ notebooks/        read only
  rnnlint check lstm.py --seed 7 --verbose      the same numbers again, with all figures
  rnnlint check - --stdin-filename lstm.py < lstm.py
  rnnlint check src/ --select RNN1,RNN203 --min-confidence possible
  rnnlint check lstm.py --output-format text --output-format json --output-file report.json
  rnnlint check src/ --write-baseline known.json      then: --baseline known.json

\b
Exit status:
  0  nothing at or above --fail-on, and no wrong gradient
  1  otherwise; with --require-check also where a gradient could not be checked
  2  the command line or the configuration is wrong, or a file cannot be read
  3  rnnlint itself failed
""",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--run/--no-run",
    default=None,
    help="Always / never run the code. Without either, files named themselves are run, folders are read.",
)
@click.option("--fix", is_flag=True, help="Write the repairs that the numbers have verified.")
@click.option(
    "--unsafe-fixes", is_flag=True, help="With --fix or --diff: also repairs that are not verified."
)
@click.option("--diff", is_flag=True, help="Show the repairs as a diff and write nothing.")
@click.option(
    "--select",
    multiple=True,
    callback=_codes,
    metavar="RULES",
    help="Only these rules: codes, prefixes, names.",
)
@click.option("--ignore", multiple=True, callback=_codes, metavar="RULES", help="Not these rules.")
@click.option(
    "--min-confidence",
    type=click.Choice([c.value for c in Confidence]),
    help="Show findings from this confidence up. [default: likely]",
)
@click.option("--show-advice", is_flag=True, help="Show training notes, which are only counted otherwise.")
@click.option(
    "--fail-on",
    type=click.Choice([s.value for s in reversed(Severity)]),
    help="The lowest severity that makes the exit status 1. [default: error]",
)
@click.option("--exit-zero", is_flag=True, help="Leave with status 0 whatever is found.")
@click.option("--require-check", is_flag=True, help="Status 1 also where a gradient could not be checked.")
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Leave out the findings in FILE."
)
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Accept all findings: list them in FILE.",
)
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="Use this pyproject.toml.")
@click.option(
    "--entry",
    metavar="NAMES",
    help='The pass to run: "backward", "Net.backward", or two to be paired, "forward -> backward".',
)
@click.option(
    "--seed", type=click.IntRange(0), help="Repeat a run: its seed is printed. [default: a fresh one]"
)
@click.option(
    "--sandbox",
    type=click.Choice([m.value for m in SandboxMode]),
    default=SandboxMode.AUTO.value,
    show_default=True,
    help="Where a layer is missing: go on and say so, do not run, or run without any.",
)
@click.option(
    "--output-format", multiple=True, type=click.Choice(FORMATS), help="Repeatable. [default: text]"
)
@click.option(
    "--output-file",
    multiple=True,
    metavar="FILE",
    help="Where the report of the --output-format before it goes. [default: standard output]",
)
@click.option("--stdin-filename", metavar="NAME", help="What standard input (-) is called in the report.")
@click.option(
    "--no-cache",
    "cache",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Read every file of a folder anew.",
)
@click.option("--verbose", "-v", is_flag=True, help="Add all figures: cosine, ratio, convention, sandbox.")
@click.pass_context
def command(ctx: click.Context, /, paths: tuple[Path, ...], **options: Any) -> int:
    """Read PATHS, files or folders, and measure the gradients of the files among them.

    The findings come from reading; the gradient check runs the forward and backward pass of a file on small
    random numbers in a sandbox, and compares each gradient with the true one. `-` reads standard input.
    Settings are read from [tool.rnnlint] in the nearest pyproject.toml.
    """
    if not paths:
        raise click.UsageError("Name a file or a folder to check.", ctx)
    progress = ctx.find_object(Progress) or Progress()
    progress.verbose = options["verbose"]
    return _check(paths, _run_options(options), options, ctx.meta["outputs"], progress)


def _run_options(options: dict[str, Any]) -> RunOptions:
    minimum, severity = options["min_confidence"], options["fail_on"]
    if options["fix"] and options["diff"]:
        raise click.UsageError("--fix writes and --diff does not: choose one.")
    if options["unsafe_fixes"] and not (options["fix"] or options["diff"]):
        raise click.UsageError("--unsafe-fixes needs --fix or --diff.")
    return RunOptions(
        run=options["run"],
        fix=options["fix"],
        unsafe_fixes=options["unsafe_fixes"],
        diff=options["diff"],
        select=options["select"],
        ignore=options["ignore"] or (),
        min_confidence=Confidence(minimum) if minimum else None,
        fail_on=Severity(severity) if severity else None,
        exit_zero=options["exit_zero"],
        require_check=options["require_check"],
        show_advice=options["show_advice"],
        verbose=options["verbose"],
        seed=options["seed"],
        cache=options["cache"],
        entry=options["entry"],
        sandbox=SandboxMode(options["sandbox"]),
    )


def _check(
    paths: Sequence[Path],
    options: RunOptions,
    words: dict[str, Any],
    outputs: Sequence[Output],
    progress: Progress,
) -> int:
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

    targets = discover([path for path in paths if path != STANDARD_INPUT], config.exclude, config.root)
    relevant = [t for t in targets if t.origin is Origin.NAMED or may_hold_backward_pass(t.path)]
    if not targets and STANDARD_INPUT not in paths:
        raise Mistake(f"{', '.join(map(str, paths))}: holds no Python file and no notebook.")

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
        return ExitStatus.CLEAN
    report = as_seen_from(report, Path.cwd())
    if options.diff:
        click.echo(diffs(report.changes), nl=False)
    else:
        write(report, outputs, verbose=options.verbose)
    if options.diff or options.fix:
        click.echo(summary(report, unsafe=options.unsafe_fixes), err=True)
    status = exit_status(report, options.fail_on or config.fail_on, options.require_check)
    return ExitStatus.CLEAN if options.exit_zero and status == ExitStatus.FOUND else status


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
    if path == STANDARD_INPUT or path.exists():
        return
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
