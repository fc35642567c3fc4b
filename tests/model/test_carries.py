"""A carry is known by where its adjoint flows, under any name; unknown calls are not accused."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.dropped_carries import dropped_carry
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.source import read_source
from tests.model.programs import backward_of, model_of, written

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
    "a variable that the last step sets": (
        "",
        "dhs[t] if t == len(xs) - 1 else dhs[t] + late",
        "late = back",
    ),
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


STEPS = """\
import numpy as np


def step_forward(x, h, W_x, W_h):
    new = np.tanh(W_x @ x + W_h @ h)
    return new, (x, h, new, W_x, W_h)


def step_backward(dh, cache):
    x, before, new, W_x, W_h = cache
    da = dh * (1 - new ** 2)
    return W_h.T @ da, da @ x.T, da @ before.T


def forward(xs, h, W_x, W_h):
    caches = []
    for x in xs:
        h, cache = step_forward(x, h, W_x, W_h)
        caches.append(cache)
    return h, caches


def backward(dhs, caches, W_x, W_h):
    dW_x, dW_h, carry = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(dhs[0])
    for t in reversed(range(len(caches))):
        CARRY, dW_x_t, dW_h_t = step_backward(dhs[t] + carry, caches[t])
        dW_x += dW_x_t
        dW_h += dW_h_t
    return dW_x, dW_h
"""


def sequence_pass(carry: str) -> BackwardPass:
    passes = model_of(STEPS.replace("CARRY", carry)).backward_passes
    (found,) = [each for each in passes if each.name == "backward"]
    return found


def test_a_walk_over_steps_of_their_own_function_is_a_backward_pass():
    bptt = sequence_pass("carry")
    assert bptt.forward.is_recurrent
    assert bptt.carries
    assert dropped_carry(bptt) is None


@pytest.mark.parametrize("forgotten", ["_", "back"])
def test_a_step_s_carry_that_its_caller_forgets_is_seen(forgotten: str):
    dropped = dropped_carry(sequence_pass(forgotten))
    assert dropped is not None
    assert [each.name for each in dropped.carries] == ["carry"]
    assert [each.is_thrown_away for each in dropped.idle] == [forgotten == "_"]


def test_a_carry_dropped_in_another_file_is_said_there(tmp_path: Path):
    caller = """\
import numpy as np
from layers import backward, forward


class Model:
    def loss(self, xs, h, targets):
        hs, caches = forward(xs, h, self.W_x, self.W_h)
        dhs = [(h @ self.W_y - y) @ self.W_y.T for h, y in zip(hs, targets)]
        dW_x, dW_h = backward(dhs, caches, self.W_x, self.W_h)
        self.W_x -= 0.1 * dW_x
        self.W_h -= 0.1 * dW_h
"""
    files = {"caller.py": caller, "layers.py": STEPS.replace("CARRY", "_")}
    for target, expected in (("caller.py", []), ("layers.py", ["RNN104"])):
        source = read_source(written(tmp_path, files) / target)
        codes = [each.code for each in lint(Project.of(source), source) if each.severity is Severity.ERROR]
        assert codes == expected
