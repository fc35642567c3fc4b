"""The two courses of the fixtures, solved once, and a runner for their submissions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from rnnlint.grading.assignment import Assignment, read_assignment
from rnnlint.grading.marking import mark
from rnnlint.grading.plan import Plan
from rnnlint.grading.results import StudentResult
from rnnlint.grading.solving import make_plan
from rnnlint.grading.submissions import Submission
from rnnlint.sandbox import Runner
from tests.grading.cohort import FIXTURES, LAYERS

SEED = 987654321987654321


@pytest.fixture(scope="session")
def layers() -> Assignment:
    return read_assignment(LAYERS / "assignment.toml")


@pytest.fixture(scope="session")
def one_pass() -> Assignment:
    return read_assignment(FIXTURES / "grading" / "one_pass" / "assignment.toml")


@pytest.fixture(scope="session")
def layers_plan(layers: Assignment) -> Plan:
    with Runner() as runner:
        return make_plan(layers, runner, SEED)


@pytest.fixture(scope="session")
def one_pass_plan(one_pass: Assignment) -> Plan:
    with Runner() as runner:
        return make_plan(one_pass, runner, SEED)


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    with Runner() as started:
        yield started


@pytest.fixture(scope="session")
def solution(layers: Assignment) -> str:
    return (layers.solution / "rnn_layers.py").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def marked(layers_plan: Plan, runner: Runner) -> Callable[[str], StudentResult]:
    """The marks of a program for the layers' assignment."""
    return lambda text: mark("a", "a", {"rnn_layers.py": text.encode()}, layers_plan, runner)


@pytest.fixture(scope="session")
def folder_marked(one_pass: Assignment, one_pass_plan: Plan, runner: Runner) -> Callable[..., StudentResult]:
    """The marks of the solution of the one pass with some of its files otherwise."""
    solution = Submission("a", "a", one_pass.solution).read(one_pass.files).files

    def of(changes: Mapping[str, str] | None = None) -> StudentResult:
        files = {**solution, **{name: text.encode() for name, text in (changes or {}).items()}}
        return mark("a", "a", files, one_pass_plan, runner)

    return of
