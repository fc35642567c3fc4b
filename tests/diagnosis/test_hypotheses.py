"""Which known bugs explain all gradients exactly, without a look at the source."""

from __future__ import annotations

import pytest

from rnnlint.diagnosis.hypotheses import explained_by

ARTICLE, GRU, RNN = "article/corrected/backward.py", "correct/gru_class.py", "correct/min_char_rnn.py"

KNOWN = [
    (ARTICLE, [("(1 - i[t]) * di", "di")], ["RNN202"]),
    (ARTICLE, [("i[t] * (1 - i[t]) * di", "di")], ["RNN205"]),
    (ARTICLE, [("dh_next = dz[:hidden_size, :]", "dh_prev = dz[:hidden_size, :]")], ["RNN104"]),
    (ARTICLE, [("dC_next = f[t] * dC", "dC_next = dC"), ("C_prev = C[t]", "C_prev = C[t - 1]")],
     ["RNN101", "RNN207"]),
    (GRU, [("self.Uz.T @ dz + ", "")], ["RNN210"]),
    (GRU, [(" * (1 - h_hat ** 2)", "")], ["RNN205"]),
    (RNN, [("dhnext = np.dot(Whh.T, draw)", "dhnext = np.dot(Whh, draw)")], ["RNN303"]),
]  # fmt: skip


@pytest.mark.parametrize(("fixture", "changes", "codes"), KNOWN, ids=[row[1][0][1] for row in KNOWN])
def test_a_known_bug_or_two_explain_all_gradients_exactly(changed, fixture, changes, codes):
    _, (prepared, *_) = changed(fixture, *changes)
    assert prepared.check.wrong
    found = explained_by(prepared.measurement, prepared.matched)
    assert sorted(bug.code for bug in found) == codes


@pytest.mark.parametrize(
    "changes", [(), (("(1 - i[t]) * di", "(2 - i[t]) * di"),)], ids=["a right pass", "a bug of its own"]
)
def test_nothing_is_said_without_an_exact_match(changed, changes):
    _, (prepared, *_) = changed(ARTICLE, *changes)
    assert explained_by(prepared.measurement, prepared.matched) == ()
