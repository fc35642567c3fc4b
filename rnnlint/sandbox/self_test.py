"""The sandbox tested by attempting what it forbids, in a child like any other."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rnnlint.sandbox.children import SandboxError
from rnnlint.sandbox.job import Failure, Job, Module, Scenario
from rnnlint.sandbox.runner import Runner

_ACTS = Path(__file__).with_name("forbidden.py")
_MEMORY_MB = 256
_SECONDS = 30.0
_ENDLESS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Attempt:
    """One forbidden act and what became of it: ``refusal`` is the error it met, "" where it succeeded."""

    kind: str
    act: str
    refusal: str

    @property
    def succeeded(self) -> bool:
        return not self.refusal


def attempt_all(runner: Runner) -> tuple[Attempt, ...]:
    """Every forbidden act, attempted. Raises :class:`SandboxError` where the child cannot even try."""
    module = Module("forbidden.py", _ACTS.read_text(encoding="utf-8"))
    with _target() as (folder, port):
        holes = {"folder": str(folder), "port": port, "process": os.getpid()}
        scenario = Scenario("made = attempts(folder, port, process)", holes, ("made",))
        outcome = runner.run(Job((module,), 0, (scenario,), seconds=_SECONDS, memory_mb=_MEMORY_MB))
    trouble = outcome.trouble or (outcome.runs[0].trouble if outcome.runs else None)
    if trouble is not None or not outcome.runs:
        said = trouble.message if trouble is not None else "it answered nothing"
        raise SandboxError(f"The self-test did not come to its end: {said}.")
    return (*(Attempt(*map(str, each)) for each in outcome.runs[0].values[0]), _attempt_endlessness(runner))


def _attempt_endlessness(runner: Runner) -> Attempt:
    module = Module("endless.py", "def run():\n    while True:\n        pass\n")
    outcome = runner.run(Job((module,), 0, (Scenario("run()"),), seconds=_ENDLESS_SECONDS))
    ended = outcome.trouble is not None and outcome.trouble.failure is Failure.TIMEOUT
    return Attempt("time", "run without an end", "ended" if ended else "")


@contextlib.contextmanager
def _target() -> Iterator[tuple[Path, int]]:
    """A folder with a file that anyone may change, and a port that anyone may speak to, by three ways."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rnnlint-self-test-")))
        folder.chmod(0o777)
        (folder / "kept").touch()
        (folder / "kept").chmod(0o666)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = int(tcp.getsockname()[1])
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(f"\0rnnlint-self-test-{port}")
        unix.listen()
        yield folder, port
