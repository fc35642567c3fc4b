"""Whole processes and calls, timed side by side: they take turns, so that a machine whose speed drifts slows
all alike."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
BROKEN = 2
"""Exit statuses from here on say that a command did not do its work."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, where it runs, and the exit statuses with which it has done its work."""

    words: tuple[str, ...]
    folder: Path = ROOT
    statuses: frozenset[int] = frozenset(range(BROKEN))


def seconds_of(command: Command) -> float:
    """Run a command to its end and return the time by the clock.

    Raises :class:`RuntimeError` where it fails.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    ended = subprocess.run(
        command.words, cwd=command.folder, env=environment, capture_output=True, check=False
    )
    spent = time.perf_counter() - started
    if ended.returncode not in command.statuses:
        said = ended.stderr.decode(errors="replace") or ended.stdout.decode(errors="replace")
        raise RuntimeError(f"{' '.join(command.words)} left with {ended.returncode}: {said[-2000:]}")
    return spent


def seconds_in(call: Callable[[], object]) -> float:
    """The time of one call in this process."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def side_by_side(measured: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Medians over ``rounds``, after one round that is not counted."""
    runs: dict[str, list[float]] = {title: [] for title in measured}
    for number in range(rounds + 1):
        for title, run in measured.items():
            seconds = run()
            if number:
                runs[title].append(seconds)
    return {title: median(times) for title, times in runs.items()}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: seconds, how many times another row's they are, and the figure to reach."""

    title: str
    seconds: float
    ratio: float | None = None
    target: str = ""
    remark: str = ""


def rows_of(seconds: Mapping[str, float], base: str, targets: Mapping[str, str] | None = None) -> list[Row]:
    """A row each, with its ratio to the row ``base``."""
    return [
        Row(title, spent, spent / seconds[base], (targets or {}).get(title, ""))
        for title, spent in seconds.items()
    ]


def print_table(title: str, rows: Sequence[Row]) -> None:
    """A section of the output: a Markdown table, so that it can be pasted."""
    print(f"\n## {title}\n")
    print("| what | seconds | ratio | to reach | |")
    print("|---|---:|---:|---|---|")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        print(f"| {row.title} | {row.seconds:.4g} | {ratio} | {row.target} | {row.remark} |", flush=True)
