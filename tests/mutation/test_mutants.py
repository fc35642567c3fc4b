"""How often rnnlint names the line of a bug that was put in, and takes it out again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest
from trial import LAYOUTS, Layout, Outcome, doubles, outcome, singles

from rnnlint.sandbox import Runner

SINGLE, DOUBLE = 40, 20
"""Mutants a layout."""


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as running:
        yield running


def outcomes(runner: Runner, layout: Layout, mutants: Iterator, count: int) -> list[Outcome]:
    made = (outcome(runner, layout, mutant) for mutant in mutants)
    return list(islice((each for each in made if each is not None), count))


def share(values: list[bool]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize("name", ["list-first columns", "stacked rows"])
def test_a_few_single_bugs_are_named_and_repaired(runner, name):
    layout = LAYOUTS[name]
    found = outcomes(runner, layout, iter(singles(layout, seed=3)), 4)
    assert [each.mutant.slips for each in found if not each.repaired] == []
    # A factor may be put back one line above where it was dropped: right, but not the slip's own line.
    assert share([each.named for each in found]) >= 0.75


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
def test_single_bugs(runner, name):
    found = outcomes(runner, LAYOUTS[name], iter(singles(LAYOUTS[name], seed=1)), SINGLE)
    assert len(found) == SINGLE
    missed = [each.mutant.slips for each in found if not each.named]
    assert share([each.named for each in found]) >= 0.9, missed
    assert share([each.repaired for each in found]) >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYOUTS)
def test_double_bugs(runner, name):
    found = outcomes(runner, LAYOUTS[name], doubles(LAYOUTS[name], seed=2), DOUBLE)
    missed = [each.mutant.slips for each in found if not each.named]
    assert share([each.named for each in found]) >= 0.75, missed
    assert share([each.repaired for each in found]) >= 0.6
