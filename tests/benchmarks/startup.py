"""How long whole processes take: ``python -m tests.benchmarks.startup``, from the repository's root.

The commands take turns, so that a machine whose speed drifts slows them alike; the table shows the median of
ten runs each after one that is not counted, and how many times as long as importing libcst and click it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
RUNS = 10
PROGRAM = "fixtures/article/backward.py"
RNNLINT = (sys.executable, "-m", "rnnlint")
COMMANDS: dict[str, tuple[str, ...]] = {
    'python -c "import libcst, click"': (sys.executable, "-c", "import libcst, click"),
    "rnnlint --version": (*RNNLINT, "--version"),
    f"rnnlint --no-run {PROGRAM}": (*RNNLINT, "--no-run", PROGRAM),
    f"rnnlint {PROGRAM}": (*RNNLINT, "--seed", "1", PROGRAM),
}
BROKEN = 2
"""Exit statuses from here on say that a command did not do its work."""


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds of one process: by the clock, and on processors with the children that it waited for."""

    wall: float
    cpu: float


def measured(command: Sequence[str]) -> Run:
    """Run a command to its end. Raises :class:`RuntimeError` where it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, started = os.times(), time.perf_counter()
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    wall, after = time.perf_counter() - started, os.times()
    if ended.returncode >= BROKEN or ended.returncode < 0:
        raise RuntimeError(f"{' '.join(command)}: {ended.stderr.decode(errors='replace')}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(wall, cpu)


def main() -> None:
    """Print the table."""
    runs: dict[str, list[Run]] = {title: [] for title in COMMANDS}
    for number in range(RUNS + 1):
        for title, command in COMMANDS.items():
            run = measured(command)
            if number:
                runs[title].append(run)
    (base, *_) = (median(run.wall for run in made) for made in runs.values())
    print(f"{'command':48} {'wall s':>7} {'cpu s':>7} {'ratio':>6}")
    for title, made in runs.items():
        wall, cpu = median(run.wall for run in made), median(run.cpu for run in made)
        print(f"{title:48} {wall:7.3f} {cpu:7.3f} {wall / base:6.2f}")


if __name__ == "__main__":
    main()
