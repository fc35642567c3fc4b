"""The two checks of a text: reading it in a thread, and running it in a process that can be ended."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import sys
import tokenize
from pathlib import Path

from rnnlint.config import load_config
from rnnlint.discovery import discover
from rnnlint.findings import Finding
from rnnlint.records import dataclass
from rnnlint.results import Origin, RunOptions, SandboxMode
from rnnlint.server.reading import Measured, measured
from rnnlint.source import source_of_text

SECONDS_AT_MOST = 120
"""A run that takes longer is ended; its own limits end it long before."""
SECONDS_TO_LEAVE = 2


class RunFailedError(Exception):
    """The child process has no report; the message is what it said."""


def is_excluded(path: Path) -> bool:
    """Whether the configuration that holds for ``path`` excludes it.

    Raises :class:`rnnlint.config.ConfigurationError`.
    """
    config = load_config(path)
    return not discover([path], config.exclude, config.root, force_exclude=True)


def read(path: Path, text: str, *, stored: bool = True) -> tuple[Finding, ...]:
    """The static findings of ``text``, the file at ``path`` as an editor holds it; nothing is run.

    What its configuration hides is hidden. A text that is not ``stored`` has no files around it. Raises
    :class:`rnnlint.config.ConfigurationError`.
    """
    from rnnlint import api

    request = api.Request(path, Origin.FOUND, source_of_text(path, text), alone=not stored)
    report = api.check([request], RunOptions(run=False, cache=False), load_config(path))
    own = (file for file in report.files if file.path == path)
    return tuple(finding for file in own for finding in file.findings)


@dataclass(frozen=True, slots=True)
class Child:
    """How texts are run: in which sandbox."""

    sandbox: SandboxMode = SandboxMode.AUTO

    async def run(self, path: Path, text: str) -> Measured:
        """What a run of ``text`` finds, that is stored at ``path``.

        Where the task is cancelled the process is ended, with all that it has started. Raises
        :class:`RunFailedError`.
        """
        # -P: a file of the user's must not stand in for a module of ours
        words = ("-P", "-m", "rnnlint", "check", "-", "--stdin-filename", str(path), "--run")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            "--output-format",
            "json",
            "--sandbox",
            self.sandbox.value,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(_stored(text)), SECONDS_AT_MOST)
        except TimeoutError:
            raise RunFailedError(f"{path}: the run took more than {SECONDS_AT_MOST} seconds.") from None
        finally:
            if process.returncode is None:
                await _end(process)
        try:
            document = json.loads(out)
        except json.JSONDecodeError:
            said = err.decode(errors="replace").strip()
            raise RunFailedError(said or f"{path}: the run left no report.") from None
        return measured(document, path, Path.cwd())


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask ``process`` to clean up and leave, as Ctrl-C does, and end it where it does not."""
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), SECONDS_TO_LEAVE)
    except TimeoutError:
        process.kill()
        await process.wait()


def _stored(text: str) -> bytes:
    """``text`` as a file would hold it: in the encoding that its first lines declare."""
    raw = text.encode("utf-8", "surrogatepass")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    except SyntaxError:
        encoding = "utf-8"
    return text.encode(encoding, "replace")
