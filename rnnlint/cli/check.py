"""``rnnlint check``: options in, one call of the API, reports out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import click

from rnnlint.cli.commands import HELP_OPTIONS, SectionedCommand
from rnnlint.cli.completing import rules_beginning_with
from rnnlint.cli.failures import Progress
from rnnlint.cli.once import STANDARD_INPUT, check_once
from rnnlint.cli.outputs import pair
from rnnlint.findings import Confidence, Severity
from rnnlint.records import replace
from rnnlint.report import FORMATS, WITH_WALK
from rnnlint.results import ExitStatus, RunOptions, SandboxMode


class CheckCommand(SectionedCommand):
    """A command that keeps the order of ``--output-format`` and ``--output-file``."""

    sections: ClassVar[Mapping[str, Sequence[str]]] = {
        "What is checked, and how": (
            "run",
            "entry",
            "seed",
            "sandbox",
            "config",
            "stdin_filename",
            "skip_irrelevant",
            "force_exclude",
            "watch",
            "cache",
        ),
        "Repairs": ("fix", "unsafe_fixes", "diff"),
        "What is shown": (
            "select",
            "ignore",
            "min_confidence",
            "show_advice",
            "baseline",
            "write_baseline",
            "statistics",
            "verbose",
        ),
        "Reports": ("output_format", "output_file"),
        "Exit status": ("fail_on", "exit_zero", "require_check"),
    }

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
  rnnlint check src/ --statistics               how often each rule speaks
  rnnlint check backward.py --watch             again at every save

\b
Exit status:
  0  nothing at or above --fail-on, and no wrong gradient
  1  otherwise; with --require-check also where a gradient could not be checked
  2  the command line or the configuration is wrong, or a file cannot be read
  3  rnnlint itself failed

\b
Environment:
  NO_COLOR            set to anything: no colours
  RNNLINT_TRACEBACK   set to anything: a failure of rnnlint's own shows its traceback

\b
Files:
  pyproject.toml      settings, in [tool.rnnlint]; the nearest upward that has that table
  .gitignore          what it names is left out of folders
""",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, allow_dash=True, readable=False))
@click.option(
    "--run/--no-run",
    default=None,
    help="Always / never run the code. Without either, files named themselves are run, folders are read.",
)
@click.option(
    "--skip-irrelevant",
    is_flag=True,
    help="Treat files that are named like those of a folder: skip any with no word of a backward pass, "
    "and look at the backward pass beside a forward pass. For hooks, which name whatever has changed.",
)
@click.option(
    "--force-exclude",
    is_flag=True,
    help="Leave out what the configuration excludes even where it is named.",
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
    shell_complete=rules_beginning_with,
    metavar="RULES",
    help="Only these rules: codes, prefixes, names.",
)
@click.option(
    "--ignore",
    multiple=True,
    callback=_codes,
    shell_complete=rules_beginning_with,
    metavar="RULES",
    help="Not these rules.",
)
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
    "--baseline",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Leave out the findings in FILE.",
)
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Accept all findings: list them in FILE.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Use this pyproject.toml.",
)
@click.option(
    "--entry",
    metavar="NAMES",
    help='The pass to run: "backward", "Net.backward", or two to be paired, "forward -> backward".',
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="Repeat a run: its seed is printed. [default: a fresh one]",
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
@click.option("--watch", is_flag=True, help="Check again whenever a file is saved; Ctrl-C leaves.")
@click.option(
    "--statistics", is_flag=True, help="Count the findings of each rule instead of showing them one by one."
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
    walk = any(output.format in WITH_WALK for output in ctx.meta["outputs"])
    asked = replace(_run_options(options), walk=walk)
    if STANDARD_INPUT in paths and asked.fix:
        raise click.UsageError("--fix cannot write to standard input: take --diff, or name the file.", ctx)
    if not options["watch"]:
        return check_once(paths, asked, options, ctx.meta["outputs"], progress)[0]
    if asked.fix or options["write_baseline"] or STANDARD_INPUT in paths:
        raise click.UsageError(
            "--watch only shows: leave out --fix and --write-baseline, and name a file.", ctx
        )
    from rnnlint.cli.watching import watch

    watch(paths, lambda: check_once(paths, asked, options, ctx.meta["outputs"], progress)[1])
    return ExitStatus.CLEAN


def _run_options(options: dict[str, Any]) -> RunOptions:
    minimum, severity = options["min_confidence"], options["fail_on"]
    if options["fix"] and options["diff"]:
        raise click.UsageError("--fix writes and --diff does not: choose one.")
    if options["unsafe_fixes"] and not (options["fix"] or options["diff"]):
        raise click.UsageError("--unsafe-fixes needs --fix or --diff.")
    if options["entry"] is not None and not all(map(str.strip, re.split("->|→", options["entry"]))):
        raise click.UsageError('--entry names one pass, "backward", or two, "forward -> backward".')
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
