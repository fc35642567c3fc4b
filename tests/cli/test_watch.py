"""``--watch`` as a person uses it: on a terminal, with an editor that saves, ended by Ctrl-C."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from calling import Ended

TREE = Path(__file__).parents[2]
Call = Callable[..., Ended]

WRONG, RIGHT = "def backward(dh:\n    pass\n", "def backward(dh):\n    pass\n"
CLEARED = "\x1b[2J"
SECONDS = 60
"""Longer than a busy machine takes; nothing is judged by it."""


class Terminal:
    """A process on a terminal of its own, and what it has written there."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._mine, theirs = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": str(TREE), "TERM": "xterm"}
        command = [sys.executable, "-m", "rnnlint", *words]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.text = ""

    def wait_for(self, words: str, times: int = 1) -> None:
        """Until ``words`` have been written so often."""
        deadline = time.monotonic() + SECONDS
        while self.text.count(words) < times:
            assert time.monotonic() < deadline, f"{words!r} was not written:\n{self.text}"
            if select.select([self._mine], [], [], 0.1)[0]:
                self.text += os.read(self._mine, 65536).decode()

    def interrupt(self) -> int:
        """Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(SECONDS)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._mine)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def start(*words: str) -> Terminal:
        started.append(Terminal(tmp_path, *words))
        return started[-1]

    yield start
    for each in started:
        each.close()


def test_a_saved_file_is_checked_again(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    net, settings = tmp_path / "net.py", tmp_path / "pyproject.toml"
    net.write_text(WRONG, encoding="utf-8")
    watched = terminal("net.py", "--no-run", "--watch")
    watched.wait_for("Ctrl-C leaves.")
    assert "RNN002" in watched.text
    assert watched.text.count(CLEARED) == 1

    net.write_text(RIGHT, encoding="utf-8")
    watched.wait_for("Ctrl-C leaves.", 2)
    assert "RNN002" not in watched.text.rpartition(CLEARED)[2]

    (tmp_path / "notes.txt").write_text("nothing of ours", encoding="utf-8")
    settings.write_text('[tool.rnnlint]\nignor = ["RNN402"]\n', encoding="utf-8")
    watched.wait_for("unknown key 'ignor'")  # shown and waited out
    watched.wait_for("Ctrl-C leaves.", 3)
    settings.write_text("", encoding="utf-8")
    watched.wait_for("Ctrl-C leaves.", 4)
    assert watched.interrupt() == 0
    assert "Traceback" not in watched.text


@pytest.mark.parametrize(
    "words", [("--fix",), ("--write-baseline", "known.json"), ("-", "--stdin-filename", "net.py")]
)
def test_watching_only_shows(call: Call, folder: Path, words: tuple[str, ...]) -> None:
    (folder / "net.py").write_text(RIGHT, encoding="utf-8")
    ended = call("net.py", "--watch", *words)
    assert ended.status == 2
    assert "--watch only shows" in ended.err


def test_without_its_library_it_says_what_to_install(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "net.py").write_text(RIGHT, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    ended = call("net.py", "--watch")
    assert ended.status == 2
    assert ended.err == "rnnlint: --watch needs watchfiles: pip install 'rnnlint[watch]'\n"
