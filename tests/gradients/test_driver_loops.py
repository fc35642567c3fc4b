"""Training loops that hold forward and backward inline, checked as one iteration of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rnnlint.findings import Edit, Span
from rnnlint.gradients import PreparedCheck, prepare
from rnnlint.model.project import Project
from rnnlint.sandbox import Runner
from rnnlint.source import read_source
from rnnlint.verdicts import Status, Verdict

FIXTURES = Path(__file__).parents[2] / "fixtures" / "correct"


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner() as made:
        yield made


def check(runner: Runner, path: Path) -> PreparedCheck:
    source = read_source(path)
    (found,) = prepare(Project.of(source), source, runner, seed=11)
    return found


def planted(tmp_path: Path, fixture: str, right: str, wrong: str) -> Path:
    text = (FIXTURES / fixture).read_text()
    assert text.count(right) == 1
    path = tmp_path / fixture
    path.write_text(text.replace(right, wrong))
    return path


def verdicts(prepared: PreparedCheck) -> dict[str, Verdict]:
    return {p.name: p.verdict for p in prepared.check.parameters}


def test_loop_of_a_script_is_checked_without_a_function(runner: Runner) -> None:
    made = check(runner, FIXTURES / "top_level_loop.py").check
    assert made.status is Status.CHECKED
    assert made.entry == "the loop at line 19"
    assert made.line == 19
    assert {p.name: p.verdict for p in made.parameters} == dict.fromkeys(
        ("weights_in", "weights_out", "weights_hidden"), Verdict.RIGHT
    )


def test_loop_of_a_script_with_a_dropped_carry_is_wrong_where_the_carry_reaches(
    runner: Runner, tmp_path: Path
) -> None:
    path = planted(tmp_path, "top_level_loop.py", "future_delta = h_delta", "future_delta = 0 * h_delta")
    assert verdicts(check(runner, path)) == {
        "weights_in": Verdict.WRONG,
        "weights_hidden": Verdict.WRONG,
        "weights_out": Verdict.RIGHT,
    }


def test_driver_lends_neither_its_data_nor_its_sizes(runner: Runner, tmp_path: Path) -> None:
    path = planted(tmp_path, "top_level_loop.py", "bits = 6", "bits = 1")
    text = path.read_text().replace("future_delta = h_delta", "future_delta = 0 * h_delta")
    path.write_text(text)
    assert check(runner, path).check.wrong, "with the driver's single step the dropped carry would not show"


def test_rerun_lifts_the_same_loop_from_the_changed_text(runner: Runner, tmp_path: Path) -> None:
    path = planted(tmp_path, "top_level_loop.py", "future_delta = h_delta", "future_delta = 0 * h_delta")
    prepared = check(runner, path)
    source = read_source(path)
    mended = source.text.replace("future_delta = 0 * h_delta", "future_delta = h_delta")
    again = prepared.rerun(Project.of(source).overlay({path: mended}))
    assert not again.wrong
    assert again.status is Status.CHECKED


def test_trial_of_a_repair_inside_the_loop_finds_every_error_gone(runner: Runner, tmp_path: Path) -> None:
    """The loop's body stands deeper in the file than in what is run; edits are in the file's own columns."""
    path = planted(tmp_path, "top_level_loop.py", "future_delta = h_delta", "future_delta = 0 * h_delta")
    prepared = check(runner, path)
    trials = prepared.trials()
    assert trials is not None
    lines = path.read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "0 * h_delta" in text)
    column = lines[line - 1].index("0 * ") + 1
    repair = Edit(path, Span(line, column, line, column + 4), "")
    unrepaired = trials.errors
    assert max(unrepaired.values()) > 1e-3
    (repaired,) = trials.run([[repair]])
    assert repaired is not None
    assert max(repaired.values()) < 1e-6
    (again,) = prepared.reruns([[repair]])
    assert not again.wrong
