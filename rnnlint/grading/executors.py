"""Where chunks are graded: processes of this machine, or workers of a Dask cluster; one shape for both."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000
"""What the analysis of a submission allocates is thrown away whole: looking for garbage among it every 700
takes a tenth of a worker's time."""


class SchedulerError(Exception):
    """The cluster cannot be reached; the message is one sentence."""


def prepare_local_pool() -> None:
    """Begin, without waiting for it, the process from which :func:`local_pool` forks its workers."""
    from multiprocessing.forkserver import ensure_running

    multiprocessing.set_forkserver_preload(["__main__", "rnnlint.grading.preloaded"])
    ensure_running()


@contextmanager
def local_pool(most: int) -> Iterator[Executor]:
    """Processes of this machine, each with a zygote of its own; as many as there are tasks at once, and no
    more than ``most``.

    They are forked from one that has been freshly executed: it imports what they need and holds nothing else.
    """
    prepare_local_pool()
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(most, mp_context=context, initializer=_settle) as pool:
        yield pool


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
