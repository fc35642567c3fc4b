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
from tests.hostile.passes import is_right, run, status

OF_THE_MACHINE = frozenset(
    name
    for name, truth in EXPECTED.items()
    if truth["status"] not in ("timeout", "wrong") and "rule" not in truth and name != "memory"
)
"""What the layers have to do with: a deadline, a comparison and a rule need none (and 4 GiB take a while)."""
BY_RUNNER = frozenset({"daemon_at_exit", "memory", "memory_caught"})
"""What takes long where nothing stands; tests/sandbox/ has short ones of the kind."""
ZYGOTE_AND_CHILDREN = 4
"""A zygote is two processes where it has namespaces; of its children one has served and one waits."""


def everything_stands() -> bool:
    with Runner() as runner:
        return runner.layers == LAYERS


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
        return Aftermath(outcome, self.ground.harm(), next_, self.ground.survivors(ZYGOTE_AND_CHILDREN))


@pytest.fixture(scope="module", params=[None, *LAYERS], ids=lambda name: f"without {name}" if name else "all")
def proving(request: pytest.FixtureRequest) -> Iterator[tuple[Proving, str | None]]:
    missing = request.param
    with Ground() as ground:
        with Runner(without=[missing] if missing else []) as runner:
            yield Proving(runner, ground), missing
        assert ground.survivors() == set()


@pytest.mark.parametrize("name", EXPECTED)
def test_it_gains_nothing_harms_nothing_and_costs_only_itself(
    proving: tuple[Proving, str | None], name: str
) -> None:
    runner, missing = proving
    if missing is not None and name not in OF_THE_MACHINE:
        pytest.skip("no layer has to do with it")
    after = runner.aftermath(name)
    expected = EXPECTED[name]
    if missing is None:
        assert not after.landed, after
        assert status(after.outcome) == expected["status"]
    elif after.landed:
        assert missing in expected.get("lands_without", ())
        assert missing in dict(runner.runner.missing_layers)
    if expected["status"] not in ("ok", "violation"):
        assert not is_right(after.outcome) or missing in expected.get("lands_without", ())
    assert status(after.next) == "ok"
    assert after.survivors == set()


HELD_ONCE = [name for name, truth in EXPECTED.items() if "lands_without" in truth]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == "memory" else n for n in HELD_ONCE]
)
def test_what_one_layer_alone_holds_lands_without_it(name: str) -> None:
    for layer in EXPECTED[name]["lands_without"]:
        with Ground() as ground, Runner(without=[layer]) as runner:
            assert Proving(runner, ground).aftermath(name).landed


HARMFUL = [
    name
    for name, truth in EXPECTED.items()
    if truth["status"] == "violation" and name not in ("noise", "oversized_frame", "frame_walk")
]


@pytest.fixture(scope="module")
def bare() -> Iterator[Proving]:
    with Ground() as ground, Runner(without=LAYERS) as runner:
        yield Proving(runner, ground)


@pytest.mark.parametrize("name", [name for name in HARMFUL if name not in BY_RUNNER])
def test_it_is_the_layers_that_hold_it(bare: Proving, name: str) -> None:
    after = bare.aftermath(name)
    assert after.landed or status(after.outcome) == "crash"  # exec, which succeeds
    assert status(after.next) == "ok"
    assert after.survivors == set()
