"""``rnnlint doctor``: what this machine offers."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING

import click

from rnnlint import __version__
from rnnlint.cli.commands import HELP_OPTIONS
from rnnlint.sandbox import Runner, SandboxError

if TYPE_CHECKING:
    from rnnlint.sandbox.self_test import Attempt

LIBRARIES = ("numpy", "libcst", "click", "rich", "nbformat", "pathspec")


@click.command(
    "doctor",
    context_settings=HELP_OPTIONS,
    epilog="""\b
Examples:
  rnnlint doctor                       for a bug report, or where a report speaks of a missing layer

\b
Exit status:
  0  always: what is missing is said, not judged
\b
Exit status:
  0  every layer of the sandbox stands, and every forbidden act was refused
  1  a layer is missing (--sandbox require would run nothing), or an act succeeded
""",
)
def command() -> int:
    """Show what this machine offers: versions, and the sandbox, tested by attempting what it forbids."""
    facts = {
        "rnnlint": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()}, {sys.executable})",
        "system": platform.platform(),
        **{name: _version(name) for name in LIBRARIES},
    }
    try:
        with Runner() as runner:
            from rnnlint.sandbox.self_test import attempt_all

            layers, missing = runner.layers, runner.missing_layers
            attempts = attempt_all(runner)
    except SandboxError as error:
        _print(facts | {"sandbox": str(error)})
        return 1
    facts["sandbox"] = ", ".join(layers) or "none"
    _print(facts | {f"no {name}": reason for name, reason in missing})
    return _print_attempts(attempts) or int(bool(missing))


def _print(facts: dict[str, str]) -> None:
    width = max(map(len, facts)) + 2
    for name, fact in facts.items():
        click.echo(f"{name:{width}}{fact}")


def _print_attempts(attempts: Sequence[Attempt]) -> int:
    """Kind by kind what was attempted in a child; 1 where something succeeded."""
    click.echo("\nAttempted in a child process:")
    for kind in dict.fromkeys(each.kind for each in attempts):
        acts = [each for each in attempts if each.kind == kind]
        refused = [each.act for each in acts if not each.succeeded]
        if refused:
            click.echo(f"  {kind:<10} refused    {', '.join(refused)}")
        for each in acts:
            if each.succeeded:
                click.echo(f"  {kind:<10} SUCCEEDED  {each.act}")
    succeeded = sum(each.succeeded for each in attempts)
    count = len(attempts)
    click.echo(f"\nAll {count} were refused." if not succeeded else f"\n{succeeded} of {count} succeeded.")
    return int(bool(succeeded))


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"
