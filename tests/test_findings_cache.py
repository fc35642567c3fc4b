"""What reading found is found again, and never where anything has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnlint.api import Request, check
from rnnlint.config import Config
from rnnlint.findings_cache import FindingsCache, key_of
from rnnlint.model.project import Project
from rnnlint.results import FileReport, Origin, RunOptions
from rnnlint.rules import lint
from rnnlint.source import read_source

FILES = ("backward.py", "forward.py", "train.py", "utils.py")
ARTICLE = Path(__file__).parents[1] / "fixtures" / "article"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_text((ARTICLE / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path / "backward.py"


def project(path: Path) -> Project:
    return Project.of(read_source(path))


def test_findings_come_back_as_they_were(tmp_path: Path, program: Path) -> None:
    findings = lint(project(program), read_source(program))
    assert any(each.fix for each in findings) and any(each.related for each in findings)
    cache = FindingsCache(tmp_path / "kept")
    assert cache.get(project(program)) is None
    cache.put(project(program), findings)
    assert cache.get(project(program)) == findings


@pytest.mark.parametrize("changed", FILES)
def test_a_change_in_any_file_of_the_project_is_another_key(program: Path, changed: str) -> None:
    before = key_of(project(program))
    place = program.with_name(changed)
    place.write_text(place.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert key_of(project(program)) != before


def test_a_new_caller_is_another_key(program: Path) -> None:
    before = key_of(project(program))
    program.with_name("run.py").write_text("from backward import backward\n", encoding="utf-8")
    assert key_of(project(program)) != before


def test_the_same_project_elsewhere_has_the_same_findings(tmp_path: Path, program: Path) -> None:
    cache = FindingsCache(tmp_path / "kept")
    cache.put(project(program), lint(project(program), read_source(program)))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in FILES:
        program.with_name(name).rename(moved / name)
    there = project(moved / "backward.py")
    assert cache.get(there) == lint(there, there.source)


@pytest.mark.parametrize(
    "forged",
    ["", "[", "{}", "[1]", '[{"code": "RNN101"}]', "null", '"x"', "[" * 10_000, json.dumps([[], {}])],
)
def test_a_broken_entry_is_as_good_as_none(tmp_path: Path, program: Path, forged: str) -> None:
    cache = FindingsCache(tmp_path / "kept")
    cache.put(project(program), [])
    (entry,) = (tmp_path / "kept").rglob("*.json")
    entry.write_text(forged, encoding="utf-8")
    assert cache.get(project(program)) is None


def test_a_folder_that_cannot_be_made_costs_nothing(tmp_path: Path, program: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    cache = FindingsCache(tmp_path / "file")
    cache.put(project(program), [])
    assert cache.get(project(program)) is None
    cache.tidy()


def test_what_was_not_used_for_longest_goes(
    tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setattr("rnnlint.findings_cache.MOST_ENTRIES", 2)
    cache = FindingsCache(tmp_path / "kept")
    for number in range(3):
        program.write_text(f"x = {number}\n", encoding="utf-8")
        cache.put(project(program), [])
    entries = {path: path.stat().st_mtime for path in (tmp_path / "kept").rglob("*.json")}
    for age, path in enumerate(sorted(entries, key=lambda each: each.name)):
        os.utime(path, (age, age))
    oldest = min(entries, key=lambda each: each.name)
    cache.tidy()
    assert set((tmp_path / "kept").rglob("*.json")) == set(entries) - {oldest}


def reports(folder: Path, options: RunOptions) -> list[FileReport]:
    requests = [Request(path, Origin.FOUND) for path in sorted(folder.rglob("*.py"))]
    return list(check(requests, options, Config(folder)).files)


def test_many_files_are_read_alike_by_one_process_and_by_several(tmp_path: Path, program: Path) -> None:
    for number in range(15):
        copy = tmp_path / f"part{number % 3}" / f"net{number}.py"
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(program.read_text(encoding="utf-8") + f"# {number}\n", encoding="utf-8")
    anew = RunOptions(run=False, cache=False)
    one_by_one = [
        report
        for path in sorted(tmp_path.rglob("*.py"))
        for report in check([Request(path, Origin.FOUND)], anew, Config(tmp_path)).files
    ]
    assert len(one_by_one) == 19 and any(report.findings for report in one_by_one)
    at_once = reports(tmp_path, anew)
    assert [(r.path, r.findings, r.hidden) for r in at_once] == [
        (r.path, r.findings, r.hidden) for r in one_by_one
    ]
    twice = [reports(tmp_path, RunOptions(run=False)) for _ in range(2)]
    assert twice[0] == twice[1] == at_once
