"""``rnnlint server`` and a real client: what an editor shows while a program is written, saved, repaired."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from editor import SECONDS, TREE, Editor, edited
from lsprotocol import types

T = TypeVar("T")

ARTICLE = TREE / "fixtures" / "article"
BACKWARD = (ARTICLE / "backward.py").read_text(encoding="utf-8")
WHOLE = types.Range(types.Position(0, 0), types.Position(10_000, 0))


@dataclass
class Loop:
    """The loop that a server's client lives on."""

    runner: asyncio.Runner
    editor: Editor
    folder: Path
    answer: types.InitializeResult

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """One server for all tests here; each opens files of its own."""
    folder = tmp_path_factory.mktemp("workspace")
    with asyncio.Runner() as runner:

        async def begin() -> tuple[Editor, types.InitializeResult]:
            editor = Editor()
            return editor, await editor.start(folder)

        editor, answer = runner.run(begin())
        yield Loop(runner, editor, folder, answer)
        assert runner.run(editor.leave()) == 0


@pytest.fixture
def project(session: Loop, request: pytest.FixtureRequest) -> Path:
    """The article's program in a folder of its own."""
    folder = session.folder / request.node.name.partition("[")[0]
    shutil.copytree(ARTICLE, folder, ignore=shutil.ignore_patterns("twins", "corrected", "__pycache__"))
    return folder


@pytest.fixture(scope="module")
def saved(session: Loop) -> str:
    """The article's program, open and saved and measured; nobody changes it. Its URI."""
    folder = session.folder / "saved"
    shutil.copytree(ARTICLE, folder, ignore=shutil.ignore_patterns("twins", "corrected", "__pycache__"))

    async def saving() -> str:
        uri = session.editor.open(folder / "backward.py", BACKWARD)
        session.editor.save(uri)
        await session.editor.measured(uri, 1)
        return uri

    return session.run(saving())


async def until(what: Callable[[], bool]) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(SECONDS):
        while not what():
            await asyncio.sleep(0.05)


def line_of(text: str, words: str) -> int:
    """Counted from 0."""
    return text[: text.index(words)].count("\n")


def range_of(text: str, words: str) -> types.Range:
    line = line_of(text, words)
    column = text.split("\n")[line].index(words)
    return types.Range(types.Position(line, column), types.Position(line, column + len(words)))


def by_code(shown: list[types.Diagnostic], code: str) -> list[types.Diagnostic]:
    return [each for each in shown if each.code == code]


def test_what_it_offers(session: Loop) -> None:
    offered = session.answer.capabilities
    assert session.answer.server_info is not None
    assert session.answer.server_info.name == "rnnlint"
    assert offered.hover_provider
    assert isinstance(offered.code_action_provider, types.CodeActionOptions)
    assert list(offered.code_action_provider.code_action_kinds or ()) == ["quickfix", "source.fixAll.rnnlint"]


def test_findings_are_shown_as_the_text_is_typed(session: Loop, project: Path) -> None:
    async def typing() -> None:
        editor = session.editor
        uri = editor.open(project / "backward.py", BACKWARD)
        first = await editor.diagnostics(uri, 1)
        (wrapped,) = by_code(first, "RNN101")
        assert wrapped.range == range_of(BACKWARD, "C[t - 1]")
        assert wrapped.severity is types.DiagnosticSeverity.Error
        assert wrapped.source == "rnnlint"
        (place,) = wrapped.related_information or ()
        assert place.location.uri == (project / "forward.py").as_uri()

        mended = BACKWARD.replace("C[t - 1]", "C[t]")
        for version in range(2, 30):  # letter by letter
            editor.type(uri, version, mended + "#" * version)
        second = await editor.diagnostics(uri, 29)
        assert not by_code(second, "RNN101")
        assert by_code(second, "RNN202")
        told = {each.version for each in editor.history if each.uri == uri}
        assert told <= {1, 2, 28, 29}  # nobody reads what is being typed

    session.run(typing())


def test_saving_measures_the_gradients(session: Loop, saved: str) -> None:
    shown = list(session.editor.shown[saved].diagnostics)
    (verdict,) = (each for each in shown if each.code is None)
    assert verdict.range.start.line == line_of(BACKWARD, "def backward")
    assert verdict.message.startswith("9 of 10 gradients are wrong (relative errors): W_f ")
    assert verdict.message.endswith("With all fixes they are right.")
    (wrapped,) = by_code(shown, "RNN101")
    assert "(Proven: left alone, the error of " in wrapped.message


