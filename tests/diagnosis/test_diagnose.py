"""From wrong gradients to the line, the proof and the fix, with nothing read statically."""

from __future__ import annotations

import pytest
from project_lines import line_of

from rnnlint.diagnosis import diagnose
from rnnlint.diagnosis.prove import agrees
from rnnlint.findings import Confidence, Finding, Severity, Span
from rnnlint.fixes import apply_fixes
from rnnlint.gradients import prepare
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.source import read_source

ONE_BUG = [
    ("article/corrected/backward.py", "f[t] * dC\n", "dC\n", "dC_next = dC"),
    ("article/corrected/backward.py", "(1 - i[t]) * di", "di", "di = i[t] * di"),
    ("article/corrected/backward.py", "b_f_d += df", "b_f_d = df", "b_f_d = df"),
    ("article/corrected/backward.py", "h[t + 1].T", "h[t].T", "h[t].T"),
    ("correct/gru_class.py", "self.Uz.T @ dz + ", "", "dh_next = dh * (1 - z)"),
    ("correct/gru_class.py", "self.r[t], self.h_hat[t]", "self.r[t], self.z[t]", "self.z[t], self.r[t]"),
    ("correct/min_char_lstm.py", "dh = np.dot(Wy.T, dy) + dhnext", "dh = dhnext", "dh = dhnext"),
    ("article/corrected/backward.py", "do = dh * tanh(C[t + 1])", "do = dh", "        do = dh"),
]


@pytest.mark.parametrize(
    ("fixture", "right", "wrong", "marked"), ONE_BUG, ids=[row[2].strip() for row in ONE_BUG]
)
def test_a_bug_that_no_rule_found_is_repaired_and_proven_at_its_line(changed, fixture, right, wrong, marked):
    project, checks = changed(fixture, (right, wrong))
    diagnosis = diagnose(project, (), checks)
    (finding,) = [f for f in diagnosis.findings if f.severity is Severity.ERROR]
    assert finding.span.line == line_of(project, marked)
    assert finding.confidence is Confidence.PROVEN
    assert finding.fix is not None and finding.fix.safe
    assert finding.evidence is not None and finding.evidence.parameters
    assert all(agrees(check) for check in diagnosis.fixed)


def test_of_two_repairs_that_stand_in_for_one_another_one_is_kept(changed):
    """What a rule found and the search found again: without both of them the gradient was called right."""
    slips = ("i[t] * (1 - i[t]) * di", "g[t] * (1 - i[t]) * di"), ("dh_next = dz[", "dh_next_sent = dz[")
    project, checks = changed("article/corrected/backward.py", *slips)
    diagnosis = diagnose(project, lint(project, project.source), checks)
    proven = [f for f in diagnosis.findings if f.confidence is Confidence.PROVEN and f.evidence]
    assert {f.span.line for f in proven} == {line_of(project, text) for _, text in slips}
    assert all(agrees(check) for check in diagnosis.fixed)


def test_a_repair_of_a_line_takes_the_place_of_an_earlier_one_of_it(changed):
    slips = ("self.r[t], self.h_hat", "self.h[t], self.h_hat"), ("dr = drh * h_prev", "dr = h_prev")
    project, checks = changed("correct/gru_class.py", *slips)
    diagnosis = diagnose(project, lint(project, project.source), checks)
    assert all(agrees(check) for check in diagnosis.fixed)
    proven = [f for f in diagnosis.findings if f.confidence is Confidence.PROVEN and f.evidence]
    assert {f.span.line for f in proven} == {line_of(project, text) for _, text in slips}


def test_the_fix_restores_the_author_s_own_line(changed):
    project, checks = changed("article/corrected/backward.py", ("h[t + 1].T", "h[t].T"))
    (finding,) = [f for f in diagnose(project, (), checks).findings if f.fix]
    fixed = apply_fixes({project.target: project.source.text}, [finding.fix]).texts[project.target]
    assert "    W_v_d += dv @ h[t + 1].T\n" in fixed


def test_two_bugs_that_hide_one_another_are_both_found(changed):
    project, checks = changed(
        "article/corrected/backward.py", ("C_prev = C[t]", "C_prev = C[t - 1]"), ("f[t] * dC\n", "dC\n")
    )
    diagnosis = diagnose(project, (), checks)
    errors = [f for f in diagnosis.findings if f.severity is Severity.ERROR]
    assert [f.span.line for f in errors] == [line_of(project, "C[t - 1]"), line_of(project, "dC_next = dC")]
    assert all(f.confidence is Confidence.PROVEN for f in errors)


def test_a_right_program_is_left_alone(changed):
    project, checks = changed("article/corrected/backward.py")
    diagnosis = diagnose(project, (), checks)
    assert not [f for f in diagnosis.findings if f.severity is Severity.ERROR]
    assert diagnosis.checks == tuple(check.check for check in checks)


