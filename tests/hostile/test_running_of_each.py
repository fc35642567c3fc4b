"""Every hostile submission gains nothing, harms nothing and costs only itself; and where a layer is missing,
what lands is known, and the missing layer is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from rnnlint.sandbox import LAYERS, Runner
from rnnlint.sandbox.job import Outcome
from tests.hostile.ground import EXPECTED, Ground
from tests.hostile.passes import run, status

OF_THE_MACHINE = [
    name
    for name, truth in EXPECTED.items()
    if truth["status"] not in ("timeout", "wrong") and "rule" not in truth and name != "memory"
]
"""What the layers have to do with: a deadline, a comparison and a rule need none (and 4 GiB take a while)."""
BY_RUNNER = frozenset({"daemon_at_exit", "memory", "memory_caught"})
"""What takes long where nothing stands; tests/sandbox/ has short ones of the kind."""
ZYGOTE_AND_CHILDREN, BUBBLEWRAP = 4, 2
"""A zygote is two processes where it has namespaces; of its children one has served and one waits."""


def everything_stands() -> bool:
    with Runner() as runner:
        return not runner.missing_layers


pytestmark = pytest.mark.skipif(not everything_stands(), reason="this machine does not offer every layer")


class Aftermath(NamedTuple):
    """What a submission came to, and what it did to its surroundings."""

    outcome: Outcome
    harm: list[str]
    next: Outcome
    survivors: set[int]

    @property
    def landed(self) -> bool:
        return bool(self.harm) or "landed" in self.outcome.stdout


class Proving(NamedTuple):
    """A runner and the ground round it."""

    runner: Runner
    ground: Ground

    def aftermath(self, name: str) -> Aftermath:
        outcome = run(self.runner, name, self.ground.armed(name))
        next_ = run(self.runner, "honest", self.ground.armed("honest"))
        own = ZYGOTE_AND_CHILDREN + BUBBLEWRAP * ("bubblewrap" in self.runner.layers)
        return Aftermath(outcome, self.ground.harm(), next_, self.ground.survivors(own))


def proving(*missing: str) -> Iterator[Proving]:
    """A runner without these layers; nothing is left of it in the end."""
    with Ground() as ground:
        with Runner(without=missing) as runner:
            yield Proving(runner, ground)
        assert ground.survivors() == set()


@pytest.fixture(scope="module")
def walled() -> Iterator[Proving]:
    yield from proving()


@pytest.mark.parametrize("name", EXPECTED)
def test_it_gains_nothing_harms_nothing_and_costs_only_itself(walled: Proving, name: str) -> None:
    after = walled.aftermath(name)
    assert not after.landed, after
    assert status(after.outcome) == EXPECTED[name]["status"]
    assert status(after.next) == "ok"
    assert after.survivors == set()


@pytest.fixture(scope="module", params=LAYERS)
def gapped(request: pytest.FixtureRequest) -> Iterator[Proving]:
    yield from proving(request.param)


@pytest.mark.parametrize("name", OF_THE_MACHINE)
def test_where_a_layer_is_missing_it_is_named_or_nothing_lands(gapped: Proving, name: str) -> None:
    after = gapped.aftermath(name)
    if after.landed:
        (missing,) = dict(gapped.runner.missing_layers)
        assert missing in EXPECTED[name].get("lands_without", ())
    assert status(after.next) == "ok"
    assert after.survivors == set()


HELD_ONCE = [name for name, truth in EXPECTED.items() if "lands_without" in truth]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "memory" else n for n in HELD_ONCE]
)
def test_what_one_layer_alone_holds_lands_without_it(name: str) -> None:
    for layer in EXPECTED[name]["lands_without"]:
        for gap in proving(layer):
            assert gap.aftermath(name).landed


HARMFUL = [
    name
    for name, truth in EXPECTED.items()
    if truth["status"] == "violation"
    and name not in ("noise", "oversized_frame", "frame_walk", "forged_answer")
]


@pytest.fixture(scope="module")
def bare() -> Iterator[Proving]:
    yield from proving(*LAYERS)


@pytest.mark.parametrize("name", [name for name in HARMFUL if name not in BY_RUNNER])
def test_it_is_the_layers_that_hold_it(bare: Proving, name: str) -> None:
    after = bare.aftermath(name)
    assert after.landed or status(after.outcome) == "crash"  # exec, which succeeds
    assert status(after.next) == "ok"
    assert after.survivors == set()
