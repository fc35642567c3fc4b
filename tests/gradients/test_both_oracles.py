"""Where the forward pass is a reference cell, its adjoints and the differences of the loss are both asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rnnlint.gradients import PreparedCheck
from rnnlint.verdicts import Verdict

CheckText = Callable[..., list[PreparedCheck]]

GRU = """
    import numpy as np

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def loss_and_grads(p, xs, ys, h):
        n = len(h)
        tape, loss = [], 0.0
        for x, y in zip(xs, ys):
            xh = np.vstack((x, h))
            z, r = sigmoid(p["Wz"] @ xh + p["bz"]), sigmoid(p["Wr"] @ xh + p["br"])
            xrh = np.vstack((x, r * h))
            c = np.tanh(p["Wc"] @ xrh + p["bc"])
            new = z * h + (1 - z) * c
            v = p["Wy"] @ new + p["by"]
            prob = np.exp(v) / np.exp(v).sum(axis=0)
            loss -= np.sum(y * np.log(prob))
            tape.append((xh, xrh, h, z, r, c, new, prob - y))
            h = new
        g = {k: np.zeros_like(v) for k, v in p.items()}
        dh = 0
        for xh, xrh, old, z, r, c, new, dv in reversed(tape):
            g["Wy"] += dv @ new.T
            g["by"] += dv.sum(axis=1, keepdims=True)
            dh = dh + p["Wy"].T @ dv
            dc = dh * (1 - z) * (1 - c**2)
            dz = dh * (old - c) * z * (1 - z)
            drh = (p["Wc"].T @ dc)[-n:]
            dr = drh * old * r * (1 - r)
            for name, d, into in (("z", dz, xh), ("r", dr, xh), ("c", dc, xrh)):
                g["W" + name] += d @ into.T
                g["b" + name] += d.sum(axis=1, keepdims=True)
            dh = dh * z + drh * r + (p["Wz"].T @ dz + p["Wr"].T @ dr)[-n:]
        return loss, g
"""


def test_adjoints_of_the_cell_are_closer_than_differences_can_be(check_text: CheckText) -> None:
    (prepared,) = check_text(GRU)
    check = prepared.check
    assert check.oracles == ("own-loss", "reference")
    assert (check.kind, check.forward) == ("gru", "standard")
    errors = [p.relative_error for p in check.parameters]
    assert len(errors) == 8
    assert all(error is not None and error < 1e-12 for error in errors)


@pytest.mark.parametrize(
    ("change", "by"), [("drh * r + (", "drh + ("), ("(old - c) * z", "(new - c) * z"), ("dh * z +", "dh +")]
)
def test_wrong_gradient_is_so_by_both(check_text: CheckText, change: str, by: str) -> None:
    (prepared,) = check_text(GRU.replace(change, by))
    assert prepared.check.oracles == ("own-loss", "reference")
    wrong = {p.name for p in prepared.check.parameters if p.verdict is Verdict.WRONG}
    assert wrong and not wrong & {"Wy", "by"}


def test_loss_that_cannot_be_followed_to_the_states_leaves_one_oracle(check_text: CheckText) -> None:
    """A fourth power is no standard loss: its differences alone are asked."""
    text = GRU.replace("loss -= np.sum(y * np.log(prob))", "loss += np.sum(0.5 * (v - y) ** 4)")
    text = text.replace("prob - y))", "2 * (v - y) ** 3))")
    (prepared,) = check_text(text)
    assert prepared.check.oracles == ("own-loss",)
    assert {p.verdict for p in prepared.check.parameters} == {Verdict.RIGHT}
