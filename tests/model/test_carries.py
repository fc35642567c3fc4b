"""A carry is known by where its adjoint flows, under any name; unknown calls are not accused."""

from __future__ import annotations

import pytest

from rnnlint.model.dropped_carries import dropped_carry
from tests.model.programs import backward_of, model_of

HEAD = """\
import numpy as np


class Net:
    def forward(self, xs, h):
        self.hs = [h]
        for x in xs:
            h = np.tanh(self.W_x @ x + self.W_h @ h)
            self.hs.append(h)
        return h

    def backward(self, xs, dhs):
        dW_x, dW_h = np.zeros_like(self.W_x), np.zeros_like(self.W_h)
"""
CARRIES = {
    "a variable": ("carry = 0", "dhs[t] + carry", "carry = back"),
    "an attribute": ("self.flow = 0", "dhs[t] + self.flow", "self.flow = back"),
    "a slot of an array": ("adj = np.array(dhs)", "adj[t]", "adj[t - 1] += back"),
    "a dict's entry": ("state = {'dh': 0}", "dhs[t] + state['dh']", "state['dh'] = back"),
    "two variables": ("a = b = 0", "dhs[t] + a", "b = back\n            a = b"),
    "a method's result": ("q = 0", "dhs[t] + q", "q = self.through(da)"),
}


def program(begin: str, adjoint: str, end: str) -> str:
    return f"""{HEAD}\
        {begin}
        for t in reversed(range(len(xs))):
            dh = {adjoint}
            da = dh * (1 - self.hs[t + 1] ** 2)
            dW_x += da @ xs[t].T
            dW_h += da @ self.hs[t].T
            back = self.W_h.T @ da
            {end}
        return dW_x, dW_h

    def through(self, da):
        return self.W_h.T @ da
"""


@pytest.mark.parametrize("carry", CARRIES)
def test_a_carry_of_any_kind_is_seen(carry: str):
    bptt = backward_of(program(*CARRIES[carry]))
    assert bptt.carries
    assert dropped_carry(bptt) is None


@pytest.mark.parametrize(
    ("begin", "adjoint", "end"),
    [
        ("carry = 0", "dhs[t]", "carry = back"),
        ("carry = np.zeros_like(self.hs[-1])", "dhs[t] + carry", "unused = back"),
        ("carry = 0", "dhs[t]", "_ = back"),
    ],
)
def test_a_dropped_carry_is_seen(begin: str, adjoint: str, end: str):
    bptt = backward_of(program(begin, adjoint, end))
    assert not bptt.carries
    assert dropped_carry(bptt) is not None


def test_a_call_that_cannot_be_followed_is_not_accused():
    bptt = backward_of(program("carry = 0", "dhs[t]", "self.cell.backward(back)"))
    assert dropped_carry(bptt) is None


def test_a_network_without_recurrence_has_nothing_to_carry():
    text = program("carry = 0", "dhs[t]", "pass").replace(" + self.W_h @ h)", ")")
    text = text.replace("            dW_h += da @ self.hs[t].T\n            back = self.W_h.T @ da\n", "")
    assert [dropped_carry(each) for each in model_of(text).backward_passes] == [None]
