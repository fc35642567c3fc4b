"""The group of commands: ``rnnlint backward.py`` is ``rnnlint check backward.py``."""

from __future__ import annotations

import importlib

import click

from rnnlint import __version__

COMMANDS = {
    "check": "Check files: read them, measure their gradients, say what is wrong and what to write.",
    "grade": "Grade a folder of submissions: points, feedback for each student, grades.csv.",
    "rule": "Show a rule's page: what it finds, why that is wrong, the derivation.",
    "server": "Serve an editor: findings as you type, gradients on saving, repairs.",
    "doctor": "Show what this machine offers: versions and layers of the sandbox.",
}

HELP_OPTIONS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


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
  rnnlint check --help            every option

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
