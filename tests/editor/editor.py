"""An editor of the least kind: a real client that talks to a real ``rnnlint server`` over its pipes."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

TREE = Path(__file__).parents[2]
SECONDS = 60
"""Longer than anything here takes on a busy machine; nothing is judged by it."""


class Editor(LanguageClient):
    """Keeps what the server shows, and waits for what it should show."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.shown: dict[str, types.PublishDiagnosticsParams] = {}
        self.history: list[types.PublishDiagnosticsParams] = []
        self.messages: list[str] = []
        self.log: list[str] = []
        self.progress: list[str] = []
        self._news = asyncio.Event()

        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def publish(params: types.PublishDiagnosticsParams) -> None:
            self.shown[params.uri] = params
            self.history.append(params)
            self._news.set()

        @self.feature(types.WINDOW_SHOW_MESSAGE)
        def message(params: types.ShowMessageParams) -> None:
            self.messages.append(params.message)
            self._news.set()

        @self.feature(types.WINDOW_LOG_MESSAGE)
        def log(params: types.LogMessageParams) -> None:
            self.log.append(params.message)
            self._news.set()

        @self.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def create(params: types.WorkDoneProgressCreateParams) -> None:
            """Agreed."""

        @self.feature(types.PROGRESS)
        def progress(params: types.ProgressParams) -> None:
            value = params.value
            said = value["title"] if value["kind"] == "begin" else value.get("message") or "broken off"
            self.progress.append(said)
            self._news.set()

    async def start(self, folder: Path, *words: str) -> types.InitializeResult:
        """Start the server as an editor's configuration says, in a workspace ``folder``."""
        environment = {**os.environ, "PYTHONPATH": str(TREE)}
        command = ("-m", "rnnlint", "server", *words)
        await self.start_io(sys.executable, *command, env=environment, cwd=folder)
        result = await self.initialize_async(
            types.InitializeParams(
                capabilities=types.ClientCapabilities(
                    window=types.WindowClientCapabilities(work_done_progress=True)
                ),
                process_id=os.getpid(),
                workspace_folders=[types.WorkspaceFolder(folder.as_uri(), folder.name)],
            )
        )
        self.initialized(types.InitializedParams())
        return result

    async def leave(self) -> int | None:
        """Shut the server down; its exit status."""
        await self.shutdown_async(None)
        self.exit(None)
        server = self._server
        assert server is not None
        await asyncio.wait_for(server.wait(), SECONDS)
        await self.stop()
        return server.returncode

    def runs(self) -> bool:
        """Whether the server has a process of its own at work."""
        server = self._server
        assert server is not None
        return bool(
            Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii").strip()
        )

    def open(self, path: Path, text: str, language: str = "python", uri: str | None = None) -> str:
        """Open a document; its URI."""
        uri = uri or path.as_uri()
        item = types.TextDocumentItem(uri, language, 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def type(self, uri: str, version: int, text: str) -> None:
        """Make ``text`` the document's text, unsaved."""
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version, uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def save(self, uri: str) -> None:
        """Say that the document is stored as it is."""
        self.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    async def wait_for(self, what: Callable[[], bool]) -> None:
        """Until the server has said ``what``."""

        async def heard() -> None:
            while not what():
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(heard(), SECONDS)

    async def diagnostics(self, uri: str, version: int) -> list[types.Diagnostic]:
        """The first that are shown of a version."""
        await self.wait_for(lambda: uri in self.shown and self.shown[uri].version == version)
        return list(self.shown[uri].diagnostics)

    async def measured(self, uri: str, version: int) -> list[types.Diagnostic]:
        """Those that a run of a version has left, that has a wrong gradient."""

        def is_there() -> bool:
            shown = self.shown.get(uri)
            return (
                shown is not None
                and shown.version == version
                and any("gradients are wrong" in each.message for each in shown.diagnostics)
            )

        await self.wait_for(is_there)
        return list(self.shown[uri].diagnostics)

    async def hover(self, uri: str, line: int, character: int) -> str:
        """What is shown over a place, as Markdown; empty where nothing is."""
        found = await self.text_document_hover_async(
            types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, character))
        )
        if found is None:
            return ""
        assert isinstance(found.contents, types.MarkupContent)
        return found.contents.value

    async def actions(self, uri: str, range_: types.Range, *only: str) -> list[types.CodeAction]:
        """The repairs that are offered for a range."""
        context = types.CodeActionContext([], only=list(only) or None)
        found = await self.text_document_code_action_async(
            types.CodeActionParams(types.TextDocumentIdentifier(uri), range_, context)
        )
        return [each for each in found or () if isinstance(each, types.CodeAction)]


def edited(text: str, edit: types.WorkspaceEdit, uri: str) -> str:
    """``text`` as an editor makes it, that counts columns in UTF-16."""
    assert edit.changes is not None
    lines = [line.encode("utf-16-le") for line in text.split("\n")]
    changes = sorted(edit.changes[uri], key=lambda each: (each.range.start.line, each.range.start.character))
    for change in reversed(changes):
        start, end = change.range.start, change.range.end
        head = lines[start.line][: 2 * start.character]
        tail = lines[end.line][2 * end.character :]
        lines[start.line : end.line + 1] = [head + change.new_text.encode("utf-16-le") + tail]
    return "\n".join(line.decode("utf-16-le") for line in lines)
