"""How many submissions a second ``rnnlint grade`` does, and whether it matters who does the work.

    python -m tests.benchmarks.grade [COUNT]

400 submissions (the solution, edits of it, empty ones, hostile ones) are graded by processes of this
machine, by two Dask workers of which one is killed on the way, and in three shards that are merged; the three
grade books must be equal, byte for byte. Those that run until they are stopped are timed with the others and
without. On a machine that has other things to do, only the processor's seconds mean something.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.grading.cluster import Cluster
from tests.grading.cohort import ASSIGNMENT, FIXTURES, TIMEOUTS, write_cohort

SEED = "20240229"
LINGER = 2.0
"""Seconds in which what the command has left behind comes to its end."""
_PR_SET_CHILD_SUBREAPER = 36


class Taken(NamedTuple):
    """Seconds of the clock, and of the processors by the command and everything that it started."""

    clock: float
    processors: float


def grade(submissions: Path, output: Path, *options: str) -> Taken:
    """What one run of the command takes. Without bubblewrap: where it ends, nobody counts those inside."""
    command = [sys.executable, "-m", "rnnlint", "grade", str(submissions), "--assignment", str(ASSIGNMENT)]
    began, used = time.perf_counter(), _processor_seconds()
    subprocess.run(
        [*command, "--seed", SEED, "--output-dir", str(output), "--output-format", "csv", *options],
        check=True,
        env={**os.environ, "PATH": ""},
    )
    took = time.perf_counter() - began
    return Taken(took, _processor_seconds() - used)


def _processor_seconds() -> float:
    """Of all processes below this one that have ended; those that lost their parent have become ours."""
    give_up = time.monotonic() + LINGER
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < give_up:
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(0.01)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def shards(submissions: Path, folder: Path, count: int) -> bytes:
    """The grade book that is merged of shards."""
    parts = [folder / f"shard-{number}" for number in range(1, count + 1)]
    for number, part in enumerate(parts, 1):
        grade(submissions, part, "--shard", f"{number}/{count}")
    merge = [sys.executable, "-m", "rnnlint", "grade", "--merge", *map(str, parts)]
    subprocess.run([*merge, "--output-dir", str(folder / "merged")], check=True)
    return (folder / "merged" / "grades.csv").read_bytes()


def main(arguments: Sequence[str]) -> None:
    """Print the figures; fails where two grade books differ."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    count = int(arguments[0]) if arguments else 400
    hostile = tuple(tomllib.loads((FIXTURES / "hostile" / "expected.toml").read_text(encoding="utf-8")))
    quick = tuple(name for name in hostile if name not in TIMEOUTS)
    with tempfile.TemporaryDirectory(prefix="rnnlint-benchmark-") as name:
        folder = Path(name)
        write_cohort(folder / "quick", count, quick)
        write_cohort(folder / "all", count, hostile)
        (folder / "first").mkdir()
        write_cohort(folder / "first" / "one", 1)
        start = grade(folder / "first" / "one", folder / "first" / "out")
        print(f"start-up, plan and self-test with one submission: {start.clock:.1f} s")
        for kind in ("quick", "all"):
            took, processors = grade(folder / kind, folder / f"pool-{kind}")
            without = (
                "" if kind == "all" else f", without the {len(TIMEOUTS)} that run until they are stopped"
            )
            print(
                f"{count} submissions{without}: {took:.1f} s, {count / took:.1f} a second "
                f"({count / (took - start.clock):.1f} beyond start-up); "
                f"{1000 * (processors - start.processors) / count:.0f} ms of a processor each, "
                f"so {2 * count / (processors - start.processors):.1f} a second on two that do nothing else"
            )
        pool = (folder / "pool-all" / "grades.csv").read_bytes()
        with Cluster(workers=2) as cluster:
            killer = cluster.kill_one_after(10.0)
            grade(folder / "all", folder / "dask", "--scheduler", cluster.address)
            killer.join()
        dask = (folder / "dask" / "grades.csv").read_bytes()
        merged = shards(folder / "all", folder, 3)
    print(f"pool and Dask (a worker killed): {'equal' if pool == dask else 'DIFFERENT'}")
    print(f"pool and three shards: {'equal' if pool == merged else 'DIFFERENT'}")
    for other in (dask, merged):
        for row, differing in zip(pool.splitlines(), other.splitlines(), strict=False):
            if row != differing:
                print(f"  {row.decode()}\n  {differing.decode()}")
    if not pool == dask == merged:
        raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
