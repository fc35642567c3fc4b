"""The gated recurrent unit (Cho et al. 2014), with the reset gate before or after the product.

    s_t = [h_{t−1}; x_t]            everything a gate sees
    z = σ(W_z s + b_z)              update gate
    r = σ(W_r s + b_r)              reset gate: how much of the old state the candidate sees

    before:  n = tanh(W_n [r ⊙ h_{t−1}; x_t] + b_n)
    after:   n = tanh(W_nx x_t + b_n + r ⊙ (W_nh h_{t−1} + b_nh)),  with W_n = [W_nh, W_nx]

    keep:    h_t = z ⊙ h_{t−1} + (1 − z) ⊙ n        z says how much stays
    replace: h_t = (1 − z) ⊙ h_{t−1} + z ⊙ n        z says how much is new
    v_t = W_v h_t + b_v,  ŷ_t = softmax(v_t)

Without ``W_v`` there is no output layer; without ``b_nh`` that bias is zero ("before" has no use for it).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from reference_impl.activations import sigmoid
from reference_impl.arrays import Array, bias_gradient, common_dtype, weight_gradient
from reference_impl.output import output, output_backward


class Reset(StrEnum):
    """Where the reset gate acts: on the state, or on the state's product with its weights."""

    BEFORE = "before"
    AFTER = "after"


class Update(StrEnum):
    """What an update gate of 1 means: all of the old state, or all of the candidate."""

    KEEP = "keep"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class GRUParameters:
    """Weights W_k (H, H + D) on [h; x], biases b_k (H, 1), output W_v (V, H), b_v (V, 1)."""

    W_z: Array
    W_r: Array
    W_n: Array
    b_z: Array
    b_r: Array
    b_n: Array
    b_nh: Array | None = None
    W_v: Array | None = None
    b_v: Array | None = None


@dataclass(frozen=True, slots=True)
class GRUTrace:
    """Every quantity of a forward pass, (T, features, B).

    ``h[t]`` is the state after step t, ``h_previous[t]`` the one before it, with h_0 at t = 0. ``q`` is what
    the reset gate meets: h_{t−1} itself ("before") or W_nh h_{t−1} + b_nh ("after"). ``v`` and ``y_hat``
    have no features without an output layer.
    """

    parameters: GRUParameters
    reset: Reset
    update: Update
    h_previous: Array
    s: Array
    a_z: Array
    a_r: Array
    a_n: Array
    z: Array
    r: Array
    q: Array
    n: Array
    h: Array
    v: Array
    y_hat: Array


@dataclass(frozen=True, slots=True)
class GRUGradients:
    """Every adjoint of a backward pass.

    ``dh[t]`` is whole: what comes from above at step t plus ``dh_next[t]``, the part that step t + 1 sends
    back; what step 0 sends back is ``dh_0``. ``dz``, ``dr``, ``dn`` are adjoints of the gates' outputs,
    ``delta_z``, ``delta_r``, ``delta_n`` of their pre-activations, ``dq`` of what the reset gate meets,
    ``drq`` of the product r ⊙ q. ``parameters.W_z`` is dW_z, and so on.
    """

    parameters: GRUParameters
    dv: Array
    dh_next: Array
    dh: Array
    dz: Array
    dr: Array
    dn: Array
    delta_z: Array
    delta_r: Array
    delta_n: Array
    drq: Array
    dq: Array
    dx: Array
    dh_0: Array


def forward(
    inputs: Array,
    h_0: Array,
    parameters: GRUParameters,
    *,
    reset: Reset = Reset.BEFORE,
    update: Update = Update.KEEP,
) -> GRUTrace:
    """Run the cell over ``inputs`` (T, D, B) from the state ``h_0`` (H, B)."""
    p = parameters
    T, D, B = inputs.shape
    H = h_0.shape[0]
    dtype = common_dtype(p, inputs, h_0)
    s = np.empty((T, H + D, B), dtype)
    a_z, a_r, a_n, z, r, q, n, h = np.zeros((8, T, H, B), dtype)
    W_nh, W_nx = p.W_n[:, :H], p.W_n[:, H:]
    b_nh = np.zeros_like(p.b_n) if p.b_nh is None else p.b_nh

    h_t = h_0
    for t in range(T):
        s[t] = np.concatenate([h_t, inputs[t]])
        a_z[t] = p.W_z @ s[t] + p.b_z
        a_r[t] = p.W_r @ s[t] + p.b_r
        z[t] = sigmoid(a_z[t])
        r[t] = sigmoid(a_r[t])

        if reset is Reset.BEFORE:
            q[t] = h_t
            a_n[t] = W_nh @ (r[t] * q[t]) + W_nx @ inputs[t] + p.b_n
        else:
            q[t] = W_nh @ h_t + b_nh
            a_n[t] = W_nx @ inputs[t] + p.b_n + r[t] * q[t]
        n[t] = np.tanh(a_n[t])

        kept = z[t] if update is Update.KEEP else 1 - z[t]
        h[t] = h_t = kept * h_t + (1 - kept) * n[t]

    v, y_hat = output(h, p.W_v, p.b_v)
    return GRUTrace(
        parameters=p,
        reset=reset,
        update=update,
        h_previous=s[:, :H],
        s=s,
        a_z=a_z,
        a_r=a_r,
        a_n=a_n,
        z=z,
        r=r,
        q=q,
        n=n,
        h=h,
        v=v,
        y_hat=y_hat,
    )


