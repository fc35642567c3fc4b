"""The ground itself: it sees what is left on it, and is not deceived by what stood there before."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.hostile.ground import Ground

FORKS_WHEN_TOLD = """
import subprocess, sys
sys.stdin.read(1)
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
print("forked", flush=True)
sys.stdin.read()
"""


class Forking:
    """A process that forks another when it is told to, and ends with it when its input ends."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKS_WHEN_TOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def fork(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(b"!")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == b"forked\n"

    def end(self) -> None:
        self.process.communicate()


@pytest.fixture
def neighbour() -> Iterator[Forking]:
    before = Forking()
    yield before
    before.end()


def test_what_stood_before_may_fork(neighbour: Forking) -> None:
    with Ground(patience=0.2) as ground:
        neighbour.fork()
        assert ground.survivors() == set()


def test_what_was_begun_here_is_seen_with_all_below_it() -> None:
    with Ground(patience=0.2) as ground:
        begun = Forking()
        begun.fork()
        assert len(ground.survivors()) == 2
        assert begun.process.pid in ground.survivors(1)
        begun.end()
        assert ground.survivors() == set()
