"""A forward pass that is nearly a cell that is known: where it leaves it, and the edit that mends it."""

from __future__ import annotations

import pytest

from rnnlint.diagnosis import diagnose
from rnnlint.diagnosis.prove import agrees
from rnnlint.findings import Confidence, Severity
from rnnlint.rules import lint


def diagnosed(changed, fixture, *changes):
    project, checks = changed(fixture, *changes)
    return project, diagnose(project, lint(project, project.source), checks)


def line_of(project, text: str) -> int:
    (line,) = [n for n, each in enumerate(project.source.text.split("\n"), 1) if text in each]
    return line


@pytest.mark.parametrize(
    ("fixture", "right", "wrong"),
    [
        ("correct/lstm_dict.py", "ft * c_prev + it * cct", "ft * c_prev + it * ft"),
        ("correct/lstm_dict.py", "c_next = ft * c_prev", "c_next = (1 - ft) * c_prev"),
        ("correct/lstm_class.py", "c = f * c + i * g", "c = f * c + f * g"),
    ],
)
def test_a_slip_in_the_forward_pass_is_mended_there_and_not_in_the_backward(changed, fixture, right, wrong):
    """The backward pass is the derivative of what was meant."""
    project, diagnosis = diagnosed(changed, fixture, (right, wrong))
    proven = [f for f in diagnosis.findings if f.confidence is Confidence.PROVEN and f.evidence]
    assert [(f.code, f.span.line) for f in proven] == [("RNN902", line_of(project, wrong))]
    assert diagnosis.fixed and all(map(agrees, diagnosis.fixed))


def test_another_activation_is_told_where_it_stands(changed):
    wrong = 'it = np.tanh(parameters["Wi"]'
    project, diagnosis = diagnosed(changed, "correct/lstm_dict.py", ('it = sigmoid(parameters["Wi"]', wrong))
    (said,) = [each for each in diagnosis.findings if each.code == "RNN902"]
    assert said.span.line == line_of(project, wrong)
    assert said.severity is Severity.WARNING and "i = σ(W_i z + b_i)" in said.message
    assert all("σ(W_i z + b_i)" in (check.difference or "") for check in diagnosis.checks)


@pytest.mark.parametrize(
    "fixture", ["correct/coupled_gates.py", "correct/gru_columns.py", "correct/linked_cells.py"]
)
def test_nothing_is_said_of_cells_of_another_kind(changed, fixture):
    _, diagnosis = diagnosed(changed, fixture)
    assert [each for each in diagnosis.findings if each.code == "RNN902"] == []
