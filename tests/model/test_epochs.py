"""A loop over epochs changes the weights and leaves them the weights they are."""

from __future__ import annotations

import pytest

from rnnlint.model.injections import repeated_injections
from rnnlint.model.state_reads import misreads
from tests.model.programs import model_of

SCRIPT = """\
import numpy as np

n_in, n_hid, n_out = 3, 5, 2
W_x = np.random.randn(n_hid, n_in) * 0.1
W_h = np.random.randn(n_hid, n_hid) * 0.1
W_y = np.random.randn(n_out, n_hid) * 0.1
xs, y = data()

for epoch in range(100):
    hs = [np.zeros((n_hid, 1))]
    for x in xs:
        hs.append(np.tanh(W_x @ x + W_h @ hs[-1]))
    dy = W_y @ hs[-1] - y
    dW_x, dW_h = np.zeros_like(W_x), np.zeros_like(W_h)
    dW_y = dy @ hs[-1].T
    dh_next = W_y.T @ dy
    for k in range(len(xs)):
        dh = ADJOINT
        da = dh * DERIVATIVE
        dW_x += da @ xs[-(k + 1)].T
        dW_h += da @ hs[-(k + 2)].T
        dh_next = W_h.T @ da
    UPDATE
"""
UPDATES = {
    "one by one": "W_x -= 0.1 * dW_x\n    W_h -= 0.1 * dW_h\n    W_y -= 0.1 * dW_y",
    "assigned anew": "W_x = W_x - 0.1 * dW_x\n    W_h = W_h - 0.1 * dW_h\n    W_y = W_y - 0.1 * dW_y",
    "in pairs": "for p, dp in zip([W_x, W_h, W_y], [dW_x, dW_h, dW_y]):\n        p -= 0.1 * dp",
    "through a momentum": "W_x += -0.1 * mW_x\n    W_h += -0.1 * mW_h\n    W_y += -0.1 * mW_y",
}


def program(update: str, adjoint: str = "dh_next", derivative: str = "(1 - hs[-(k + 1)] ** 2)") -> str:
    text = SCRIPT.replace("UPDATE", UPDATES[update]).replace("ADJOINT", adjoint)
    return text.replace("DERIVATIVE", derivative)


@pytest.mark.parametrize("update", UPDATES)
def test_a_script_s_pass_is_joined_to_its_forward_inside_the_loop_over_epochs(update: str):
    (bptt,) = model_of(program(update)).backward_passes
    assert bptt.forward.is_recurrent
    assert bptt.right_gates
    assert (bptt.discrepancies, list(repeated_injections(bptt))) == ((), [])


@pytest.mark.parametrize("update", UPDATES)
def test_what_is_wrong_in_it_is_seen(update: str):
    (other_step,) = model_of(program(update, derivative="(1 - hs[-(k + 2)] ** 2)")).backward_passes
    assert [each.correction for each in misreads(other_step)] == [1]
    (every_step,) = model_of(program(update, adjoint="W_y.T @ dy + dh_next")).backward_passes
    assert len(list(repeated_injections(every_step))) == 1
