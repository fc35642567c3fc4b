"""The language server: which documents are open, what is known of each, and what the editor asks of them.

Everything here runs on one event loop. A document is read a moment after its text changed, in a thread; it is
run when it is saved, in a process. What is known is always of the document's present version: a result that
comes for another one is dropped, and a change ends the run that it has made useless.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer

from rnnlint import __version__
from rnnlint.config import ConfigurationError
from rnnlint.discovery import SUFFIXES, speaks_of_backward_pass
from rnnlint.findings import Finding
from rnnlint.records import dataclass
from rnnlint.results import SandboxMode
from rnnlint.server import checking, diagnostics, progress
from rnnlint.server.actions import KINDS, actions
from rnnlint.server.hover import hover
from rnnlint.server.positions import Lines
from rnnlint.server.reading import Measured
from rnnlint.source import UnreadableSourceError, read_source

SECONDS_OF_QUIET = 0.2
"""How long nobody must have typed before a text is read."""

NOTEBOOKS = (
    "rnnlint does not check notebooks in the editor. In the notebook: %load_ext rnnlint, then %rnnlint; "
    "in a terminal: rnnlint {name}."
)


@dataclass(slots=True)
class Document:
    """An open document and what is known of its present version."""

    uri: str
    path: Path
    version: int
    text: str
    findings: tuple[Finding, ...] = ()
    run: Measured | None = None
    task: asyncio.Task[None] | None = None

    def change(self, version: int, text: str) -> None:
        """Another version, of which nothing is known yet."""
        self.stop()
        self.version, self.text, self.findings, self.run = version, text, (), None

    @property
    def is_stored(self) -> bool:
        """Whether it is a file, not something that the editor alone knows."""
        return urlsplit(self.uri).scheme == "file"

    def stop(self) -> None:
        """End what is being done."""
        if self.task is not None:
            self.task.cancel()
            self.task = None


class Server(LanguageServer):
    """rnnlint as an editor talks to it; ``child`` is how texts are run, None where nothing is."""

    def __init__(self, child: checking.Child | None) -> None:
        # whole texts: changes by line would be cut at form feeds, and a file of this kind is small
        super().__init__("rnnlint", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.child = child
        self.documents: dict[str, Document] = {}
        self.said: set[str] = set()
        self._reading = asyncio.Lock()  # one text at a time: while one is read, the others only wait

    def lines(self, document: Document) -> Lines:
        """The document's text in the client's units."""
        return Lines(document.uri, document.text, self.workspace.position_codec)

    def opened(self, item: types.TextDocumentItem) -> None:
        """Take a document in and read it; a notebook is left alone, which is said once."""
        path = Path(uris.to_fs_path(item.uri) or urlsplit(item.uri).path).absolute()
        if path.suffix == ".ipynb":
            self.say(NOTEBOOKS.format(name=path.name), types.MessageType.Info)
        elif item.language_id == "python" or path.suffix in SUFFIXES:
            document = Document(item.uri, path, item.version, item.text)
            self.documents[item.uri] = document
            self.start(document, self.read(document))

    def start(self, document: Document, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` in the background instead of what is being done for the document."""
        document.stop()
        document.task = asyncio.get_running_loop().create_task(work)
        document.task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            said = "".join(traceback.format_exception(error))
            self.log(types.MessageType.Error, f"rnnlint: internal error, please report it.\n{said}")

    async def read(self, document: Document) -> None:
        """The static findings of the document's present version."""
        await asyncio.sleep(SECONDS_OF_QUIET)
        version = document.version
        async with self._reading:
            found = await self._static(document)
        if document.version == version and document.run is None:
            document.findings = found
            self.publish(document)

    async def _static(self, document: Document) -> tuple[Finding, ...]:
        if not self.concerns(document):
            return ()
        try:
            return await asyncio.to_thread(
                checking.read, document.path, document.text, stored=document.is_stored
            )
        except ConfigurationError as error:
            self.say(str(error), types.MessageType.Error)
            return ()

    async def measure(self, document: Document) -> None:
        """The findings of a run of the version that was saved, or of reading it where none can be had."""
        version = document.version
        if self.child is None or not self.concerns(document):
            await self.read(document)
            return
        async with progress.shown(self, f"rnnlint: running {document.path.name}") as outcome:
            try:
                run = await self.child.run(document.path, document.text)
            except checking.RunFailedError as error:
                outcome.said = "not checked"
                self.log(types.MessageType.Error, str(error))
                await self.read(document)
                return
            verdicts = [str(check) for check in run.checks]
            outcome.said = " ".join(said.partition("\n")[0] for said in verdicts)
        if document.version == version:
            document.run, document.findings = run, run.findings
            self.publish(document)
            for said in verdicts:
                self.log(types.MessageType.Info, said)

    def concerns(self, document: Document) -> bool:
        """Whether there may be something to find in it, and the configuration does not exclude it."""
        if not speaks_of_backward_pass(document.text.encode("utf-8", "replace")):
            return False
        try:
            return not (document.is_stored and checking.is_excluded(document.path))
        except ConfigurationError as error:
            self.say(str(error), types.MessageType.Error)
            return False

    def publish(self, document: Document) -> None:
        """Show what is known of the document."""
        lines = self.lines(document)
        shown = [diagnostics.diagnostic(finding, lines) for finding in document.findings]
        if document.run is not None:
            shown += diagnostics.of_checks(document.run, document.path, lines)
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(document.uri, shown, document.version)
        )

    def texts(self, document: Document) -> dict[Path, Lines]:
        """The document and the files that its fixes change, those that are open as they are in the editor."""
        open_ = {each.path: each for each in self.documents.values()}
        texts = {document.path: self.lines(document)}
        for path in _changed(document.findings):
            if path in open_:
                texts[path] = self.lines(open_[path])
                continue
            try:
                text = read_source(path).text
            except UnreadableSourceError:
                continue  # its fix is not offered
            texts[path] = Lines(uris.from_fs_path(str(path)) or "", text, self.workspace.position_codec)
        return texts

    def log(self, kind: types.MessageType, message: str) -> None:
        """A line for the editor's log."""
        self.window_log_message(types.LogMessageParams(kind, message))

    def say(self, message: str, kind: types.MessageType) -> None:
        """Show a message, each only once."""
        if message not in self.said:
            self.said.add(message)
            self.window_show_message(types.ShowMessageParams(kind, message))


