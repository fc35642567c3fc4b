"""How a run ends that fails: the user's mistakes in a sentence, ours with a request to report them."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import IO, Any

import click

from rnnlint.records import dataclass

USAGE = 2
INTERNAL = 3
INTERRUPTED = 130


class Mistake(click.ClickException):
    """Something the user can put right: one sentence, exit status 2."""

    exit_code = USAGE

    def show(self, file: IO[Any] | None = None) -> None:
        """``rnnlint: backward.py: there is no such file.``"""
        click.echo(f"rnnlint: {self.format_message()}", file=file or sys.stderr)


@dataclass(slots=True)
class Progress:
    """Where a run is, for the message of a failure: the one thing here that changes."""

    path: Path | None = None
    verbose: bool = False

    def at(self, path: Path) -> None:
        """The run has come to this file."""
        self.path = path


def run(command: click.Command, args: list[str], prog_name: str) -> int:
    """The exit status of a command line; every way it can fail ends here."""
    progress = Progress()
    try:
        status = command.main(args, prog_name, standalone_mode=False, obj=progress)
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except click.UsageError as mistake:
        _explain(mistake, prog_name)
        return USAGE
    except click.ClickException as mistake:
        mistake.show()
        return USAGE
    except BrokenPipeError:  # the reader of our output (`| head`) has gone: nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the one place: a failure of ours never ends in a bare traceback
        _apologise(error, progress)
        return INTERNAL
    return status if isinstance(status, int) else 0


def _explain(mistake: click.UsageError, prog_name: str) -> None:
    """``rnnlint: No such option '--fixx'. Did you mean '--fix'?`` and where the options are listed."""
    said = " ".join(mistake.format_message().split())
    command = mistake.ctx.command_path if mistake.ctx is not None else prog_name
    click.echo(f"rnnlint: {said} ({command} --help lists what there is.)", err=True)


def _apologise(error: Exception, progress: Progress) -> None:
    where = f" while checking {progress.path}" if progress.path else ""
    detail = " ".join(str(error).split())
    said = f"{type(error).__name__}: {detail}" if detail else type(error).__name__
    click.echo(f"rnnlint: internal error{where}: {said}", err=True)
    if progress.verbose or os.environ.get("RNNLINT_TRACEBACK"):
        traceback.print_exception(error)
    else:
        click.echo(
            "This is a bug in rnnlint, not in your file. Please report it, with the file if you can "
            "(--verbose shows the traceback).",
            err=True,
        )
