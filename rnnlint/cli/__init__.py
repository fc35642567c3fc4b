"""The command line: one command a file, each imported only when it is called."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import NoReturn

from rnnlint.cli.commands import command_line
from rnnlint.cli.failures import run

__all__ = ["command_line", "main"]

ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000
"""Syntax trees are many small objects that live to the end: looking for garbage among them every 700 takes a
fifth of a short run."""


def main(args: Sequence[str] | None = None, prog_name: str = "rnnlint") -> NoReturn:
    """Run the command line (``sys.argv`` where ``args`` is None) and leave with its exit status.

    For a process of its own: it tunes the garbage collector and exits.
    """
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
    sys.exit(run(command_line, list(sys.argv[1:] if args is None else args), prog_name))
