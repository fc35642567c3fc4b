"""The first wrong line, found by value: every expression beside the true adjoints of the same run."""

from __future__ import annotations

import numpy as np
import pytest
from project_lines import line_of

from rnnlint.diagnosis.suspects import backward_texts
from rnnlint.diagnosis.tracing.blame import blame
from rnnlint.diagnosis.tracing.trace import traced
from rnnlint.verdicts import Status

ARTICLE = "article/corrected/backward.py"


def blamed(project, prepared):
    trials = prepared.trials()
    trace = traced(project, prepared.check, trials)
    texts = backward_texts(project, prepared.check)
    return blame(trace.made_by(trials, texts), texts)


RIGHT = [
    ARTICLE, "correct/lstm_class.py", "correct/gru_class.py", "correct/min_char_lstm.py",
    "correct/peephole.py", "correct/gru_columns.py", "correct/transposed.py", "correct/linked_cells.py",
    "correct/step_pairs.py",
]  # fmt: skip


@pytest.mark.parametrize("fixture", RIGHT)
def test_no_line_of_a_right_pass_is_blamed(changed, fixture):
    project, checks = changed(fixture)
    checked = [each for each in checks if each.check.status is Status.CHECKED]
    assert checked
    for prepared in checked:
        assert blamed(project, prepared).first is None


WRONG = [
    (ARTICLE, "di = i[t] * (1 - i[t]) * di", "di = i[t] * di"),
    (ARTICLE, "dC = dC_next + dh", "dC = dC_next - dh"),
    (ARTICLE, "dz = W_f.T @ df + W_i.T", "dz = W_f.T @ df - W_i.T"),
    ("correct/gru_class.py", "dr = drh * h_prev * r", "dr = drh * h * r"),
]


@pytest.mark.parametrize(("fixture", "right", "wrong"), WRONG, ids=[row[2] for row in WRONG])
def test_the_first_wrong_result_is_the_changed_line_s(changed, fixture, right, wrong):
    project, (prepared, *_) = changed(fixture, (right, wrong))
    assert blamed(project, prepared).first.watched.statement.line == line_of(project, wrong)


def test_a_true_adjoint_in_the_wrong_place_is_blamed_where_it_is_made(changed):
    project, (prepared, *_) = changed(ARTICLE, ("dg = (1 - g[t] ** 2) * dg", "dg = dg * 1.0"))
    likeliest = blamed(project, prepared).suspects[0][1]
    assert likeliest.line == line_of(project, "dg = dg * 1.0")


def test_a_carry_that_stays_zero_is_noticed_where_it_is_read(changed):
    project, (prepared, *_) = changed(ARTICLE, ("dC_next = f[t] * dC", "dC_prev = f[t] * dC"))
    found = blamed(project, prepared)
    assert found.unset
    assert found.suspects[0][1].line == line_of(project, "dC = dC_next + dh")


def test_a_weight_s_uses_add_up_to_its_true_gradient(changed):
    project, (prepared, *_) = changed(ARTICLE)
    truths = traced(project, prepared.check, prepared.trials()).truths
    true = prepared.measurement.truth["W_f"]
    parts = [
        use.adjoint for use in truths.uses if use.watched.text == "W_f" and use.adjoint.shape == true.shape
    ]
    assert len(parts) == 4
    np.testing.assert_allclose(np.sum(parts, axis=0), true, rtol=1e-5, atol=1e-8)
