"""The article's program: nine bugs, three misunderstandings; a twin for each; fixes that leave none."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.findings import Finding, Severity
from rnnlint.fixes import apply_fixes
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.source import read_source

ARTICLE = Path(__file__).parents[2] / "fixtures" / "article"

NINE = [
    ("RNN102", "W_v_d += dv @ h[t].T"),
    ("RNN101", "C_prev = C[t - 1]"),
    ("RNN102", "do = dh * tanh(C[t])"),
    ("RNN203", "do = sigmoid(o[t], derivative=True) * do"),
    ("RNN201", "dC = dC_next + dh * o[t] * tanh(tanh(C[t]), derivative=True)"),
    ("RNN203", "dg = tanh(g[t], derivative=True) * dg"),
    ("RNN203", "di = sigmoid(i[t], derivative=True) * di"),
    ("RNN202", "df = sigmoid(f[t]) * df"),
    ("RNN104", "dh_prev = dz[:hidden_size, :]"),
]
TWINS = {
    "shifted_hidden": "RNN102",
    "wrapped_cell": "RNN101",
    "shifted_cell": "RNN102",
    "output_gate_twice": "RNN203",
    "cell_tanh_twice": "RNN201",
    "candidate_twice": "RNN203",
    "input_gate_twice": "RNN203",
    "forget_gate_plain": "RNN202",
    "dropped_carry": "RNN104",
}


def errors(path: Path) -> list[Finding]:
    source = read_source(path)
    return [each for each in lint(Project.of(source), source) if each.severity is Severity.ERROR]


@pytest.mark.parametrize("name", ["backward.py", "one_file.py"])
def test_nine_bugs_at_nine_lines(name: str):
    source = read_source(ARTICLE / name)
    found = [(each.code, source.line_text(each.span.line).strip()) for each in errors(ARTICLE / name)]
    assert found == NINE


def test_they_are_three_misunderstandings():
    groups = {each.group.key for each in errors(ARTICLE / "backward.py") if each.group is not None}
    assert len(groups) == 3
    assert all(each.group is not None for each in errors(ARTICLE / "backward.py"))


def test_the_picture_of_the_list_names_the_line_that_stored_the_initial_state():
    (wrapped,) = [each for each in errors(ARTICLE / "backward.py") if each.code == "RNN101"]
    (stored,) = wrapped.related
    assert stored.path.name == "forward.py"
    line = read_source(stored.path).line_text(stored.span.line).strip()
    assert line == "C.append(C_prev)"
    assert wrapped.group is not None
    assert f"forward.py:{stored.span.line} stores the initial state first" in wrapped.group.explanation


@pytest.mark.parametrize("twin", TWINS)
def test_each_twin_has_its_bug_and_no_other(twin: str):
    assert [each.code for each in errors(ARTICLE / "twins" / twin / "backward.py")] == [TWINS[twin]]


def test_the_corrected_twin_is_silent():
    assert errors(ARTICLE / "corrected" / "backward.py") == []


def test_all_fixes_together_leave_no_error():
    source = read_source(ARTICLE / "backward.py")
    project = Project.of(source)
    fixes = [each.fix for each in lint(project, source) if each.fix is not None and each.code[3] in "12"]
    applied = apply_fixes({source.path: source.text}, fixes)
    assert applied.skipped == ()
    fixed = applied.texts[source.path]
    again = project.overlay({source.path: fixed})
    assert [each for each in lint(again, again.source) if each.severity is Severity.ERROR] == []
