"""`rnnlint check` of hostile submissions: no verdict of right for a cheat, and nothing lands."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnlint.api import Request, check
from rnnlint.config import load_config
from rnnlint.results import RunOptions, RunReport
from rnnlint.sandbox import Runner
from rnnlint.sandbox.job import Opaque, Outcome, Trouble, Value
from rnnlint.verdicts import Verdict
from tests.hostile.ground import EXPECTED, HOSTILE, Ground

QUICK = ("tcp", "write_at_import", "exit_at_import", "frame_walk", "forged_answer", "patched_guest")
CHEATS = frozenset(name for name, truth in EXPECTED.items() if truth["status"] not in ("ok", "violation"))


@pytest.fixture
def ground() -> Iterator[Ground]:
    with Ground() as entered:
        yield entered


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in EXPECTED]
)
def test_nothing_lands_and_no_cheat_is_right(ground: Ground, tmp_path: Path, name: str) -> None:
    path = tmp_path / "rnn_layers.py"
    path.write_text(ground.armed(name), encoding="utf-8")
    report = _checked(path)
    assert ground.harm() == []
    assert ground.survivors() == set()
    if name in CHEATS:
        assert not any(p.verdict is Verdict.RIGHT for each in report.checks for p in each.parameters)


@pytest.mark.parametrize("seed", [0, 3, 6, 9, 10])
def test_no_answer_fells_the_judge(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Whoever changes the guest beside it may answer anything that a frame carries."""
    tampering = _Tampering(seed)
    answered = Runner.run
    monkeypatch.setattr(Runner, "run", lambda self, job, **how: tampering.changed(answered(self, job, **how)))
    report = _checked(HOSTILE / "honest" / "rnn_layers.py")
    assert report.checks
    assert tampering.count > 0


def _checked(path: Path) -> RunReport:
    return check([Request(path)], RunOptions(seed=7), load_config(path))


class _Tampering:
    """Changes answers here and there, values and troubles alike, into others of the protocol."""

    def __init__(self, seed: int) -> None:
        self.count = 0
        self._draw = random.Random(seed)
        self._often = (0.003, 0.03, 0.3)[seed % 3]

    def changed(self, outcome: Outcome) -> Outcome:
        runs = (
            replace(
                ran,
                values=tuple(map(self._value, ran.values)),
                trouble=ran.trouble and self._trouble(ran.trouble),
                frames=tuple(
                    replace(frame, variables={k: self._value(v) for k, v in frame.variables.items()})
                    for frame in ran.frames
                ),
            )
            for ran in outcome.runs
        )
        return replace(outcome, runs=tuple(runs))

    def _value(self, value: Value) -> Value:
        if self._draw.random() < self._often:
            self.count += 1
            return self._anything()
        if isinstance(value, list | tuple):
            return type(value)(map(self._value, value))
        if isinstance(value, dict):
            return {key: self._value(item) for key, item in value.items()}
        return value

    def _anything(self) -> Any:
        return self._draw.choice(
            [
                None, True, -1, 2.5, float("nan"), "text", [], (), {}, [[]], {"W": None, 0: 1.0},
                np.zeros(()), np.zeros((0, 3)), np.full((2, 3), np.nan), np.arange(4),
                Opaque("T", {"a": 1.0}),
            ]
        )  # fmt: skip

    def _trouble(self, trouble: Trouble) -> Trouble:
        if self._draw.random() > 10 * self._often:
            return trouble
        self.count += 1
        huge = "operands could not be broadcast together with shapes (99999999999,7) (5,99999999999)"
        return replace(trouble, message=self._draw.choice(["", huge]), line=self._draw.choice([0, -5, 10**9]))