def _changed(findings: Iterable[Finding]) -> set[Path]:
    return {edit.path for finding in findings if finding.fix is not None for edit in finding.fix.edits}


def language_server(*, run: bool = True, sandbox: SandboxMode = SandboxMode.AUTO) -> Server:
    """The server with all that it can do; ``start_io()`` lets it talk on standard input and output."""
    server = Server(checking.Child(sandbox) if run else None)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        server.opened(params.text_document)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        document = server.documents.get(params.text_document.uri)
        if document is not None:
            text = server.workspace.get_text_document(document.uri).source
            document.change(params.text_document.version, text)
            server.start(document, server.read(document))

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        document = server.documents.get(params.text_document.uri)
        if document is not None:
            server.start(document, server.measure(document))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        document = server.documents.pop(params.text_document.uri, None)
        if document is not None:
            document.stop()
            server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(document.uri, []))

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(_: types.DidChangeWatchedFilesParams) -> None:
        for document in server.documents.values():  # a sibling or the configuration is another one now
            document.run = None
            server.start(document, server.read(document))

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def show(params: types.HoverParams) -> types.Hover | None:
        document = server.documents.get(params.text_document.uri)
        if document is None:
            return None
        return hover(params.position, document.findings, document.run, document.path, server.lines(document))

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=list(KINDS)))
    def repair(params: types.CodeActionParams) -> list[types.CodeAction]:
        document = server.documents.get(params.text_document.uri)
        return actions(params, document.path, document.findings, server.texts(document)) if document else []

    @server.feature(types.SHUTDOWN)
    async def shutdown(_: None) -> None:
        tasks = [document.task for document in server.documents.values() if document.task is not None]
        for document in server.documents.values():
            document.stop()
        await asyncio.gather(*tasks, return_exceptions=True)  # their processes have ended

    return server
