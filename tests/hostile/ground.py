"""Ground on which a hostile submission may do its worst: a folder, three listeners, and a count of processes.

An armed copy of a submission knows the folder and the listeners; the submissions as they lie in ``fixtures/``
know neither, and touch nothing.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

HOSTILE = Path(__file__).parents[2] / "fixtures" / "hostile"
EXPECTED: Mapping[str, Mapping[str, Any]] = tomllib.loads((HOSTILE / "expected.toml").read_text("utf-8"))
_PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Ground:
    """A context manager: what is standing on it may be harmed, and says so."""

    folder: Path = field(init=False)
    patience: float = 30.0  # a busy machine takes its seconds to end what was killed

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="rnnlint-canary-"))
        self.folder.chmod(0o777)
        self._kept = self.folder / "kept"
        self._kept.write_text("alive", encoding="utf-8")
        self._kept.chmod(0o666)
        self._before = self._state()
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._unix = socket.socket(socket.AF_UNIX)
        self._unix.bind(f"\0rnnlint-hostile-{self.port}")
        self._unix.listen()
        for listener in (self._tcp, self._udp, self._unix):
            listener.setblocking(False)
        _adopt_orphans(True)
        self._others = _children()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in (self._tcp, self._udp, self._unix):
            listener.close()
        _adopt_orphans(False)
        shutil.rmtree(self.folder)

    def armed(self, name: str) -> str:
        """The submission's text, with this folder and these listeners for its targets."""
        text = (HOSTILE / name / "rnn_layers.py").read_text(encoding="utf-8")
        text = text.replace('CANARY = "/nonexistent"', f'CANARY = "{self.folder}"')
        return text.replace("PORT = 0 ", f"PORT = {self.port} ")

    def harm(self) -> list[str]:
        """What has been done to the folder and heard by the listeners since the last time."""
        done = [name for name, changed in self._changes().items() if changed]
        for name, listener in (("tcp", self._tcp), ("abstract socket", self._unix)):
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                done.append(name)
        with contextlib.suppress(BlockingIOError):
            self._udp.recv(100)
            done.append("udp")
        return done

    def survivors(self, beside: int = 0) -> set[int]:
        """Processes under this one that what was begun on this ground has left, where more than ``beside`` go
        on running. What stood here before goes about its own business, and may fork while it does.
        """
        until = time.monotonic() + self.patience
        while len(found := _descendants(self._others)) > beside:
            if time.monotonic() > until:
                return found
            time.sleep(0.01)
        return set()

    def _changes(self) -> dict[str, bool]:
        now = self._state()
        changes = {"the folder": now != self._before}
        for path in self.folder.iterdir():
            if path.name != "kept":
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        if now.get("kept") != self._before["kept"]:
            self._kept.write_text("alive", encoding="utf-8")
            self._kept.chmod(0o666)
        self._before = self._state()
        return changes

    def _state(self) -> dict[str, tuple[int, int, int]]:
        found = {path.name: path.lstat() for path in self.folder.iterdir()}
        return {name: (stat.st_mode, stat.st_size, stat.st_mtime_ns) for name, stat in found.items()}


def _adopt_orphans(adopt: bool) -> None:
    """Have what outlives its parent become our child, where it can be seen."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(adopt), 0, 0, 0)


def _children() -> set[int]:
    return {pid for pid, parent in _running() if parent == os.getpid()}


def _descendants(others: set[int]) -> set[int]:
    """All running processes below this one, as /proc tells, but for these children and what is below them."""
    parents = dict(_running())
    below: set[int] = set()
    grown = {os.getpid()}
    while grown:
        below |= grown
        grown = {pid for pid, parent in parents.items() if parent in grown} - below - others
    return below - {os.getpid()}


def _running() -> Iterator[tuple[int, int]]:
    """Every process that is no zombie, with its parent."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    yield int(entry.name), int(parent)
