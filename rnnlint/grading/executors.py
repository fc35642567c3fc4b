"""Where chunks are graded: processes of this machine, or workers of a Dask cluster; one shape for both."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any


class SchedulerError(Exception):
    """The cluster cannot be reached; the message is one sentence."""


@contextmanager
def local_pool(most: int) -> Iterator[Executor]:
    """Processes of this machine, each with a zygote of its own; freshly executed, they hold nothing.

    As many as there are tasks at once, and no more than ``most``.
    """
    context = multiprocessing.get_context("spawn")
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
    import rnnlint.grading.worker  # noqa: F401

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
