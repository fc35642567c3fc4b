"""A real child for every test: code is run through the runner, as users' code is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import Job, Module, Outcome, Ran, Scenario


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    with Runner() as running:
        yield running


Run = Callable[..., Outcome]


@pytest.fixture
def run(runner: Runner) -> Run:
    """``run(text, program, *returns)``: one scenario in one file; keywords go to the job or the scenario."""

    def run_one(text: str, program: str = "", *returns: str, **options: Any) -> Outcome:
        scenario = {name: options.pop(name) for name in ("holes", "frames", "steps") if name in options}
        siblings = options.pop("siblings", ())
        python2 = options.pop("python2", False)
        entry = Module("entry.py", text, ("entry",), python2=python2)
        scenarios = (Scenario(program, returns=returns, **scenario),)
        return runner.run(Job((entry, *siblings), 0, scenarios, **options))

    return run_one


@pytest.fixture
def ran(run: Run) -> Callable[..., Ran]:
    """As ``run``, for the single run of a job that ended well."""

    def run_well(*arguments: Any, **options: Any) -> Ran:
        outcome = run(*arguments, **options)
        assert outcome.trouble is None, outcome.trouble
        return outcome.runs[0]

    return run_well
