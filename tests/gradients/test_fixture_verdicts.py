"""What is true of the project's own programs is what the numeric check says of them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fixtures.buggy.planting import Planted, planted
from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Status, Verdict

Check = Callable[..., list[PreparedCheck]]


FIXTURES = Path(__file__).parents[2] / "fixtures"


def programs(family: str) -> list[Any]:
    expected = tomllib.loads((FIXTURES / family / "expected.toml").read_text())["program"]
    return [pytest.param(FIXTURES / family / p["path"], p["wrong"], id=p["path"]) for p in expected]


def wrong_in(prepared: list[PreparedCheck]) -> set[str]:
    return {parameter.name for p in prepared for parameter in p.check.wrong}


def judged_in(prepared: list[PreparedCheck]) -> set[str]:
    return {parameter.name for p in prepared for parameter in p.check.judged}


@pytest.mark.parametrize(("path", "wrong"), programs("article"))
def test_article(check: Check, path: Path, wrong: list[str]) -> None:
    prepared = check(path)
    assert wrong_in(prepared) == set(wrong)
    assert len(judged_in(prepared)) == 10


NOT_YET = {}
NEUTRAL = {"RNN306": "clipping is left out of the check", "RNN313": "the file's variable is not loaded"}
UNRUN = {"batch_class-RNN109", "transposed-RNN109", "batch_class-RNN311"}
"""They run at their own sizes alone, and are not checked at any others."""


def measurable() -> list[Any]:
    """The planted bugs that one call of the passes shows, and one that is no wrong gradient."""
    bugs = [bug for bug in planted() if (bug.wrong and bug.call == 1) or bug.code == "RNN312"]
    found = []
    for bug in bugs:
        if bug.code not in NEUTRAL and bug.name not in UNRUN:
            reason = NOT_YET.get(bug.name) or NOT_YET.get(f"{bug.style}-{bug.program}")
            marks = [pytest.mark.xfail(reason=reason)] if reason else []
            found.append(pytest.param(bug, id=bug.name, marks=marks))
    return found


@pytest.mark.parametrize("bug", measurable())
def test_planted_bug(check_text: Check, bug: Planted) -> None:
    wrong = {name.rpartition(".")[2].replace("_init", "0") for name in wrong_in(check_text(bug.text))}
    assert wrong == bug.wrong


def right(path: Path) -> Any:
    reason = NOT_YET.get(f"{path.parent.name}-{path.stem.removeprefix('right_')}")
    marks = [pytest.mark.xfail(reason=reason)] if reason else []
    return pytest.param(path, id=f"{path.parent.name}/{path.name}", marks=marks)


RIGHT = sorted((FIXTURES / "correct").glob("*.py")) + sorted((FIXTURES / "buggy").glob("*/right_*.py"))


@pytest.mark.parametrize("path", [right(path) for path in RIGHT])
def test_right_program_is_checked_and_found_right(check: Check, path: Path) -> None:
    prepared = check(path)
    assert not wrong_in(prepared)
    verdicts = [parameter.verdict for p in prepared for parameter in p.check.judged]
    assert verdicts.count(Verdict.RIGHT) + verdicts.count(Verdict.SCALED) >= 2


def test_forward_is_recognised_as_a_standard_cell_with_its_gate_order(check: Check) -> None:
    (prepared,) = check(FIXTURES / "correct" / "lstm_class.py")
    assert prepared.check.forward == "standard"
    assert prepared.check.kind == "lstm"
    assert "reference" in prepared.check.oracles
    assert "i, f, o, g" in (prepared.check.convention or "")


def test_gru_is_recognised_whatever_its_gates_are_called(check: Check) -> None:
    (prepared,) = check(FIXTURES / "correct" / "gru_class.py")
    assert (prepared.check.kind, prepared.check.forward) == ("gru", "standard")


def test_a_seed_repeats_a_check_and_another_does_not(check: Check) -> None:
    path = FIXTURES / "article" / "backward.py"
    errors = [[p.relative_error for p in check(path, seed=seed)[0].check.parameters] for seed in (3, 3, 4)]
    assert errors[0] == errors[1]
    assert errors[0] != errors[2]


def test_a_lone_backward_is_judged_on_a_reference_forward(check: Check, tmp_path: Path) -> None:
    for name in ("backward.py", "utils.py"):
        (tmp_path / name).write_text((FIXTURES / "article" / name).read_text())
    (prepared,) = check(tmp_path / "backward.py")
    assert prepared.check.status is Status.CHECKED
    assert prepared.check.oracles == ("reference",)
    assert {"W_f", "W_i", "W_g", "W_o", "b_f"} <= wrong_in([prepared])
    assert "b_v" not in wrong_in([prepared])
    assert "[h; x]" in (prepared.check.convention or "")
