"""The files of folders, read by several processes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from rnnlint.beside import Beside, processors
from rnnlint.checking import Checker, Request
from rnnlint.model.shelf import Shelf
from rnnlint.results import FileReport, Origin
from rnnlint.selection import Selection

if TYPE_CHECKING:
    from pathlib import Path

    from rnnlint.config import Config
    from rnnlint.results import RunOptions

FEWEST_BYTES = 60_000
"""With less to read, a second process costs more than it saves."""

Share = Sequence[tuple[int, Request]]
"""What one process is to do: requests, each with its place among all of them."""


class FailedFileError(Exception):
    """Checking a file failed, and it is not the file's fault; ``detail`` is what went wrong."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(path, detail)
        self.path = path
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


def pays(requests: Sequence[Request], options: RunOptions) -> bool:
    """Whether several processes pay: much to read in several folders, nothing of it to be run."""
    read_only = all(request.origin is Origin.FOUND and request.source is None for request in requests)
    in_folders = len({request.path.parent for request in requests}) > 1
    return read_only and not options.run and in_folders and sum(map(_size, requests)) >= FEWEST_BYTES


def reports_of(
    requests: Sequence[Request], options: RunOptions, config: Config
) -> list[Sequence[FileReport]]:
    """The reports of each request, in the order of the requests.

    Raises :class:`FailedFileError` where one of them fails.
    """
    from rnnlint.rules.registry import all_rules

    all_rules()  # once: the forked processes have them then
    own, *others = shares(requests, processors())
    with ExitStack() as stack:
        beside = [stack.enter_context(Beside(partial(_reports_of, each, options, config))) for each in others]
        made = dict(_reports_of(own, options, config))
        for each in beside:
            made.update(each.result())
    return [made[place] for place in range(len(requests))]


def shares(requests: Sequence[Request], count: int) -> list[Share]:
    """The requests dealt out to ``count`` processes at most: about as much to read for each, and the files of
    a folder together, since they share what is read around them."""
    folders: dict[Path, list[tuple[int, Request]]] = {}
    for place, request in enumerate(requests):
        folders.setdefault(request.path.parent, []).append((place, request))
    sizes = {folder: sum(_size(request) for _, request in each) for folder, each in folders.items()}
    dealt: list[list[tuple[int, Request]]] = [[] for _ in range(min(count, len(folders)))]
    loads = [0] * len(dealt)
    for folder in sorted(folders, key=lambda each: -sizes[each]):
        least = loads.index(min(loads))
        dealt[least] += folders[folder]
        loads[least] += sizes[folder]
    return [sorted(each, key=lambda one: one[0]) for each in dealt]


def _size(request: Request) -> int:
    try:
        return request.path.stat().st_size
    except OSError:  # it has gone: the reader has the sentence for it
        return 0


def _reports_of(share: Share, options: RunOptions, config: Config) -> Mapping[int, Sequence[FileReport]]:
    """The work of one process; its files share what was read around them."""
    shelf = Shelf()
    made: dict[int, Sequence[FileReport]] = {}
    with ExitStack() as stack:
        checker = Checker(options, config, Selection.of(config, options), stack)
        for place, request in share:
            try:
                made[place] = tuple(checker.reports(request, shelf))
            except Exception as error:
                raise FailedFileError(request.path, f"{type(error).__name__}: {error}") from error
    return made
