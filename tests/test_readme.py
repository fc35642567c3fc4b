"""The README promises nothing that is not there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import click
import pytest

import rnnlint
from rnnlint import WrongGradientError, pytest_plugin
from rnnlint.cli import command_line
from rnnlint.cli.check import command
from rnnlint.cli.commands import COMMANDS
from rnnlint.cli.failures import run
from rnnlint.config import parse_config
from rnnlint.grading.results import SubmissionStatus
from rnnlint.notebook import magic
from rnnlint.results import ExitStatus

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found, f"the README holds no {language}"
    return found


def options_of_every_command() -> set[str]:
    commands = (command_line.get_command(click.Context(command_line), name) for name in COMMANDS)
    parameters = [parameter for each in commands if each is not None for parameter in each.params]
    return {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}


def options_of_pytest() -> set[str]:
    parser = Mock()
    pytest_plugin.pytest_addoption(parser)
    return {call.args[0] for call in parser.getgroup().addoption.call_args_list}


def options_of_the_magic() -> set[str]:
    return {name for action in magic.parser()._actions for name in action.option_strings}


def test_every_option_it_names_is_there() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - {"--help"}
    assert named - options_of_every_command() - options_of_pytest() - options_of_the_magic() == set()


def test_its_configuration_is_read() -> None:
    tables = [tomllib.loads(text)["tool"]["rnnlint"] for text in blocks("toml") if "[tool.rnnlint" in text]
    configs = [parse_config(table, Path(), "README.md") for table in tables]
    assert any(config.select and config.per_file_ignores for config in configs)


def test_its_assignment_is_what_init_writes() -> None:
    written = (Path(rnnlint.__file__).parent / "grading" / "templates" / "cs231n.toml").read_text("utf-8")
    (shown,) = (text for text in blocks("toml") if "[[task]]" in text)
    assert [line for line in shown.splitlines() if line not in written.splitlines()] == []


def test_it_lists_every_status_of_a_grade_book() -> None:
    assert [each.value for each in SubmissionStatus if f"`{each.value}`" not in README] == []


def test_it_lists_the_exit_statuses() -> None:
    listed = {int(row) for row in re.findall(r"^\| (\d) \|", README, re.MULTILINE)}
    assert listed == {ExitStatus.CLEAN, ExitStatus.FOUND, ExitStatus.USAGE, ExitStatus.INTERNAL}


def test_its_python_is_python() -> None:
    for text in blocks("python"):
        compile(text, "README.md", "exec")


@pytest.mark.parametrize("name", ["text", "concise", "json", "github"])
def test_it_names_every_format(name: str) -> None:
    (option,) = (parameter for parameter in command.params if parameter.name == "output_format")
    assert isinstance(option.type, click.Choice)
    assert name in option.type.choices
    assert f"`{name}`" in README


WORKED = re.compile(
    r"```python\n# (\w+\.py)\n(.*?)```\n\n```toml\n(.*?)```\n\n```console\n\$ rnnlint (.*?)\n(.*?)```",
    re.DOTALL,
)
"""A program, the scenario that is stated for it, the command and what it prints."""


def worked_examples() -> list[tuple[str, ...]]:
    _, _, section = README.partition("## When it cannot find your passes")
    return [match.groups() for match in WORKED.finditer(section)]


def words(report: str) -> list[str]:
    """A report without its errors, whose last digits are the machine's."""
    return re.sub(r"\d*\.\d+|\de-\d+", "#", report).split()


def test_there_are_three_worked_examples() -> None:
    assert [name for name, *_ in worked_examples()] == ["odd.py", "memory.py", "counter.py"]


@pytest.mark.parametrize(("name", "program", "table", "command_line_", "printed"), worked_examples())
def test_a_worked_example_prints_what_it_shows(
    name: str,
    program: str,
    table: str,
    command_line_: str,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(f"# {name}\n{program}", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    status = run(command_line, command_line_.split(), "rnnlint")
    out = capsys.readouterr().out
    assert words(out) == words(printed)
    assert status == (ExitStatus.FOUND if "WRONG" in printed else ExitStatus.CLEAN)


def test_without_its_scenario_a_worked_example_is_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, program, *_ in worked_examples():
        (tmp_path / name).write_text(program, encoding="utf-8")
        run(command_line, [name], "rnnlint")
        assert "NOT CHECKED" in capsys.readouterr().out


def test_its_own_test_passes_and_can_fail() -> None:
    (program,) = (text for text in blocks("python") if "def test_gradients" in text)
    right: dict[str, Callable[[], None]] = {}
    exec(program, right)
    right["test_gradients"]()
    wrong: dict[str, Callable[[], None]] = {}
    exec(program.replace('dh = params["W"].T @ da', 'dh = params["W"] @ da'), wrong)
    with pytest.raises(WrongGradientError, match=r"W +wrong"):
        wrong["test_gradients"]()


def test_the_teachers_run_gives_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    found = re.search(r"```console\n\$ rnnlint (grade .*)\n((?:.*\n)*?)```", README)
    assert found is not None
    here = ["--output-dir", str(tmp_path), "--sandbox", "auto"]
    assert run(command_line, [*found[1].split(), *here], "rnnlint") == ExitStatus.CLEAN
    assert capsys.readouterr().out.replace(str(tmp_path), "grades") == found[2]
    (page,) = blocks("markdown")
    assert page == (tmp_path / "feedback" / "bela.md").read_text(encoding="utf-8")


def test_its_links_lead_somewhere() -> None:
    titles = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif not target.startswith("https://"):
            assert (ROOT / target).is_file(), target
