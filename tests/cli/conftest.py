"""Running the command line in this process, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Ended

from rnnlint.cli import command_line
from rnnlint.cli.failures import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the command line is in, with no word from this machine's terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RNNLINT_TRACEBACK", raising=False)
    return tmp_path


@pytest.fixture
def call(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """``call("--no-run", "backward.py")``."""

    def ended(*words: str) -> Ended:
        capsys.readouterr()
        status = run(command_line, list(words), "rnnlint")
        captured = capsys.readouterr()
        return Ended(status, captured.out, captured.err)

    return ended
