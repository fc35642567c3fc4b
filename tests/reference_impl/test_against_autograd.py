"""Every cell against an independent automatic differentiation of forwards that are written anew here."""

from __future__ import annotations

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from differentiation import worst_error

from reference_impl import gru, losses, lstm, rnn
from reference_impl.arrays import named

CLOSE = 1e-9
T, H, D, V, B = 5, 4, 3, 6, 2


def draw(names: dict[str, tuple[int, ...]]):
    rng = np.random.default_rng(11)
    parameters = {name: rng.normal(scale=0.7, size=shape) for name, shape in names.items()}
    x, start = rng.normal(size=(T, D, B)), rng.normal(size=(2, H, B))
    targets = np.eye(V)[rng.integers(V, size=(T, B))].transpose(0, 2, 1)
    return parameters, x, start, targets


def squash(a):
    return 1 / (1 + anp.exp(-a))


def negative_log_likelihood(logits, target):
    exponentials = anp.exp(logits)
    return -anp.sum(target * anp.log(exponentials / anp.sum(exponentials, axis=0)))


def weights(gates: str) -> dict[str, tuple[int, ...]]:
    sizes = {f"W_{k}": (H, H + D) for k in gates} | {f"b_{k}": (H, 1) for k in gates}
    return sizes | {"W_v": (V, H), "b_v": (V, 1)}


def test_lstm():
    p, x, (h_0, C_0), targets = draw(weights("figo"))

    def loss(arguments):
        w, xs, h, c = arguments
        total = 0.0
        for t in range(T):
            seen = anp.vstack((h, xs[t]))
            c = squash(w["W_f"] @ seen + w["b_f"]) * c + squash(w["W_i"] @ seen + w["b_i"]) * anp.tanh(
                w["W_g"] @ seen + w["b_g"]
            )
            h = squash(w["W_o"] @ seen + w["b_o"]) * anp.tanh(c)
            total = total + negative_log_likelihood(w["W_v"] @ h + w["b_v"], targets[t])
        return total

    dp, dx, dh_0, dC_0 = grad(loss)((p, x, h_0, C_0))
    trace = lstm.forward(x, h_0, C_0, lstm.LSTMParameters(**p))
    got = lstm.backward(trace, dv=losses.cross_entropy_adjoint(trace.v, targets))
    assert (
        worst_error(
            named(got.parameters) | {"x": got.dx, "h_0": got.dh_0, "C_0": got.dC_0},
            dp | {"x": dx, "h_0": dh_0, "C_0": dC_0},
        )
        <= CLOSE
    )
    assert losses.cross_entropy(trace.v, targets) == pytest.approx(loss((p, x, h_0, C_0)))


@pytest.mark.parametrize("nonlinearity", rnn.Nonlinearity)
def test_rnn(nonlinearity):
    p, x, (h_0, _), targets = draw(weights("h"))

    def loss(arguments):
        w, xs, h = arguments
        total = 0.0
        for t in range(T):
            a = w["W_h"][:, :H] @ h + w["W_h"][:, H:] @ xs[t] + w["b_h"]
            h = {"tanh": anp.tanh, "relu": lambda a: anp.maximum(a, 0.0), "sigmoid": squash}[nonlinearity](a)
            total = total + negative_log_likelihood(w["W_v"] @ h + w["b_v"], targets[t])
        return total

    dp, dx, dh_0 = grad(loss)((p, x, h_0))
    trace = rnn.forward(x, h_0, rnn.RNNParameters(**p), nonlinearity=nonlinearity)
    got = rnn.backward(trace, dv=losses.cross_entropy_adjoint(trace.v, targets))
    assert (
        worst_error(named(got.parameters) | {"x": got.dx, "h_0": got.dh_0}, dp | {"x": dx, "h_0": dh_0})
        <= CLOSE
    )


@pytest.mark.parametrize("reset", gru.Reset)
@pytest.mark.parametrize("update", gru.Update)
def test_gru(reset, update):
    bias = {"b_nh": (H, 1)} if reset is gru.Reset.AFTER else {}
    p, x, (h_0, _), targets = draw(weights("zrn") | bias)

    def loss(arguments):
        w, xs, h = arguments
        total = 0.0
        for t in range(T):
            seen = anp.vstack((h, xs[t]))
            gate, forget = squash(w["W_z"] @ seen + w["b_z"]), squash(w["W_r"] @ seen + w["b_r"])
            if reset is gru.Reset.BEFORE:
                new = anp.tanh(w["W_n"] @ anp.vstack((forget * h, xs[t])) + w["b_n"])
            else:
                recurrent = w["W_n"][:, :H] @ h + w["b_nh"]
                new = anp.tanh(w["W_n"][:, H:] @ xs[t] + w["b_n"] + forget * recurrent)
            h = gate * h + (1 - gate) * new if update is gru.Update.KEEP else (1 - gate) * h + gate * new
            total = total + negative_log_likelihood(w["W_v"] @ h + w["b_v"], targets[t])
        return total

    dp, dx, dh_0 = grad(loss)((p, x, h_0))
    trace = gru.forward(x, h_0, gru.GRUParameters(**p), reset=reset, update=update)
    got = gru.backward(trace, dv=losses.cross_entropy_adjoint(trace.v, targets))
    assert (
        worst_error(named(got.parameters) | {"x": got.dx, "h_0": got.dh_0}, dp | {"x": dx, "h_0": dh_0})
        <= CLOSE
    )
