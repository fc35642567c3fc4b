"""``rnnlint doctor``: what this machine offers."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

import click

from rnnlint import __version__
from rnnlint.cli.commands import HELP_OPTIONS
from rnnlint.sandbox import Runner, SandboxError

LIBRARIES = ("numpy", "libcst", "click", "rich", "nbformat", "pathspec")


@click.command(
    "doctor",
    context_settings=HELP_OPTIONS,
    epilog="""\b
Examples:
  rnnlint doctor                       for a bug report, or where a report speaks of a missing layer
""",
)
def command() -> int:
    """Show what this machine offers: versions and layers of the sandbox."""
    facts = {
        "rnnlint": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()}, {sys.executable})",
        "system": platform.platform(),
        **{name: _version(name) for name in LIBRARIES},
    }
    facts |= _sandbox()
    width = max(map(len, facts)) + 2
    for name, fact in facts.items():
        click.echo(f"{name:{width}}{fact}")
    return 0


def _sandbox() -> dict[str, str]:
    """The layers in force round a child that was really started, and those missing, each with its reason."""
    try:
        with Runner() as runner:
            layers, missing = runner.layers, runner.missing_layers
    except SandboxError as error:
        return {"sandbox": str(error)}
    return {"sandbox": ", ".join(layers) or "none", **{f"no {name}": reason for name, reason in missing}}


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"
