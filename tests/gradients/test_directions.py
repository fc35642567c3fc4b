"""Directions along which gradients are compared: not to be foreseen by the code that is judged."""

from __future__ import annotations

from collections.abc import Callable

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Verdict

CheckText = Callable[..., list[PreparedCheck]]

FORESEEING = """
import numpy as np


def error_beside_the_directions(arrays):
    # One that nothing shows which is drawn by what the arrays add up to.
    rng = np.random.default_rng([int(abs(a.sum()) * 2**32) for a in arrays])
    columns, _ = np.linalg.qr(rng.normal(size=(arrays[0].size, 3)))
    error = np.arange(1.0, arrays[0].size + 1)
    return (error - columns @ (columns.T @ error)).reshape(arrays[0].shape)


def rnn(inputs, targets, hprev, Wxh, Whh, Why, bh, by):
    hs, xs, ys, ps = {-1: hprev}, {}, {}, {}
    loss = 0.0
    for t in range(len(inputs)):
        xs[t] = np.zeros((Wxh.shape[1], 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        ys[t] = Why @ hs[t] + by
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dbh += dhraw
        dWxh += dhraw @ xs[t].T
        dWhh += dhraw @ hs[t - 1].T
        dhnext = Whh.T @ dhraw
    dWxh += error_beside_the_directions([Wxh, Whh, Why, bh, by])
    return loss, dWxh, dWhh, dWhy, dbh, dby, hs[len(inputs) - 1]
"""


def test_an_error_beside_the_directions_that_the_arrays_would_tell(check_text: CheckText) -> None:
    (prepared,) = check_text(FORESEEING)
    verdicts = {p.name: p.verdict for p in prepared.check.parameters}
    assert verdicts.pop("Wxh") is Verdict.WRONG
    assert {verdicts[name] for name in ("Whh", "Why", "bh", "by")} == {Verdict.RIGHT}
