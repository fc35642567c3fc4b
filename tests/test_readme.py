"""The README promises nothing that is not there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from rnnlint.cli.check import command
from rnnlint.config import parse_config
from rnnlint.results import ExitStatus

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found, f"the README holds no {language}"
    return found


def test_every_option_it_names_is_one_of_check() -> None:
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - {"--help"}
    assert named - options == set()


def test_its_configuration_is_read() -> None:
    (text,) = blocks("toml")
    config = parse_config(tomllib.loads(text)["tool"]["rnnlint"], Path(), "README.md")
    assert config.select
    assert config.per_file_ignores


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
