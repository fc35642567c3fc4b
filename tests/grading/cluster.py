"""A real Dask scheduler and real workers, processes of their own on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]


class Cluster:
    """A context manager; everything that it started is ended when it is left."""

    def __init__(self, workers: int) -> None:
        self._count = workers
        self._processes: list[subprocess.Popen[str]] = []
        self.address = ""

    def __enter__(self) -> Self:
        scheduler = self._start(
            "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
        )
        self.address = self._read_address(scheduler)
        for _ in range(self._count):
            self._start(
                "distributed.cli.dask_worker", self.address, "--host", "127.0.0.1", "--nthreads", "1",
                "--no-nanny", "--no-dashboard",
            )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=10)
            process.kill()

    def kill_one(self) -> None:
        """Kill a worker, with no farewell."""
        self._processes[-1].send_signal(signal.SIGKILL)

    def kill_one_after(self, seconds: float) -> threading.Timer:
        """Kill a worker while the others go on."""
        timer = threading.Timer(seconds, self.kill_one)
        timer.start()
        return timer

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        self._processes.append(process)
        return process

    @staticmethod
    def _read_address(scheduler: subprocess.Popen[str]) -> str:
        assert scheduler.stderr is not None
        for line in scheduler.stderr:
            if "Scheduler at:" in line:
                threading.Thread(target=scheduler.stderr.read, daemon=True).start()
                return line.rpartition("Scheduler at:")[2].strip()
        raise RuntimeError("the scheduler did not start")
