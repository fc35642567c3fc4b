"""``rnnlint server``: for editors."""

from __future__ import annotations

import click

from rnnlint.cli.commands import HELP_OPTIONS
from rnnlint.cli.failures import Mistake
from rnnlint.results import SandboxMode


@click.command(
    "server",
    context_settings=HELP_OPTIONS,
    epilog="""\b
Examples:
  rnnlint server                       what an editor's configuration names as the command
  rnnlint server --no-run              read only, also on saving

\b
Exit status:
  0  the editor has ended it
  2  pygls is not installed: pip install 'rnnlint[lsp]'
""",
)
@click.option("--run/--no-run", default=True, help="Run a file when it is saved / never.", show_default=True)
@click.option(
    "--sandbox",
    type=click.Choice([m.value for m in SandboxMode]),
    default=SandboxMode.AUTO.value,
    show_default=True,
    help="Where a layer is missing: go on, do not run, or run without any.",
)
def command(run: bool, sandbox: str) -> int:
    """Speak the Language Server Protocol on standard input and output.

    An editor starts this command by itself. It reads a file as you type and runs it in the sandbox when you
    save it; it shows findings, the page of a rule where the cursor is, and offers the repairs.
    """
    try:
        from rnnlint.server.language_server import language_server
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        raise Mistake("the server needs pygls: pip install 'rnnlint[lsp]'") from None
    language_server(run=run, sandbox=SandboxMode(sandbox)).start_io()
    return 0
