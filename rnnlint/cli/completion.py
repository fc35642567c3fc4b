"""``rnnlint completion``: the script that lets a shell complete options, rules and files."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from rnnlint.cli.commands import HELP_OPTIONS, command_line

SHELLS = ("bash", "zsh", "fish")
NAME = "rnnlint"


@click.command(
    "completion",
    context_settings=HELP_OPTIONS,
    epilog="""\b
Examples, each for the file that the shell reads when it starts:
  eval "$(rnnlint completion bash)"         ~/.bashrc
  eval "$(rnnlint completion zsh)"          ~/.zshrc
  rnnlint completion fish | source          ~/.config/fish/config.fish

\b
Exit status:
  0  the script was printed
  2  there is none for that shell
""",
)
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> int:
    """Print the script that completes rnnlint's commands, options, rules and files in SHELL."""
    found = get_completion_class(shell)
    if found is None:
        raise LookupError(f"click completes no {shell}")
    click.echo(found(command_line, {}, NAME, f"_{NAME.upper()}_COMPLETE").source())
    return 0
