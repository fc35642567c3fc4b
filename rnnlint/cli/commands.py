"""The group of commands: ``rnnlint backward.py`` is ``rnnlint check backward.py``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import ClassVar

import click
from click.shell_completion import CompletionItem

from rnnlint import __version__

COMMANDS = {
    "check": "Check files: read them, measure their gradients, say what is wrong and what to write.",
    "grade": "Grade a folder of submissions: points, feedback for each student, grades.csv.",
    "rule": "Show a rule's page: what it finds, why that is wrong, the derivation.",
    "server": "Serve an editor: findings as you type, gradients on saving, repairs.",
    "completion": "Print the script that completes commands and options in a shell.",
    "doctor": "Show what this machine offers: versions and layers of the sandbox.",
}

HELP_OPTIONS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class SectionedCommand(click.Command):
    """A command whose page lists its options under headings: ``sections`` holds their parameters' names."""

    sections: ClassVar[Mapping[str, Sequence[str]]] = {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each section under its heading, the rest last."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        records = {each.name: record for each in options if (record := each.get_help_record(ctx))}
        placed = {name for names in self.sections.values() for name in names}
        rest = [name for name in records if name not in placed]
        for heading, names in {**self.sections, "Help": rest}.items():
            rows = [records[name] for name in names if name in records]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)


class CheckByDefault(click.Group):
    """A group whose first word may be left out, ``check``; commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command in the module of its name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"rnnlint.cli.{cmd_name}").command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``check`` before a first word that is neither a command nor an option of the group."""
        own = {
            name
            for parameter in self.get_params(ctx)
            for name in (*parameter.opts, *parameter.secondary_opts)
        }
        if args and args[0] not in COMMANDS and args[0] not in own:
            args = ["check", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may stand first: a command, or what `check` takes, a file or one of its options."""
        check = self.get_command(ctx, "check")
        own = super().shell_complete(ctx, incomplete)
        if check is None:
            return own
        inner = click.Context(check, ctx, "check")
        if incomplete.startswith("-"):
            return [*own, *check.shell_complete(inner, incomplete)]
        return [CompletionItem(incomplete, type="file"), *own]  # bash forgets what comes before a file

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from their names alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    "rnnlint",
    cls=CheckByDefault,
    context_settings=HELP_OPTIONS,
    epilog="""\b
Examples:
  rnnlint backward.py             which gradients are wrong, which lines make them so
  rnnlint backward.py --diff      the repairs, as a diff (--fix writes them)
  rnnlint --no-run src/           read a whole folder; run nothing
  rnnlint - < backward.py         standard input
  rnnlint grade submissions/ --assignment assignment.toml
  rnnlint rule RNN102             why `h[t]` is the state before step t
  rnnlint check --help            every option; likewise for the other commands

\b
Exit status:
  0  nothing at or above --fail-on, and no wrong gradient
  1  otherwise
  2  the command line or the configuration is wrong, or a file cannot be read
  3  rnnlint itself failed
""",
)
@click.version_option(__version__, prog_name="rnnlint", message="%(prog)s %(version)s")
def command_line() -> None:
    """Find, prove and repair wrong gradients in hand-written NumPy recurrent networks.

    `rnnlint backward.py` is short for `rnnlint check backward.py`: it reads the file and the files it works
    with, runs its forward and backward pass in a sandbox on small random numbers, compares every gradient
    with the true one, and says which lines are wrong, why, by how much, and what to write instead.
    """