def test_a_change_ends_the_run_that_it_makes_useless(session: Loop, project: Path) -> None:
    async def changing() -> None:
        editor = session.editor
        uri = editor.open(project / "backward.py", BACKWARD)
        editor.save(uri)
        editor.type(uri, 2, "x = 1\n")
        assert await editor.diagnostics(uri, 2) == []
        editor.type(uri, 3, BACKWARD)
        editor.save(uri)
        await editor.measured(uri, 3)
        assert not [
            each
            for told in editor.history
            for each in told.diagnostics
            if told.uri == uri and told.version != 3 and "gradients are wrong" in each.message
        ]

    session.run(changing())


def test_typing_is_answered_while_a_program_runs(session: Loop, project: Path) -> None:
    endless = BACKWARD.replace("    for t in", "    while True:\n        pass\n    for t in", 1)
    assert endless != BACKWARD

    async def typing() -> None:
        editor = session.editor
        uri = editor.open(project / "backward.py", endless)
        await editor.diagnostics(uri, 1)
        editor.save(uri)
        await until(editor.runs)
        (wrapped,) = by_code(list(editor.shown[uri].diagnostics), "RNN101")
        assert "RNN101" in await editor.hover(uri, wrapped.range.start.line, wrapped.range.start.character)
        editor.type(uri, 2, BACKWARD)
        assert by_code(await editor.diagnostics(uri, 2), "RNN101")
        await until(lambda: not editor.runs())  # the change has ended it
        assert "broken off" in editor.progress

    session.run(typing())


def test_a_hover_tells_the_derivation_and_the_rules_page(session: Loop, project: Path) -> None:
    async def hovering() -> None:
        editor = session.editor
        uri = editor.open(project / "backward.py", BACKWARD)
        await editor.diagnostics(uri, 1)
        place = range_of(BACKWARD, "C[t - 1]").start
        page = await editor.hover(uri, place.line, place.character + 2)
        assert "forward.py:12 stores the initial state first" in page
        assert "# RNN101 wrapped-previous-state" in page
        assert "## Why it is wrong" in page
        assert await editor.hover(uri, 0, 0) == ""

    session.run(hovering())


def test_a_hover_over_the_pass_shows_its_parameters(session: Loop, saved: str) -> None:
    page = session.run(session.editor.hover(saved, line_of(BACKWARD, "def backward"), 5))
    assert "| `W_f` | wrong |" in page
    assert "| `b_v` | right |" in page


def test_a_fix_that_no_run_has_verified_says_so(session: Loop, project: Path) -> None:
    async def asking() -> None:
        editor = session.editor
        uri = editor.open(project / "backward.py", BACKWARD)
        await editor.diagnostics(uri, 1)
        fix, ignore = await editor.actions(uri, range_of(BACKWARD, "C[t - 1]"))
        assert fix.title == "Use C[t] (not verified by a run)"
        assert not fix.is_preferred
        assert ignore.title == "Ignore RNN101 on this line"

    session.run(asking())


def test_the_verified_fix_is_preferred_and_repairs_the_line(session: Loop, saved: str) -> None:
    async def fixing() -> None:
        place = range_of(BACKWARD, "C[t - 1]")
        fix, _ = await session.editor.actions(saved, place, "quickfix")
        assert fix.title == "Use C[t]"
        assert fix.is_preferred
        assert fix.edit is not None
        assert edited(BACKWARD, fix.edit, saved) == BACKWARD.replace("C[t - 1]", "C[t]")
        assert await session.editor.actions(saved, place, "refactor") == []

    session.run(fixing())


def test_all_verified_fixes_together_make_it_right(session: Loop, saved: str, project: Path) -> None:
    async def fixing() -> None:
        editor = session.editor
        assert not [each for each in await editor.actions(saved, WHOLE) if each.kind != "quickfix"]
        (all_of_them,) = await editor.actions(saved, WHOLE, "source.fixAll")
        assert all_of_them.title == "Apply 9 verified fixes"
        assert all_of_them.edit is not None
        uri = editor.open(project / "backward.py", edited(BACKWARD, all_of_them.edit, saved))
        editor.save(uri)
        await editor.wait_for(lambda: any(line.startswith("Right: 10 of 10") for line in editor.log))
        assert any(said.startswith("Right: 10 of 10 gradients of ") for said in editor.progress)
        assert [each for each in editor.shown[uri].diagnostics if each.code is None] == []

    session.run(fixing())


