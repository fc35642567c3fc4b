"""What a user can do wrong ends in one clear sentence and the right status, never in a traceback."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from calling import Ended

from rnnlint import api

Call = Callable[..., Ended]


def one_sentence(text: str) -> str:
    """The one line of ``text``."""
    (line,) = text.strip().splitlines()
    return line


class TestPaths:
    def test_no_such_file(self, call: Call) -> None:
        ended = call("backward.py")
        assert (ended.status, ended.out) == (2, "")
        assert one_sentence(ended.err) == "rnnlint: backward.py: there is no such file or folder."

    def test_no_such_file_but_one_of_nearly_that_name(self, call: Call, folder: Path) -> None:
        (folder / "backward.py").write_text("", encoding="utf-8")
        assert one_sentence(call("bakward.py").err).endswith("Did you mean backward.py?")

    def test_a_misspelt_command(self, call: Call) -> None:
        assert one_sentence(call("ruel").err).endswith("Did you mean rule?")

    def test_a_folder_without_programs(self, call: Call, folder: Path) -> None:
        (folder / "data").mkdir()
        (folder / "data" / "names.txt").write_text("x", encoding="utf-8")
        ended = call("data")
        assert ended.status == 2
        assert one_sentence(ended.err) == "rnnlint: data: holds no Python file and no notebook; name one."

    def test_a_link_to_nothing(self, call: Call, folder: Path) -> None:
        (folder / "lstm.py").symlink_to("gone.py")
        ended = call("lstm.py")
        assert ended.status == 2
        assert one_sentence(ended.err) == "rnnlint: lstm.py: is a link to gone.py, where there is nothing."

    def test_a_link_in_a_circle_is_no_file_of_its_folder(self, call: Call, folder: Path) -> None:
        (folder / "a.py").symlink_to("b.py")
        (folder / "b.py").symlink_to("a.py")
        (folder / "lstm.py").write_text("x = 1\n", encoding="utf-8")
        assert call("--no-run", ".").status == 0

    def test_a_device_without_an_end(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rnnlint.source.LARGEST_BYTES", 1000)
        ended = call("--no-run", "/dev/zero")
        assert ended.status == 2
        assert one_sentence(ended.out) == "/dev/zero: is too large for a program (limit 1,000 bytes)."

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
    def test_a_folder_that_may_not_be_read(self, call: Call, folder: Path) -> None:
        (folder / "secret").mkdir(mode=0)
        ended = call("secret")
        assert ended.status == 2
        assert one_sentence(ended.err) == "rnnlint: secret: the folder cannot be read (permission denied)."

    def test_a_binary_file(self, call: Call, folder: Path) -> None:
        (folder / "weights.py").write_bytes(b"\x93NUMPY\x00\x01")
        ended = call("--no-run", "weights.py")
        assert ended.status == 2
        assert one_sentence(ended.out) == "weights.py: is binary, not Python source."

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
    def test_a_file_that_may_not_be_read(self, call: Call, folder: Path) -> None:
        file = folder / "secret.py"
        file.write_text("x = 1\n", encoding="utf-8")
        file.chmod(0)
        ended = call("--no-run", "secret.py")
        assert ended.status == 2
        assert "secret.py: cannot be read" in one_sentence(ended.out)

    def test_a_notebook_that_is_none(self, call: Call, folder: Path) -> None:
        (folder / "lstm.ipynb").write_text("{}", encoding="utf-8")
        ended = call("--no-run", "lstm.ipynb")
        assert ended.status == 2
        assert one_sentence(ended.out) == "lstm.ipynb: is not a notebook (it has no list of cells)."

    def test_one_bad_file_does_not_silence_the_others(self, call: Call, folder: Path) -> None:
        (folder / "weights.py").write_bytes(b"\x00")
        (folder / "broken.py").write_text("def f(:\n", encoding="utf-8")
        ended = call("--no-run", "weights.py", "broken.py")
        assert ended.status == 2
        assert "RNN002" in ended.out

    def test_no_path_at_all(self, call: Call) -> None:
        ended = call("check")
        assert ended.status == 2
        assert "Name a file or a folder to check." in ended.err


class TestContents:
    def test_an_empty_file_is_nothing_to_judge(self, call: Call, folder: Path) -> None:
        (folder / "empty.py").write_text("", encoding="utf-8")
        ended = call("--no-run", "empty.py")
        assert ended.status == 0
        assert one_sentence(ended.out) == "empty.py  No findings, reading alone; nothing was run."

    def test_a_syntax_error_is_a_finding(self, call: Call, folder: Path) -> None:
        (folder / "broken.py").write_text("x = 1\ndef f(:\n", encoding="utf-8")
        ended = call("--no-run", "broken.py", "--output-format", "concise")
        assert ended.status == 1
        assert one_sentence(ended.out).startswith("broken.py:2:")
        assert "RNN002 error" in ended.out


class TestOptions:
    def test_an_unknown_rule(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("", encoding="utf-8")
        ended = call("a.py", "--select", "RNN999")
        assert ended.status == 2
        assert one_sentence(ended.err).startswith("rnnlint: --select: 'RNN999' is no rule.")

    def test_an_unknown_key_of_the_configuration(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("", encoding="utf-8")
        (folder / "pyproject.toml").write_text('[tool.rnnlint]\nignor = ["RNN002"]\n', encoding="utf-8")
        ended = call("a.py")
        assert ended.status == 2
        said = one_sentence(ended.err)
        assert "pyproject.toml: unknown key 'ignor'" in said
        assert said.endswith("Did you mean 'ignore'?")

    def test_an_unknown_option(self, call: Call) -> None:
        ended = call("--no-runn", "a.py")
        assert ended.status == 2
        said = one_sentence(ended.err)
        assert said.startswith("rnnlint: No such option")
        assert re.search(r"--no-run\b", said)  # the suggestion
        assert said.endswith("(rnnlint check --help lists what there is.)")

    @pytest.mark.parametrize("entry", ["", " -> ", "forward ->", "→ backward"])
    def test_an_entry_without_a_name(self, call: Call, folder: Path, entry: str) -> None:
        (folder / "a.py").write_text("", encoding="utf-8")
        ended = call("a.py", "--entry", entry)
        assert ended.status == 2
        assert "--entry names one pass" in one_sentence(ended.err)

    def test_an_unknown_format(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("", encoding="utf-8")
        ended = call("a.py", "--output-format", "yaml")
        assert ended.status == 2
        assert "'yaml' is not one of 'text'" in ended.err

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--fix", "--diff"), "--fix writes and --diff does not: choose one."),
            (("--unsafe-fixes",), "--unsafe-fixes needs --fix or --diff."),
            (("--output-format", "json", "--output-format", "text"), "Two reports in one place"),
            (("--output-file", "a", "--output-file", "b"), "Two --output-file for one --output-format."),
        ],
    )
    def test_options_that_contradict_each_other(
        self, call: Call, folder: Path, words: tuple[str, ...], said: str
    ) -> None:
        (folder / "a.py").write_text("", encoding="utf-8")
        ended = call("a.py", *words)
        assert ended.status == 2
        assert said in ended.err

    def test_an_unwritable_report(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("", encoding="utf-8")
        ended = call("--no-run", "a.py", "--output-format", "json", "--output-file", "nowhere/report.json")
        assert ended.status == 2
        assert "nowhere/report.json: cannot be written" in one_sentence(ended.err)

    def test_an_unwritable_report_leaves_the_others_as_they_were(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("", encoding="utf-8")
        (folder / "report.json").write_text("before", encoding="utf-8")
        outputs = (
            "--output-format json --output-file report.json --output-format sarif --output-file no/a.sarif"
        )
        ended = call("--no-run", "a.py", *outputs.split())
        assert (ended.status, ended.out) == (2, "")
        assert "no/a.sarif: cannot be written" in one_sentence(ended.err)
        assert (folder / "report.json").read_text(encoding="utf-8") == "before"
        assert sorted(each.name for each in folder.iterdir()) == ["a.py", "report.json"]

    def test_a_report_whose_library_is_missing(
        self, call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rnnlint.report.find_spec", lambda name: None)
        (folder / "a.py").write_text("", encoding="utf-8")
        ended = call("--no-run", "a.py", "--output-format", "junit")
        assert ended.status == 2
        assert "pip install 'rnnlint[reports]'" in one_sentence(ended.err)

    def test_a_missing_baseline(self, call: Call, folder: Path) -> None:
        (folder / "a.py").write_text("", encoding="utf-8")
        ended = call("--no-run", "a.py", "--baseline", "known.json")
        assert ended.status == 2
        assert "known.json: there is no such baseline" in one_sentence(ended.err)

    def test_an_unknown_rule_page(self, call: Call) -> None:
        ended = call("rule", "sintax-error")
        assert ended.status == 2
        assert one_sentence(ended.err).startswith(
            "rnnlint: 'sintax-error' is no rule. Did you mean syntax-error?"
        )

    def test_binary_standard_input(self, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"\x00\x01")))
        ended = call("-")
        assert ended.status == 2
        assert one_sentence(ended.err).endswith("is binary, not Python source.")


class TestOurOwnFailure:
    """A bug of rnnlint's is its own fault, and says so."""

    @pytest.fixture(autouse=True)
    def broken(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "a.py").write_text("", encoding="utf-8")

        def check(
            requests: object, options: object, config: object, announce: Callable[[Path], None]
        ) -> None:
            announce(Path("a.py"))
            raise KeyError("dh_next")

        monkeypatch.setattr(api, "check", check)

    def test_names_the_file_and_asks_for_a_report(self, call: Call) -> None:
        ended = call("a.py")
        assert (ended.status, ended.out) == (3, "")
        first, second = ended.err.splitlines()
        assert first == "rnnlint: internal error while checking a.py: KeyError: 'dh_next'"
        assert "Please report it" in second

    def test_shows_the_traceback_where_it_is_asked_for(
        self, call: Call, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "Traceback" in call("a.py", "--verbose").err
        monkeypatch.setenv("RNNLINT_TRACEBACK", "1")
        assert "Traceback" in call("a.py").err


def test_a_server_without_its_library_says_what_to_install(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("rnnlint.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pygls", None)
    ended = call("server")
    assert ended.status == 2
    assert one_sentence(ended.err) == "rnnlint: the server needs pygls: pip install 'rnnlint[lsp]'"
