"""The vanilla RNN's backward pass with every equation in its right and its wrong forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impl.rnn import Nonlinearity, RNNTrace
from rnnlint.diagnosis.hypotheses.equations import SUMS, Bug, Choice, Equations, summed

Array = np.ndarray[Any, np.dtype[np.float64]]

EQUATIONS: Equations = {
    "slope": (
        Bug("RNN205", "missing-derivative", "the factor φ′(a) of δ is left out"),
        Bug("RNN202", "activation-for-derivative", "δ has h in the place of φ′(a)"),
        Bug("RNN203", "derivative-of-activation", "δ has φ′ taken at h, which is an activation"),
        Bug("RNN102", "off-by-one-state", "δ has φ′ of the step before"),
    ),
    "dh_next": (
        Bug("RNN104", "dropped-carry", "dh_next is never set: no step hears of later ones"),
        Bug("RNN303", "missing-transpose", "dh_next goes through W in the place of Wᵀ"),
        Bug("RNN210", "incomplete-carry", "dh_next is Wᵀ dh, without the factor φ′(a)"),
    ),
    "sums": SUMS,
}


def gradients(trace: RNNTrace, dh_above: Array, choice: Choice) -> dict[str, Array]:
    """The parameters' gradients under each hypothesis, (n, ...); ``dh_above`` is (T, H, B)."""
    s = trace
    T, H, _ = s.h.shape
    W = s.parameters.W_h[:, :H]
    n = len(choice.forms["sums"])
    nothing = np.zeros((n, *s.h.shape[1:]))
    deltas, dh_next = np.zeros((T, *nothing.shape)), nothing
    for t in reversed(range(T)):
        h = s.h[t]
        dh = dh_above[t] + dh_next
        slopes = [_slope(s.nonlinearity, each) for each in (h, s.h_previous[t])]
        applied_twice = _slope(s.nonlinearity, _value(s.nonlinearity, h))
        delta = dh * choice.of("slope", slopes[0], np.ones_like(h), h, applied_twice, slopes[1])
        deltas[t] = delta
        back, turned, unsloped = (
            np.einsum("kh,nkb->nhb", W, delta),
            np.einsum("hk,nkb->nhb", W, delta),
            np.einsum("kh,nkb->nhb", W, dh),
        )
        dh_next = choice.of("dh_next", back, nothing, turned, unsloped)
    return dict(summed(choice, {"h": deltas}, s.z, s.h))


def _value(nonlinearity: Nonlinearity, a: Array) -> Array:
    """φ(a)."""
    match nonlinearity:
        case Nonlinearity.TANH:
            value: Array = np.tanh(a)
        case Nonlinearity.SIGMOID:
            value = np.reciprocal(1 + np.exp(-a), dtype=np.float64)
        case Nonlinearity.RELU:
            value = np.maximum(a, 0)
    return value


def _slope(nonlinearity: Nonlinearity, h: Array) -> Array:
    """φ′(a), from h = φ(a)."""
    match nonlinearity:
        case Nonlinearity.TANH:
            slope: Array = np.subtract(1, h**2, dtype=np.float64)
        case Nonlinearity.SIGMOID:
            slope = h * (1 - h)
        case Nonlinearity.RELU:
            slope = np.multiply(h > 0, 1.0, dtype=np.float64)
    return slope