def test_a_statement_that_has_little_of_what_it_should_is_written_anew(changed):
    project, checks = changed(
        "article/corrected/backward.py", ("W_o_d += do @ z[t].T", "W_o_d += np.cos(do) @ np.sin(z[t].T)")
    )
    (finding,) = [f for f in diagnose(project, (), checks).findings if f.severity is Severity.ERROR]
    assert finding.fix is not None and finding.fix.safe
    assert [edit.text for edit in finding.fix.edits] == ["do @ z[t].T"]


def test_what_no_small_edit_repairs_is_said_of_the_line_that_stores_the_gradient(changed):
    project, checks = changed(
        "article/corrected/backward.py",
        ("    for t in reversed", "    z = [np.sin(each) for each in z]\n    for t in reversed"),
    )
    findings = diagnose(project, (), checks).findings
    (wrong,) = [f for f in findings if f.code == "RNN901"]
    stores = ("W_f_d += df", "W_i_d += di", "W_g_d += dg", "W_o_d += do")
    assert wrong.span.line in {line_of(project, text) for text in stores}
    assert not any(f.fix for f in findings)


def test_a_bug_of_the_step_is_said_once_and_proven_in_the_step_and_in_the_sequence(changed):
    project, checks = changed("correct/lstm_dict.py", ("dft = dc * c_prev * ft", "dft = dc * ft"))
    assert len([check for check in checks if check.check.wrong]) == 2
    diagnosis = diagnose(project, (), checks)
    (finding,) = [f for f in diagnosis.findings if f.severity is Severity.ERROR]
    assert finding.span.line == line_of(project, "dft = dc * ft")
    assert finding.confidence is Confidence.PROVEN
    assert all(agrees(check) for check in diagnosis.fixed)


def test_a_carry_that_is_never_set_stands_where_it_is_computed_beside_another_bug(changed):
    project, checks = changed(
        "article/corrected/backward.py",
        ("di = i[t] * (1 - i[t]) * di", "di = (1 - i[t]) * di"),
        ("dh_next = dz[:hidden_size, :]", "dh_before = dz[:hidden_size, :]"),
    )
    errors = [f for f in diagnose(project, (), checks).findings if f.severity is Severity.ERROR]
    assert [f.span.line for f in errors] == [line_of(project, "di = (1"), line_of(project, "dh_before =")]


def test_states_that_survive_the_call_are_proven_by_a_second_pass(runner, tmp_path):
    path = tmp_path / "layer.py"
    path.write_text(GROWING)
    project = Project.of(read_source(path))
    checks = prepare(project, project.source, runner, seed=7)
    assert [check.check.call for check in checks] == [2]
    diagnosis = diagnose(project, lint(project, project.source), checks)
    (finding,) = [f for f in diagnosis.findings if f.severity is Severity.ERROR]
    assert (finding.code, finding.confidence) == ("RNN112", Confidence.PROVEN)
    assert all(agrees(check) for check in diagnosis.fixed)


def test_what_the_proven_repairs_do_not_need_is_lowered_to_possible(changed):
    project, checks = changed("article/corrected/backward.py", ("f[t] * dC\n", "dC\n"))
    right_line = line_of(project, "di = dC * g[t]")
    accused = Finding(
        "RNN208",
        "wrong-partner",
        Severity.ERROR,
        Confidence.LIKELY,
        "A false accusation.",
        project.target,
        Span(right_line, 9, right_line, 23),
    )
    findings = diagnose(project, (accused,), checks).findings
    assert {f.code: f.confidence for f in findings if f.severity is Severity.ERROR} == {
        "RNN208": Confidence.POSSIBLE,
        "RNN906": Confidence.PROVEN,
    }


GROWING = """\
import numpy as np


class RNNLayer:
    def __init__(self, D, H):
        self.W_x, self.W_h = np.random.randn(H, D), np.random.randn(H, H)
        self.states = []

    def forward(self, xs):
        self.xs = xs
        h = np.zeros(len(self.W_h))
        hs = []
        for x in xs:
            before, h = h, np.tanh(self.W_x @ x + self.W_h @ h)
            self.states.append((before, h))
            hs.append(h)
        return np.array(hs)

    def backward(self, dhs):
        self.dW_x, self.dW_h = np.zeros_like(self.W_x), np.zeros_like(self.W_h)
        dh_next = np.zeros(len(self.W_h))
        for t in reversed(range(len(dhs))):
            before, h = self.states[t]
            da = (dhs[t] + dh_next) * (1 - h**2)
            self.dW_x += np.outer(da, self.xs[t])
            self.dW_h += np.outer(da, before)
            dh_next = self.W_h.T @ da
"""
