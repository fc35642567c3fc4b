"""The files of folders, read by several processes at once."""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from typing import TYPE_CHECKING

from rnnlint.checking import Checker, Request
from rnnlint.model.shelf import Shelf
from rnnlint.results import FileReport

if TYPE_CHECKING:
    from pathlib import Path

    from rnnlint.config import Config
    from rnnlint.results import RunOptions


class FailedFileError(Exception):
    """Checking a file failed, and it is not the file's fault; ``detail`` is what went wrong."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(path, detail)  # all arguments: it is pickled on its way to the parent
        self.path = path
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


def reports_of(
    requests: Sequence[Request], options: RunOptions, config: Config
) -> Iterator[Sequence[FileReport]]:
    """The reports of each request, in the order of the requests.

    Raises :class:`FailedFileError` for the first of them that fails.
    """
    chunks = [list(found) for _, found in groupby(requests, key=lambda request: request.path.parent)]
    importlib.import_module("rnnlint.rules.engine")  # once: the forked processes have it then
    workers = min(os.cpu_count() or 1, len(chunks))
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context) as pool:
        for reports in pool.map(_reports_of, chunks, [options] * len(chunks), [config] * len(chunks)):
            yield from reports


def _reports_of(
    requests: Iterable[Request], options: RunOptions, config: Config
) -> list[Sequence[FileReport]]:
    """The work of one process: files of one folder, which share what was read of it."""
    from rnnlint.selection import Selection

    shelf = Shelf()
    made: list[Sequence[FileReport]] = []
    with ExitStack() as stack:
        checker = Checker(options, config, Selection.of(config, options), stack)
        for request in requests:
            try:
                made.append(tuple(checker.reports(request, shelf)))
            except Exception as error:
                raise FailedFileError(request.path, f"{type(error).__name__}: {error}") from error
    return made
