"""A report names files as someone in the working folder types them, in every field that holds a path."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import made_reports as made

from rnnlint.findings import Edit, Fix, Related, Span
from rnnlint.report import render
from rnnlint.report.paths import as_seen_from
from rnnlint.results import Change, FileReport, RunReport

HOME = Path("/home/student/course")
FILE = HOME / "week1" / "backward.py"
ELSEWHERE = Path("/usr/share/utils.py")


def report() -> RunReport:
    where = Span(1, 1, 1, 2)
    finding = replace(
        made.BUGS[0],
        path=FILE,
        fix=Fix("Write it so.", (Edit(FILE, where, "x"),)),
        related=(Related(ELSEWHERE, where, "elsewhere"), Related(FILE, where, "here")),
    )
    check = replace(
        made.WRONG_CHECK, path=FILE, reason=f"{FILE}: line 3 raises.", notes=(f"Skipped {FILE}.",)
    )
    file = FileReport(
        FILE, findings=(finding,), hidden=(finding,), gradients=(check,), notes=(f"{FILE} stands in.",)
    )
    return RunReport(
        (file, FileReport(FILE, problem=f"{FILE}: is binary.")), changes=(Change(FILE, "a", "b", 1),)
    )


def test_nothing_in_the_report_names_the_working_folder() -> None:
    seen = as_seen_from(report(), HOME)
    assert str(HOME) not in render(seen, "json")
    assert str(HOME) not in repr(seen.changes)


def test_files_elsewhere_keep_their_whole_path() -> None:
    document = json.loads(render(as_seen_from(report(), HOME), "json"))
    related = document["files"][0]["findings"][0]["related"]
    assert [each["path"] for each in related] == ["/usr/share/utils.py", "week1/backward.py"]


def test_a_folder_of_a_similar_name_is_another_folder() -> None:
    other = Path("/home/student/course2/a.py")
    file = FileReport(other, problem=f"{other}: is binary.")
    seen = as_seen_from(RunReport((file,)), HOME)
    assert (seen.files[0].path, seen.files[0].problem) == (other, f"{other}: is binary.")
