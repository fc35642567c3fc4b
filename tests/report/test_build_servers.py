"""What build servers read: GitLab's code quality and JUnit's XML."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import made_reports as made
import pytest
from junitparser import JUnitXml
from test_machine_formats import NOT_CHECKED, REPORTS

from rnnlint.report import FORMATS, missing_library, render
from rnnlint.results import FileReport, RunReport
from rnnlint.source import decode_source


class TestGitlab:
    @pytest.mark.parametrize("name", REPORTS)
    def test_every_row_has_what_gitlab_asks_for(self, name: str) -> None:
        for row in json.loads(render(REPORTS[name], "gitlab")):
            assert set(row) == {"check_name", "description", "severity", "fingerprint", "location"}
            assert row["severity"] in ("info", "minor", "major", "critical", "blocker")
            assert not Path(row["location"]["path"]).is_absolute()
            assert 1 <= row["location"]["lines"]["begin"] <= row["location"]["lines"]["end"]

    def test_a_finding(self) -> None:
        rows = json.loads(render(made.WRONG_REPORT, "gitlab"))
        assert len(rows) == len(made.BUGS) + 1
        first, last = rows[0], rows[-1]
        assert (first["check_name"], first["severity"]) == ("RNN102 off-by-one-state", "critical")
        assert first["location"] == {"path": "backward.py", "lines": {"begin": 3, "end": 3}}
        assert (last["check_name"], last["severity"]) == ("RNN401 log-without-eps", "major")

    def test_two_findings_have_two_fingerprints(self) -> None:
        twice = (made.UNSAFE_LOG, made.UNSAFE_LOG)
        rows = json.loads(render(RunReport((FileReport(made.FORWARD, findings=twice),)), "gitlab"))
        assert rows[0]["fingerprint"] != rows[1]["fingerprint"]

    def test_lines_of_a_notebook_are_those_of_its_json(self) -> None:
        path = Path("lstm.ipynb")
        cells = [{"cell_type": "code", "source": ["a = 1\n", "b = 2"], "metadata": {}}]
        document = json.dumps({"cells": cells}, indent=1)
        source = decode_source(path, document.encode())
        finding = replace(made.UNSAFE_LOG, path=path, span=replace(made.UNSAFE_LOG.span, line=2, end_line=2))
        report = RunReport((FileReport(path, source=source, findings=(finding,)),))
        (row,) = json.loads(render(report, "gitlab"))
        assert "b = 2" in document.splitlines()[row["location"]["lines"]["begin"] - 1]

    def test_a_file_that_cannot_be_read_blocks(self) -> None:
        (row,) = json.loads(render(REPORTS["unreadable"], "gitlab"))
        assert (row["severity"], row["description"]) == ("blocker", "backward.py: there is no such file.")


def suites(report: RunReport) -> ElementTree.Element:
    return ElementTree.fromstring(render(report, "junit"))


def cases(report: RunReport, outcome: str) -> list[str]:
    return [case.attrib["name"] for case in suites(report).iter("testcase") if case.find(outcome) is not None]


class TestJunit:
    @pytest.mark.parametrize("name", REPORTS)
    def test_the_library_reads_it_back(self, name: str) -> None:
        document = JUnitXml.fromstring(render(REPORTS[name], "junit"))
        assert len(list(document)) == len(REPORTS[name].files)

    def test_bugs_and_wrong_gradients_fail(self) -> None:
        failed = cases(made.WRONG_REPORT, "failure")
        assert len(failed) == 9 + 9
        assert failed[0] == "RNN102 off-by-one-state (3)"
        assert "forward → backward: gradient of W_f" in failed
        assert "forward → backward: gradient of b_v" not in failed

    def test_figures_of_the_whole(self) -> None:
        document = suites(made.WRONG_REPORT)
        assert (document.attrib["tests"], document.attrib["failures"]) == ("20", "18")

    def test_a_warning_passes_and_is_said(self) -> None:
        (said,) = suites(made.WRONG_REPORT).iter("system-out")
        assert (said.text or "").startswith("warning: `np.log(v)` is -inf")

    def test_a_right_file_passes(self) -> None:
        assert cases(made.RIGHT_REPORT, "failure") == []
        assert int(suites(made.RIGHT_REPORT).attrib["tests"]) == 10 + 1

    def test_what_was_not_checked_is_skipped_with_its_reason(self) -> None:
        (skipped,) = suites(REPORTS["not checked"]).iter("skipped")
        assert skipped.attrib["message"] == NOT_CHECKED.reason

    def test_what_cannot_be_read_is_an_error(self) -> None:
        (error,) = suites(REPORTS["unreadable"]).iter("error")
        assert error.attrib["message"] == "backward.py: there is no such file."

    def test_what_xml_cannot_hold_does_not_break_it(self) -> None:
        finding = replace(made.BUGS[0], message="a\x00b\x1b]<&\ud800 c")
        report = RunReport((FileReport(Path("a\x07<b>.py"), findings=(finding,)),))
        (failure,) = suites(report).iter("failure")
        assert failure.attrib["message"] == "a\ufffdb\ufffd]<&\ufffd c"


@pytest.mark.parametrize("output_format", FORMATS)
def test_nothing_is_missing_where_all_is_installed(output_format: str) -> None:
    assert missing_library(output_format) is None
