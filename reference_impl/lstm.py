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
from reference_impl.arrays import Array, bias_gradient, common_dtype, weight_gradient
from reference_impl.output import output, output_backward


@dataclass(frozen=True, slots=True)
class LSTMParameters:
    """Weights W_k (H, H + D) on [h; x], biases b_k (H, 1), output W_v (V, H), b_v (V, 1).

    Peepholes P_k are (H, 1): each cell is seen by its own gates alone.
    """

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
    dtype = common_dtype(p, inputs, h_0, C_0)
    z = np.empty((T, H + D, B), dtype)
    a_f, a_i, a_g, a_o, f, i, g, o, C_previous, C, tanh_C, h = np.zeros((12, T, H, B), dtype)

    h_t, C_t = h_0, C_0
    for t in range(T):
        C_previous[t] = C_t
        z[t] = np.concatenate([h_t, inputs[t]])

        a_f[t] = p.W_f @ z[t] + p.b_f
        if p.P_f is not None:
            a_f[t] += p.P_f * C_t
        f[t] = sigmoid(a_f[t])

        if p.W_i is None or p.b_i is None:
            i[t] = 1 - f[t]
        else:
            a_i[t] = p.W_i @ z[t] + p.b_i
            if p.P_i is not None:
                a_i[t] += p.P_i * C_t
            i[t] = sigmoid(a_i[t])

        a_g[t] = p.W_g @ z[t] + p.b_g
        g[t] = np.tanh(a_g[t])

        C[t] = C_t = f[t] * C_t + i[t] * g[t]
        tanh_C[t] = np.tanh(C_t) if squashed else C_t

        a_o[t] = p.W_o @ z[t] + p.b_o
        if p.P_o is not None:
            a_o[t] += p.P_o * C_t
        o[t] = sigmoid(a_o[t])

        h[t] = h_t = o[t] * tanh_C[t]

    v, y_hat = output(h, p.W_v, p.b_v)
    return LSTMTrace(
        parameters=p,
        squashed=squashed,
        h_previous=z[:, :H],
        C_previous=C_previous,
        z=z,
        a_f=a_f,
        a_i=a_i,
        a_g=a_g,
        a_o=a_o,
        f=f,
        i=i,
        g=g,
        o=o,
        C=C,
        tanh_C=tanh_C,
        h=h,
        v=v,
        y_hat=y_hat,
    )


def backward(
    trace: LSTMTrace,
    *,
    dv: Array | None = None,
    dh_above: Array | None = None,
    dC_above: Array | None = None,
    dh_final: Array | None = None,
    dC_final: Array | None = None,
) -> LSTMGradients:
    """Send adjoints back through the whole sequence.

    The loss may enter anywhere: at the outputs (``dv`` (T, V, B), ``losses.cross_entropy_adjoint``), at the
    states of every step (``dh_above``, ``dC_above`` (T, H, B)), at the final states (``dh_final``,
    ``dC_final`` (H, B), as a following step would send them). What is not given is zero.
    """
    p, s = trace.parameters, trace
    T, H, B = s.h.shape
    dtype = s.h.dtype
    dh, dh_next, dC, dC_next, dtanh_C, df, di, dg, do = np.zeros((9, T, H, B), dtype)
    delta_f, delta_i, delta_g, delta_o = np.zeros((4, T, H, B), dtype)
    dz = np.zeros_like(s.z)
    dv = np.zeros_like(s.v) if dv is None else dv

    dh_local = output_backward(dv, p.W_v, dh_above, like=s.h)
    dC_local = np.zeros_like(s.C) if dC_above is None else dC_above
    dh_sent = np.zeros((H, B), dtype) if dh_final is None else dh_final
    dC_sent = np.zeros((H, B), dtype) if dC_final is None else dC_final

    for t in reversed(range(T)):
        dh_next[t], dC_next[t] = dh_sent, dC_sent

        # h = o ⊙ tanh(C)
        dh[t] = dh_local[t] + dh_next[t]
        do[t] = dh[t] * s.tanh_C[t]
        delta_o[t] = do[t] * s.o[t] * (1 - s.o[t])
        dtanh_C[t] = dh[t] * s.o[t]

        # The cell is used by tanh, by the next step, and by o's peephole.
        dC[t] = dC_local[t] + dC_next[t]
        dC[t] += dtanh_C[t] * (1 - s.tanh_C[t] ** 2) if s.squashed else dtanh_C[t]
        if p.P_o is not None:
            dC[t] += p.P_o * delta_o[t]

        # C = f ⊙ C_previous + i ⊙ g
        df[t] = dC[t] * s.C_previous[t]
        di[t] = dC[t] * s.g[t]
        dg[t] = dC[t] * s.i[t]
        if p.W_i is None:
            df[t] -= di[t]  # i = 1 − f
        else:
            delta_i[t] = di[t] * s.i[t] * (1 - s.i[t])
        delta_f[t] = df[t] * s.f[t] * (1 - s.f[t])
        delta_g[t] = dg[t] * (1 - s.g[t] ** 2)

        dz[t] = p.W_f.T @ delta_f[t] + p.W_g.T @ delta_g[t] + p.W_o.T @ delta_o[t]
        if p.W_i is not None:
            dz[t] += p.W_i.T @ delta_i[t]

        # What step t − 1 receives.
        dh_sent = dz[t, :H]
        dC_sent = dC[t] * s.f[t]
        if p.P_f is not None:
            dC_sent = dC_sent + p.P_f * delta_f[t]
        if p.P_i is not None:
            dC_sent = dC_sent + p.P_i * delta_i[t]

    gradients = LSTMParameters(
        W_f=weight_gradient(delta_f, s.z),
        W_g=weight_gradient(delta_g, s.z),
        W_o=weight_gradient(delta_o, s.z),
        b_f=bias_gradient(delta_f),
        b_g=bias_gradient(delta_g),
        b_o=bias_gradient(delta_o),
        W_i=None if p.W_i is None else weight_gradient(delta_i, s.z),
        b_i=None if p.b_i is None else bias_gradient(delta_i),
        W_v=None if p.W_v is None else weight_gradient(dv, s.h),
        b_v=None if p.b_v is None else bias_gradient(dv),
        P_f=None if p.P_f is None else bias_gradient(delta_f * s.C_previous),
        P_i=None if p.P_i is None else bias_gradient(delta_i * s.C_previous),
        P_o=None if p.P_o is None else bias_gradient(delta_o * s.C),
    )
    return LSTMGradients(
        parameters=gradients,
        dv=dv,
        dh_next=dh_next,
        dh=dh,
        dtanh_C=dtanh_C,
        dC_next=dC_next,
        dC=dC,
        df=df,
        di=di,
        dg=dg,
        do=do,
        delta_f=delta_f,
        delta_i=delta_i,
        delta_g=delta_g,
        delta_o=delta_o,
        dz=dz,
        dx=dz[:, H:],
        dh_0=dh_sent,
        dC_0=dC_sent,
    )
