"""What programs read: JSON by its schema, GitHub's annotations, a line a finding."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import made_reports as made
import pytest

from rnnlint.report import render
from rnnlint.results import FileReport, Origin, RunReport
from rnnlint.source import decode_source
from rnnlint.verdicts import GradientCheck, Reason, Status

SCHEMA: dict[str, Any] = json.loads((files("rnnlint.report") / "schema.json").read_text(encoding="utf-8"))

NOT_CHECKED = GradientCheck(
    "1", Status.NOT_CHECKED, made.BACKWARD, 1, reason="it never ended.", reason_code=Reason.TIMEOUT
)
REPORTS = {
    "wrong": made.WRONG_REPORT,
    "right": made.RIGHT_REPORT,
    "empty": RunReport(),
    "not checked": RunReport((FileReport(made.BACKWARD, source=made.SOURCE, gradients=(NOT_CHECKED,)),)),
    "unreadable": RunReport((FileReport(made.BACKWARD, problem="backward.py: there is no such file."),)),
}


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_keeps_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(render(REPORTS[name], "json")), SCHEMA)


def test_the_schema_allows_no_unknown_key() -> None:
    document = json.loads(render(made.WRONG_REPORT, "json"))
    document["files"][0]["findings"][0]["line_number"] = 3
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_the_schema_names_every_reason_and_verdict() -> None:
    from rnnlint.verdicts import Verdict

    definitions = SCHEMA["$defs"]
    assert set(definitions["gradient"]["properties"]["reason_code"]["enum"]) == {*map(str, Reason), None}
    assert set(definitions["parameter"]["properties"]["verdict"]["enum"]) == set(map(str, Verdict))


def test_json_carries_the_figures_of_the_design() -> None:
    document = json.loads(render(made.WRONG_REPORT, "json"))
    assert document["version"] == 1
    assert document["summary"] == {
        "files": 2,
        "errors": 9,
        "warnings": 1,
        "advice": 0,
        "wrong_parameters": 9,
        "checked_parameters": 10,
    }
    backward, forward = document["files"]
    assert (backward["origin"], forward["origin"]) == ("named", "project")
    first = backward["findings"][0]
    assert (first["line"], first["column"], first["end_line"], first["end_column"]) == (3, 23, 3, 27)
    assert first["fix"]["edits"] == [
        {
            "path": "backward.py",
            "line": 3,
            "column": 23,
            "end_line": 3,
            "end_column": 27,
            "cell": None,
            "text": "h[t + 1]",
        }
    ]
    assert first["evidence"] == {"gradient": "0", "parameters": ["W_v"], "error_if_left": 0.95}
    assert first["group"]["key"] == "list-first"
    assert first["related"][0]["path"] == "forward.py"
    gradient = backward["gradients"][0]
    assert (gradient["status"], gradient["scale"], gradient["seed"]) == ("checked", 11.0, 7)
    w_f = gradient["parameters"][0]
    assert (w_f["verdict"], w_f["relative_error"]) == ("wrong", 0.76)
    assert w_f["worst"] == {"index": [0, 3], "got": 0.1, "expected": -0.2}


def test_json_has_no_entry_for_a_file_without_a_backward_pass() -> None:
    none = replace(NOT_CHECKED, reason_code=Reason.NO_BACKWARD)
    document = json.loads(render(RunReport((FileReport(made.BACKWARD, gradients=(none,)),)), "json"))
    assert document["files"][0]["gradients"] == []


def test_json_has_no_nan() -> None:
    parameter = replace(made.RIGHT_CHECK.parameters[0], relative_error=float("nan"), ratio=float("inf"))
    check = replace(made.RIGHT_CHECK, parameters=(parameter,))
    document = json.loads(render(RunReport((FileReport(made.BACKWARD, gradients=(check,)),)), "json"))
    shown = document["files"][0]["gradients"][0]["parameters"][0]
    assert (shown["relative_error"], shown["ratio"]) == (None, None)


def test_json_lines_of_a_notebook_are_those_of_the_cell() -> None:
    path = Path("lstm.ipynb")
    cells = [
        {"cell_type": "code", "source": text, "metadata": {}} for text in ("a = 1\nb = 2", "c = 3\nd = 4")
    ]
    source = decode_source(path, json.dumps({"cells": cells}).encode())
    finding = replace(made.UNSAFE_LOG, path=path, span=replace(made.UNSAFE_LOG.span, line=4, end_line=4))
    document = json.loads(render(RunReport((FileReport(path, source=source, findings=(finding,)),)), "json"))
    shown = document["files"][0]["findings"][0]
    assert (shown["cell"], shown["line"], shown["end_line"]) == (2, 2, 2)


def test_github_annotations_escape_what_would_end_them() -> None:
    finding = replace(made.BUGS[0], message="100 % wrong:\nsee, below", path=Path("a,b.py"))
    row = render(RunReport((FileReport(Path("a,b.py"), findings=(finding,)),)), "github")
    assert row == (
        "::error file=a%2Cb.py,line=3,endLine=3,col=23,endColumn=27,title=RNN102 off-by-one-state"
        "::100 %25 wrong:%0Asee, below\n"
    )


def test_github_speaks_of_wrong_gradients_too() -> None:
    rows = render(made.WRONG_REPORT, "github").splitlines()
    assert sum(row.startswith("::error ") for row in rows) == 10
    assert any("9 of 10 gradients are wrong: W_f, W_i" in row for row in rows)
    assert any(row.startswith("::warning file=forward.py,line=3") for row in rows)


def test_concise_is_one_line_a_finding_and_a_check() -> None:
    rows = render(made.WRONG_REPORT, "concise").splitlines()
    assert rows[0] == "backward.py:3:23: RNN102 error (proven): `h[t]` is wrong here. [fixable]"
    assert "backward.py:1: 9 of 10 gradients wrong: W_f, W_i, W_g, W_o, W_v, b_f, b_i, b_g, b_o" in rows
    assert len(rows) == 11


def test_concise_says_nothing_of_a_silent_file() -> None:
    assert render(RunReport((FileReport(made.BACKWARD, Origin.FOUND, made.SOURCE),)), "concise") == ""


def test_an_unknown_format_is_an_error() -> None:
    with pytest.raises(ValueError, match="no format 'yaml'"):
        render(RunReport(), "yaml")
