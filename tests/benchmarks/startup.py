"""A whole process on one file, beside other linters on the same file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.benchmarks.timing import Command, Row, print_table, rows_of, seconds_of, side_by_side

ROUNDS = 10
PROGRAM = "fixtures/article/backward.py"
RNNLINT = (sys.executable, "-m", "rnnlint")
BASE = 'python -c "import libcst, click"'
"""What a linter that parses with libcst loads before it begins; rnnlint reads Python's own tree."""
READING = "rnnlint check --no-run"
TARGETS = {READING: "≤ 0.30 s and ≤ 1.3 ×", "rnnlint (with the gradient check)": "≤ 0.8 s"}

COMMANDS = {
    BASE: Command((sys.executable, "-c", "import libcst, click")),
    "rnnlint --version": Command((*RNNLINT, "--version")),
    READING: Command((*RNNLINT, "check", "--no-run", PROGRAM)),
    "rnnlint check --no-run, as a hook, read before": Command(
        (*RNNLINT, "check", "--no-run", "--skip-irrelevant", PROGRAM)
    ),
    "rnnlint (with the gradient check)": Command((*RNNLINT, "--seed", "1", PROGRAM)),
}

ANY_STATUS = frozenset(range(33))
"""Linters speak of what they found in their exit status, pylint in bits."""
OTHERS = {
    "ruff check": ("ruff", "check", "--no-cache", PROGRAM),
    "flake8": ("flake8", PROGRAM),
    "torchfix": ("torchfix", PROGRAM),
    "fixit lint": ("fixit", "lint", PROGRAM),
    "refurb": ("refurb", PROGRAM),
    "pylint": ("pylint", PROGRAM),
}


def installed_others() -> dict[str, Command]:
    """The other linters that lie beside this interpreter or on the way of commands."""
    beside = str(Path(sys.executable).parent)
    found = {
        title: shutil.which(words[0], path=beside) or shutil.which(words[0])
        for title, words in OTHERS.items()
    }
    return {
        title: Command((path, *OTHERS[title][1:]), statuses=ANY_STATUS)
        for title, path in found.items()
        if path is not None
    }


def rows() -> list[Row]:
    """Medians of ten, taking turns."""
    commands = {**COMMANDS, **installed_others()}
    seconds = side_by_side(
        {title: lambda command=command: seconds_of(command) for title, command in commands.items()}, ROUNDS
    )
    return rows_of(seconds, BASE, TARGETS)


def main() -> None:
    """Print the table."""
    print_table("One file, whole processes", rows())


if __name__ == "__main__":
    main()
