"""Programs as students, bloggers and course-takers write them: checked with no adapter, right and spoiled."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Verdict

Check = Callable[..., list[PreparedCheck]]

PEOPLE = Path(__file__).parents[2] / "fixtures" / "people"
PROGRAMS = tomllib.loads((PEOPLE / "expected.toml").read_text(encoding="utf-8"))["program"]


def verdicts(prepared: list[PreparedCheck]) -> list[tuple[str, Verdict]]:
    return [(p.name, p.verdict) for made in prepared for p in made.check.judged]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program["path"])
def test_right_program_is_checked_whole(check: Check, program: dict[str, Any]) -> None:
    found = verdicts(check(PEOPLE / program["path"]))
    assert {verdict for _, verdict in found} <= {Verdict.RIGHT, Verdict.SCALED}
    assert len(found) >= program["parameters"]


BUGS = [pytest.param(p["path"], bug, id=p["path"]) for p in PROGRAMS for bug in p["bug"]]


@pytest.mark.parametrize(("path", "bug"), BUGS)
def test_bug_is_found_in_the_parameters_it_spoils(
    check: Check, tmp_path: Path, path: str, bug: dict[str, Any]
) -> None:
    shutil.copytree((PEOPLE / path).parent, tmp_path, dirs_exist_ok=True, ignore=_others(path))
    copy = tmp_path / Path(path).name
    text = copy.read_text(encoding="utf-8")
    assert text.count(bug["old"]) == 1
    copy.write_text(text.replace(bug["old"], bug["new"]), encoding="utf-8")
    found = verdicts(check(copy))
    wrong = {name for name, verdict in found if verdict is Verdict.WRONG}
    assert set(bug["wrong"]) <= wrong
    assert not set(bug["right"]) & wrong


def _others(path: str) -> Callable[[str, list[str]], list[str]]:
    """What is not of the program: the other fixtures beside a single file."""
    alone = "/" not in path
    return lambda folder, names: [n for n in names if alone and n != path]
