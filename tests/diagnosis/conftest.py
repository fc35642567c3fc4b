"""A runner for all tests, and programs made from the fixtures by replacing text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rnnlint.gradients import PreparedCheck, prepare
from rnnlint.model.project import Project
from rnnlint.sandbox import Runner
from rnnlint.source import read_source

FIXTURES = Path(__file__).parents[2] / "fixtures"

Changed = Callable[..., tuple[Project, list[PreparedCheck]]]


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    with Runner() as running:
        yield running


@pytest.fixture
def changed(runner: Runner) -> Changed:
    """``changed(fixture, (old, new), …)``: the fixture's project with the texts replaced, and its checks."""

    def make(name: str, *replacements: tuple[str, str]) -> tuple[Project, list[PreparedCheck]]:
        project = Project.of(read_source(FIXTURES / name))
        text = project.source.text
        for old, new in replacements:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        project = project.overlay({project.target: text})
        return project, prepare(project, project.source, runner, seed=7)

    return make