def backward(
    trace: GRUTrace,
    *,
    dv: Array | None = None,
    dh_above: Array | None = None,
    dh_final: Array | None = None,
) -> GRUGradients:
    """Send adjoints back through the whole sequence.

    The loss may enter at the outputs (``dv`` (T, V, B)), at the states of every step (``dh_above``
    (T, H, B)) and at the final state (``dh_final`` (H, B)). What is not given is zero.
    """
    p, u = trace.parameters, trace
    T, H, B = u.h.shape
    dtype = u.h.dtype
    dh, dh_next, dz, dr, dn, delta_z, delta_r, delta_n, drq, dq = np.zeros((10, T, H, B), dtype)
    dx = np.zeros((T, u.s.shape[1] - H, B), dtype)
    W_nh, W_nx = p.W_n[:, :H], p.W_n[:, H:]
    dv = np.zeros_like(u.v) if dv is None else dv

    dh_local = output_backward(dv, p.W_v, dh_above, like=u.h)
    dh_sent = np.zeros((H, B), dtype) if dh_final is None else dh_final

    for t in reversed(range(T)):
        dh_next[t] = dh_sent
        dh[t] = dh_local[t] + dh_next[t]

        # h = kept ⊙ h_previous + (1 − kept) ⊙ n
        kept = u.z[t] if u.update is Update.KEEP else 1 - u.z[t]
        dkept = dh[t] * (u.h_previous[t] - u.n[t])
        dz[t] = dkept if u.update is Update.KEEP else -dkept
        dn[t] = dh[t] * (1 - kept)
        delta_z[t] = dz[t] * u.z[t] * (1 - u.z[t])
        delta_n[t] = dn[t] * (1 - u.n[t] ** 2)

        # The product r ⊙ q goes through W_nh (before) or straight into a_n (after).
        drq[t] = W_nh.T @ delta_n[t] if u.reset is Reset.BEFORE else delta_n[t]
        dr[t] = drq[t] * u.q[t]
        dq[t] = drq[t] * u.r[t]
        delta_r[t] = dr[t] * u.r[t] * (1 - u.r[t])

        # h_previous is used four times: by the interpolation, by both gates and by q.
        ds = p.W_z.T @ delta_z[t] + p.W_r.T @ delta_r[t]
        dh_sent = dh[t] * kept + ds[:H] + (dq[t] if u.reset is Reset.BEFORE else W_nh.T @ dq[t])
        dx[t] = ds[H:] + W_nx.T @ delta_n[t]

    if u.reset is Reset.BEFORE:
        dW_nh = weight_gradient(delta_n, u.r * u.q)
    else:
        dW_nh = weight_gradient(dq, u.h_previous)
    gradients = GRUParameters(
        W_z=weight_gradient(delta_z, u.s),
        W_r=weight_gradient(delta_r, u.s),
        W_n=np.concatenate([dW_nh, weight_gradient(delta_n, u.s[:, H:])], axis=1),
        b_z=bias_gradient(delta_z),
        b_r=bias_gradient(delta_r),
        b_n=bias_gradient(delta_n),
        b_nh=_b_nh_gradient(u, dq),
        W_v=None if p.W_v is None else weight_gradient(dv, u.h),
        b_v=None if p.b_v is None else bias_gradient(dv),
    )
    return GRUGradients(
        parameters=gradients,
        dv=dv,
        dh_next=dh_next,
        dh=dh,
        dz=dz,
        dr=dr,
        dn=dn,
        delta_z=delta_z,
        delta_r=delta_r,
        delta_n=delta_n,
        drq=drq,
        dq=dq,
        dx=dx,
        dh_0=dh_sent,
    )


def _b_nh_gradient(trace: GRUTrace, dq: Array) -> Array | None:
    """db_nh: its sum is q itself where the reset comes after; before, the bias is not used at all."""
    if trace.parameters.b_nh is None:
        return None
    return bias_gradient(dq if trace.reset is Reset.AFTER else np.zeros_like(dq))
