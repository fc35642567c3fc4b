"""One sandbox for all tests of the numeric check, and programs written for a single test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from rnnlint.gradients import PreparedCheck, prepare
from rnnlint.model.project import Project
from rnnlint.sandbox import Runner
from rnnlint.source import read_source

Check = Callable[..., list[PreparedCheck]]
CheckText = Callable[..., list[PreparedCheck]]


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    with Runner() as made:
        yield made


@pytest.fixture
def check(runner: Runner) -> Check:
    """Checks a file as it lies among its neighbours."""

    def checked(path: Path, seed: int = 5, entry: str | None = None) -> list[PreparedCheck]:
        source = read_source(path)
        return prepare(Project.of(source), source, runner, seed=seed, entry=entry)

    return checked


@pytest.fixture
def check_text(tmp_path: Path, check: Check) -> CheckText:
    """Checks a program given as text, alone in a folder."""

    def checked(text: str, **options: object) -> list[PreparedCheck]:
        path = tmp_path / "program.py"
        path.write_text(dedent(text))
        return check(path, **options)

    return checked
