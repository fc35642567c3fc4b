"""Where chunks are graded: processes of this machine, or workers of a Dask cluster; one shape for both."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

ALLOCATIONS_BETWEEN_COLLECTIONS = 1_000_000
"""What the analysis of a submission allocates is thrown away whole: looking for garbage among it every 700
takes a tenth of a worker's time, every 100,000 a twentieth of it."""


class SchedulerError(Exception):
    """The cluster cannot be reached; the message is one sentence."""


class LocalPool:
    """Processes of this machine, each with a zygote of its own; as many as there are tasks at once, and no
    more than ``most``.

    They are forked from one that is freshly executed, that begins at once to import what they need, and that
    holds nothing else. Use as a context manager.
    """

    def __init__(self, most: int) -> None:
        from multiprocessing.forkserver import ensure_running

        self._most = most
        self._begun: Executor | None = None
        self._starting: list[Future[object]] = []
        multiprocessing.set_forkserver_preload(["__main__", "rnnlint.grading.preloaded"])
        ensure_running()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._begun is not None:
            self._begun.shutdown()

    def begin(self, workers: int, ready: Callable[..., object], *arguments: object) -> None:
        """Have so many workers call ``ready`` before there is work for them."""
        self._begun = self._executor()
        self._starting = [self._begun.submit(ready, *arguments) for _ in range(workers)]

    @contextmanager
    def opened(self) -> Iterator[Executor]:
        """The executor that has been begun; a new one where that was had already: it may have broken."""
        executor, self._begun = self._begun or self._executor(), None
        wait(self._starting)  # while they are at it, whatever is submitted would start more of them
        with executor:
            yield executor

    def _executor(self) -> Executor:
        context = multiprocessing.get_context("forkserver")
        return ProcessPoolExecutor(self._most, mp_context=context, initializer=_settle)


@contextmanager
def dask_cluster(scheduler: str) -> Iterator[Executor]:
    """The workers behind a scheduler such as ``tcp://grading:8786``. Raises :class:`SchedulerError`.

    A chunk whose worker dies is graded by another one.
    """
    try:
        from distributed import Client
    except ImportError:
        raise SchedulerError("--scheduler needs Dask: pip install 'rnnlint[dask]'.") from None
    try:
        client: Any = Client(  # type: ignore[no-untyped-call]
            scheduler, timeout="10s", set_as_default=False
        )
    except (OSError, TimeoutError, ValueError) as error:
        raise SchedulerError(f"{scheduler}: no Dask scheduler answers there ({error}).") from None
    with client:
        yield client.get_executor(pure=False, retries=2)


def _settle() -> None:
    """Leave interrupts to the host, and spare the garbage collector what is here to stay."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
    gc.freeze()
