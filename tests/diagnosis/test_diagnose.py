"""From wrong gradients to the line, the proof and the fix, with nothing read statically."""

from __future__ import annotations

import pytest
from project_lines import line_of

from rnnlint.diagnosis import diagnose
from rnnlint.diagnosis.prove import agrees
from rnnlint.findings import Confidence, Severity
from rnnlint.fixes import apply_fixes

ONE_BUG = [
    ("article/corrected/backward.py", "f[t] * dC\n", "dC\n", "dC_next = dC"),
    ("article/corrected/backward.py", "(1 - i[t]) * di", "di", "di = i[t] * di"),
    ("article/corrected/backward.py", "b_f_d += df", "b_f_d = df", "b_f_d = df"),
    ("article/corrected/backward.py", "h[t + 1].T", "h[t].T", "h[t].T"),
    ("correct/gru_class.py", "self.Uz.T @ dz + ", "", "dh_next = dh * (1 - z)"),
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


def test_what_no_small_edit_repairs_is_said_of_the_line_that_stores_the_gradient(changed):
    project, checks = changed(
        "article/corrected/backward.py", ("W_o_d += do @ z[t].T", "W_o_d += np.cos(do) @ np.sin(z[t].T)")
    )
    findings = diagnose(project, (), checks).findings
    (wrong,) = [f for f in findings if f.code == "RNN901"]
    assert wrong.span.line == line_of(project, "np.cos(do)")
    assert not any(f.fix for f in findings)
