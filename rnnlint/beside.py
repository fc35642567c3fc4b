"""Work that a second process does beside this one."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

Result = TypeVar("Result")


class Beside(Generic[Result]):
    """A function's result, computed by a forked process while this one goes on. Use as a context manager.

    Where nothing is gained (one processor) or forking is not safe (other threads may hold locks), and where
    the process fails, the function is called here, by :meth:`result`: what it raises is raised then.
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        """``work`` takes no input from, and has no effect on, what this process does meanwhile; its result
        can be pickled."""
        self._work = work
        self._pid: int | None = None
        self._answer = -1

    def __enter__(self) -> Self:
        if not _pays():
            return self
        self._answer, channel = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._answer)
            _answer(self._work, channel)
        os.close(channel)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            self._received()

    def result(self) -> Result:
        """What the function returns; waits for it."""
        if self._pid is not None:
            received = self._received()
            if received is not None:
                result: Result = pickle.loads(received)
                return result
        return self._work()

    def _received(self) -> bytes | None:
        """All that the process sends; None where it failed."""
        assert self._pid is not None
        with os.fdopen(self._answer, "rb") as channel:
            received = channel.read()
        _, status = os.waitpid(self._pid, 0)
        self._pid = None
        return received if status == 0 else None


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pays() -> bool:
    return hasattr(os, "fork") and processors() > 1 and threading.active_count() == 1


def _answer(work: Callable[[], Result], channel: int) -> None:
    """Everything the forked process does; never returns."""
    status = 1
    try:
        with os.fdopen(channel, "wb") as pipe:
            pipe.write(pickle.dumps(work()))
        status = 0
    finally:
        os._exit(status)  # this process has nothing of the other's to tidy up, nor to say