def test_an_ignored_line_is_silent(session: Loop, project: Path) -> None:
    async def ignoring() -> None:
        editor = session.editor
        uri = editor.open(project / "backward.py", BACKWARD)
        await editor.diagnostics(uri, 1)
        *_, ignore = await editor.actions(uri, range_of(BACKWARD, "C[t - 1]"))
        assert ignore.edit is not None
        text = edited(BACKWARD, ignore.edit, uri)
        assert "C_prev = C[t - 1]  # rnnlint: ignore[RNN101]\n" in text
        editor.type(uri, 2, text)
        assert not by_code(await editor.diagnostics(uri, 2), "RNN101")

    session.run(ignoring())


def test_columns_are_counted_in_utf_16(session: Loop, project: Path) -> None:
    text = BACKWARD.replace("C_prev = C[t - 1]", "é, C_prev = '𝜎𝜎', C[t - 1]")
    assert text != BACKWARD

    async def counting() -> None:
        editor = session.editor
        uri = editor.open(project / "backward.py", text)
        shown = await editor.diagnostics(uri, 1)
        (wrapped,) = by_code(shown, "RNN101")
        place = range_of(text, "C[t - 1]")
        assert wrapped.range.start.character == place.start.character + 2  # two letters of two units each
        fix, _ = await editor.actions(uri, wrapped.range)
        assert fix.edit is not None
        assert edited(text, fix.edit, uri) == text.replace("C[t - 1]", "C[t]")

    session.run(counting())


def test_the_configuration_holds_here_too(session: Loop, project: Path) -> None:
    async def configuring() -> None:
        editor = session.editor
        settings = project / "pyproject.toml"
        settings.write_text('[tool.rnnlint]\nignore = ["RNN101"]\n', encoding="utf-8")
        uri = editor.open(project / "backward.py", BACKWARD)
        shown = await editor.diagnostics(uri, 1)
        assert by_code(shown, "RNN202")
        assert not by_code(shown, "RNN101")

        settings.write_text('[tool.rnnlint]\nexclude = ["back*.py"]\n', encoding="utf-8")
        editor.type(uri, 2, BACKWARD + "\n")
        assert await editor.diagnostics(uri, 2) == []

        settings.write_text('[tool.rnnlint]\nignor = ["RNN101"]\n', encoding="utf-8")
        change = types.FileEvent(settings.as_uri(), types.FileChangeType.Changed)
        editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([change]))
        await editor.wait_for(lambda: any("unknown key 'ignor'" in said for said in editor.messages))

    session.run(configuring())


def test_a_notebook_is_left_alone_and_that_is_said_once(session: Loop) -> None:
    async def opening() -> None:
        editor = session.editor
        for number in range(2):
            cell = f"vscode-notebook-cell:/course/week3.ipynb#W{number}"
            editor.open(Path(), BACKWARD, uri=cell)
        await editor.wait_for(lambda: any("week3.ipynb" in said for said in editor.messages))
        uri = editor.open(session.folder / "other.py", "x = 1\n")
        assert await editor.diagnostics(uri, 1) == []  # the server has gone on
        assert sum("week3.ipynb" in said for said in editor.messages) == 1
        assert not any("week3" in shown for shown in editor.shown)

    session.run(opening())


def test_a_text_that_is_stored_nowhere_is_read(session: Loop) -> None:
    one_file = (ARTICLE / "one_file.py").read_text(encoding="utf-8")

    async def opening() -> None:
        uri = session.editor.open(Path(), one_file, uri="untitled:Untitled-1")
        assert by_code(await session.editor.diagnostics(uri, 1), "RNN101")

    session.run(opening())


def test_closing_clears(session: Loop, project: Path) -> None:
    async def closing() -> None:
        editor = session.editor
        uri = editor.open(project / "backward.py", BACKWARD)
        assert await editor.diagnostics(uri, 1)
        editor.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
        await editor.wait_for(lambda: not editor.shown[uri].diagnostics)

    session.run(closing())


def test_with_no_run_nothing_is_run(tmp_path: Path) -> None:
    async def saving() -> int | None:
        editor = Editor()
        await editor.start(tmp_path, "--no-run")
        shutil.copy(ARTICLE / "one_file.py", tmp_path / "net.py")
        text = (tmp_path / "net.py").read_text(encoding="utf-8")
        uri = editor.open(tmp_path / "net.py", text)
        editor.save(uri)
        shown = await editor.diagnostics(uri, 1)
        assert by_code(shown, "RNN101")
        assert not [each for each in shown if "Proven" in each.message or each.code is None]
        return await editor.leave()

    assert asyncio.run(saving()) == 0
