"""Telling an editor that a program is being run, and how that ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from rnnlint.records import dataclass


@dataclass(slots=True)
class Outcome:
    """How a piece of work ended, in a line; empty where it was broken off."""

    said: str = ""


@asynccontextmanager
async def shown(server: LanguageServer, title: str) -> AsyncIterator[Outcome]:
    """Show ``title`` while the block runs, then its outcome, in an editor that shows such things."""
    outcome = Outcome()
    window = server.client_capabilities.window
    if window is None or not window.work_done_progress:
        yield outcome
        return
    token = str(uuid4())
    await server.work_done_progress.create_async(token)
    server.work_done_progress.begin(token, types.WorkDoneProgressBegin(title))
    try:
        yield outcome
    finally:
        server.work_done_progress.end(token, types.WorkDoneProgressEnd(message=outcome.said or None))
