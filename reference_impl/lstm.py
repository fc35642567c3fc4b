"""The long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000).

    z_t = [h_{t−1}; x_t]            everything a gate sees
    f = σ(W_f z + b_f)              forget gate: how much of the old cell stays
    i = σ(W_i z + b_i)              input gate: how much of the candidate comes in
    g = tanh(W_g z + b_g)           candidate
    o = σ(W_o z + b_o)              output gate: how much of the cell is shown
    C_t = f ⊙ C_{t−1} + i ⊙ g
    h_t = o ⊙ tanh(C_t)
    v_t = W_v h_t + b_v,  ŷ_t = softmax(v_t)

Variants are what the parameters lack or add: without ``W_v`` there is no output layer; without ``W_i`` the
gates are coupled, i = 1 − f; with ``P_f``, ``P_i``, ``P_o`` the gates have peepholes (f and i see C_{t−1},
o sees C_t; Gers et al. 2002). ``squashed=False`` gives h_t = o ⊙ C_t, with no tanh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference_impl.activations import sigmoid
from reference_impl.arrays import Array, bias_gradient, weight_gradient
from reference_impl.losses import softmax


@dataclass(frozen=True, slots=True)
class LSTMParameters:
    """Weights W_k (H, H + D) on [h; x], biases b_k (H, 1), output W_v (V, H), b_v (V, 1), peepholes P_k (H, 1)."""

    W_f: Array
    W_g: Array
    W_o: Array
    b_f: Array
    b_g: Array
    b_o: Array
    W_i: Array | None = None
    b_i: Array | None = None
    W_v: Array | None = None
    b_v: Array | None = None
    P_f: Array | None = None
    P_i: Array | None = None
    P_o: Array | None = None


@dataclass(frozen=True, slots=True)
class LSTMTrace:
    """Every quantity of a forward pass: (T, features, B), or (features, B) for the initial states.

    ``h[t]`` and ``C[t]`` are the states after step t; ``h_previous[t]`` and ``C_previous[t]`` those before
    it, with the initial state at t = 0. ``v`` and ``y_hat`` have no features without an output layer.
    """

    parameters: LSTMParameters
    squashed: bool
    h_previous: Array
    C_previous: Array
    z: Array
    a_f: Array
    a_i: Array
    a_g: Array
    a_o: Array
    f: Array
    i: Array
    g: Array
    o: Array
    C: Array
    tanh_C: Array  # C itself where the cell is not squashed
    h: Array
    v: Array
    y_hat: Array


@dataclass(frozen=True, slots=True)
class LSTMGradients:
    """Every adjoint of a backward pass.

    ``dh[t]`` is whole: what comes from above at step t plus ``dh_next[t]``, the part that step t + 1 sends
    back. So is ``dC[t]``, with ``dC_next[t]``. What step 0 sends back is ``dh_0`` and ``dC_0``.
    ``df`` … ``do`` are adjoints of the gates' outputs, ``delta_f`` … ``delta_o`` of their pre-activations.
    ``parameters.W_f`` is dW_f, and so on.
    """

    parameters: LSTMParameters
    dv: Array
    dh_next: Array
    dh: Array
    dtanh_C: Array
    dC_next: Array
    dC: Array
    df: Array
    di: Array
    dg: Array
    do: Array
    delta_f: Array
    delta_i: Array
    delta_g: Array
    delta_o: Array
    dz: Array
    dx: Array
    dh_0: Array
    dC_0: Array


def forward(
    inputs: Array, h_0: Array, C_0: Array, parameters: LSTMParameters, *, squashed: bool = True
) -> LSTMTrace:
    """Run the cell over ``inputs`` (T, D, B) from the states ``h_0`` and ``C_0`` (H, B)."""
    p = parameters
    T, D, B = inputs.shape
    H = h_0.shape[0]
    dtype = np.result_type(inputs, h_0, C_0, *_present(p))
    z = np.empty((T, H + D, B), dtype)
    a_f, a_i, a_g, a_o, f, i, g, o, C_previous, C, tanh_C, h = np.zeros((12, T, H, B), dtype)

    h_t, C_t = h_0, C_0
    for t in range(T):
        C_previous[t] = C_t
        z[t] = np.concatenate([h_t, inputs[t]])

        a_f[t] = p.W_f @ z[t] + p.b_f + _peep(p.P_f, C_t)
        f[t] = sigmoid(a_f[t])
        if p.W_i is None:
            i[t] = 1 - f[t]
        else:
            a_i[t] = p.W_i @ z[t] + p.b_i + _peep(p.P_i, C_t)
            i[t] = sigmoid(a_i[t])
        a_g[t] = p.W_g @ z[t] + p.b_g
        g[t] = np.tanh(a_g[t])

        C[t] = C_t = f[t] * C_t + i[t] * g[t]
        tanh_C[t] = np.tanh(C_t) if squashed else C_t

        a_o[t] = p.W_o @ z[t] + p.b_o + _peep(p.P_o, C_t)
        o[t] = sigmoid(a_o[t])
        h[t] = h_t = o[t] * tanh_C[t]

    v = np.empty((T, 0, B), dtype) if p.W_v is None else p.W_v @ h + p.b_v
    return LSTMTrace(
        parameters=p, squashed=squashed, h_previous=z[:, :H], C_previous=C_previous, z=z,
        a_f=a_f, a_i=a_i, a_g=a_g, a_o=a_o, f=f, i=i, g=g, o=o,
        C=C, tanh_C=tanh_C, h=h, v=v, y_hat=softmax(v) if v.size else v,
    )  # fmt: skip


def backward(
    trace: LSTMTrace,
    *,
    dv: Array | None = None,
    dh_above: Array | None = None,
    dC_above: Array | None = None,
    dh_next: Array | None = None,
    dC_next: Array | None = None,
) -> LSTMGradients:
    """Send adjoints back through the whole sequence.

    Any of these may be the loss's: ``dv`` (T, V, B) of the outputs (``losses.cross_entropy_adjoint``),
    ``dh_above`` and ``dC_above`` (T, H, B) of the states at every step, ``dh_next`` and ``dC_next`` (H, B)
    of the last states, as if a step T sent them back. What is not given is zero.
    """
    p, s = trace.parameters, trace
    T, H, B = s.h.shape
    dtype = np.result_type(s.h, *(a for a in (dv, dh_above, dC_above, dh_next, dC_next) if a is not None))
    dh, dh_next_, dC, dC_next_, dtanh_C, df, di, dg, do = np.zeros((9, T, H, B), dtype)
    delta_f, delta_i, delta_g, delta_o = np.zeros((4, T, H, B), dtype)
    dz = np.empty(s.z.shape, dtype)
    return None
