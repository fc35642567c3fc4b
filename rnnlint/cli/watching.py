"""``--watch``: the check again whenever a file is saved that it depends on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING

import click

from rnnlint.cli.failures import Mistake
from rnnlint.cli.outputs import is_terminal
from rnnlint.discovery import SUFFIXES

if TYPE_CHECKING:
    from watchfiles import Change

SETTINGS = ("pyproject.toml", ".gitignore")
MILLISECONDS = 100
"""How long a change may wait to be seen."""


def watch(paths: Sequence[Path], check: Callable[[], Sequence[Path]]) -> None:
    """Call ``check`` now and after every change, until Ctrl-C; it says which files it has looked at.

    A mistake of the moment (a file that is half written, a setting that is mistyped) is shown and waited out.
    Raises :class:`Mistake` where the library that watches is not installed.
    """
    _require_library()
    with _leaving_by_interrupt() as left:
        recursive = any(path.is_dir() for path in paths)
        folders = _folders(paths, ())
        changes = _begun(folders, left, recursive=recursive)
        while not left.is_set():
            wider = _folders(paths, _checked(check))
            if not folders >= wider:
                folders |= wider
                changes.close()
                changes = _begun(folders, left, recursive=recursive)
            any(changes)  # until something has changed, or the end


@contextmanager
def _leaving_by_interrupt() -> Iterator[Event]:
    """Ctrl-C ends the block, whatever it is doing, and sets the event.

    The event is for the watch, and for an interrupt that gets lost in somebody's destructor.
    """
    left = Event()

    def leave(number: int, frame: FrameType | None) -> None:
        left.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, leave)
    try:
        yield left
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGINT, before)


def _checked(check: Callable[[], Sequence[Path]]) -> Sequence[Path]:
    if is_terminal():
        click.clear()
    try:
        looked_at = check()
    except Mistake as mistake:
        mistake.show()
        looked_at = ()
    click.echo("\nWatching: save a file to check again, Ctrl-C leaves.", err=True)
    return looked_at


def _folders(paths: Sequence[Path], looked_at: Sequence[Path]) -> frozenset[Path]:
    """The folders named, and those that hold the files named and the files that were looked at."""
    holders = [path if path.is_dir() else path.parent for path in (*paths, *looked_at)]
    return frozenset(folder.absolute() for folder in holders if folder.is_dir())


def _begun(
    folders: Iterable[Path], left: Event, *, recursive: bool
) -> Generator[set[tuple[Change, str]], None, None]:
    """The changes in the folders from now on, also those that nobody waits for; an empty set for none."""
    from watchfiles import watch

    changes = watch(
        *folders,
        watch_filter=_matters,
        recursive=recursive,
        raise_interrupt=False,
        stop_event=left,
        rust_timeout=MILLISECONDS,
        yield_on_timeout=True,
    )
    next(changes, None)  # it watches from its first answer on
    return changes


def _matters(change: Change, path: str) -> bool:
    file = Path(path)
    return file.suffix in SUFFIXES or file.name in SETTINGS


def _require_library() -> None:
    try:
        import watchfiles  # noqa: F401
    except ModuleNotFoundError:
        raise Mistake("--watch needs watchfiles: pip install 'rnnlint[watch]'") from None
