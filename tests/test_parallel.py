"""The files of folders over several processes: the same reports, each file once, none lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rnnlint import parallel
from rnnlint.api import check
from rnnlint.checking import Checker, Request
from rnnlint.config import Config
from rnnlint.findings import Confidence
from rnnlint.model.shelf import Shelf
from rnnlint.parallel import FailedFileError, pays, reports_of, shares
from rnnlint.results import FileReport, Origin, RunOptions, RunReport

FIXTURES = Path(__file__).parents[1] / "fixtures"
READ_ONLY = RunOptions(min_confidence=Confidence.POSSIBLE, show_advice=True, cache=False)


@pytest.fixture
def requests(tmp_path: Path) -> list[Request]:
    """Programs in folders of their own, one of them with the files it works with."""
    shutil.copytree(
        FIXTURES / "article", tmp_path / "article", ignore=shutil.ignore_patterns("twins", "corr*")
    )
    for name in ("gru_class", "lstm_dict", "min_char_rnn", "step_pairs"):
        (tmp_path / name).mkdir()
        shutil.copy(FIXTURES / "correct" / f"{name}.py", tmp_path / name)
    return [Request(path, Origin.FOUND) for path in sorted(tmp_path.rglob("*.py"))]


def said(report: RunReport | FileReport) -> object:
    files = report.files if isinstance(report, RunReport) else (report,)
    return [(file.path, file.findings, file.hidden, file.notes) for file in files]


def test_many_processes_say_what_one_says(requests: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "FEWEST_BYTES", 10**9)
    alone = check(requests, READ_ONLY, Config(Path()))
    monkeypatch.setattr(parallel, "FEWEST_BYTES", 1)
    monkeypatch.setattr(parallel, "processors", lambda: 3)
    together = check(requests, READ_ONLY, Config(Path()))
    assert said(together) == said(alone)
    assert any(file.findings for file in alone.files)


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_each_request_is_dealt_out_once_and_folders_stay_whole(requests: list[Request], count: int) -> None:
    dealt = shares(requests, count)
    assert len(dealt) == min(count, 5)
    assert sorted(place for share in dealt for place, _ in share) == list(range(len(requests)))
    assert all(requests[place] is request for share in dealt for place, request in share)
    folders = [{request.path.parent for _, request in share} for share in dealt]
    assert sum(map(len, folders)) == len(set.union(*folders))


def test_the_heaviest_folders_are_kept_apart(tmp_path: Path) -> None:
    for name, size in {"a": 100, "b": 90, "c": 20, "d": 10}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.py").write_text("#" * size, encoding="utf-8")
    requests = [Request(path, Origin.FOUND) for path in sorted(tmp_path.rglob("*.py"))]
    names = [[request.path.parent.name for _, request in share] for share in shares(requests, 2)]
    assert names == [["a", "d"], ["b", "c"]]


def test_a_file_that_has_gone_weighs_nothing_and_is_reported(tmp_path: Path) -> None:
    gone = Request(tmp_path / "gone.py", Origin.FOUND)
    ((report,),) = reports_of([gone], READ_ONLY, Config(tmp_path))
    assert report.problem is not None and "gone.py" in report.problem


def test_what_is_to_be_run_and_what_is_little_stays_here(requests: list[Request], tmp_path: Path) -> None:
    many = requests * 20
    assert pays(many, READ_ONLY)
    assert not pays(requests[:1], READ_ONLY)
    assert not pays([*many, Request(requests[0].path)], READ_ONLY)
    assert not pays(many, RunOptions(run=True))
    in_one_folder = [Request(requests[0].path, Origin.FOUND)] * 500
    assert not pays(in_one_folder, READ_ONLY)


def test_the_file_at_which_checking_fails_is_named(
    requests: list[Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = Checker.reports

    def failing(self: Checker, request: Request, shelf: Shelf) -> object:
        if request.path.name == "step_pairs.py":
            raise ZeroDivisionError("on purpose")
        return reports(self, request, shelf)

    monkeypatch.setattr(Checker, "reports", failing)
    with pytest.raises(FailedFileError, match="ZeroDivisionError: on purpose") as failed:
        reports_of(requests, READ_ONLY, Config(Path()))
    assert failed.value.path.name == "step_pairs.py"
