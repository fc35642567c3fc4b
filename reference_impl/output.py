"""The output layer that every cell may carry: v = W_v h + b_v and ŷ = softmax(v), at each step."""

from __future__ import annotations

import numpy as np

from reference_impl.arrays import Array
from reference_impl.losses import softmax


def output(h: Array, W_v: Array | None, b_v: Array | None) -> tuple[Array, Array]:
    """v and ŷ, both (T, V, B), for all states ``h`` (T, H, B) at once; V is 0 without an output layer."""
    if W_v is None or b_v is None:
        steps, _, batch = h.shape
        nothing = np.empty((steps, 0, batch), h.dtype)
        return nothing, nothing
    v = W_v @ h + b_v
    return v, softmax(v)


def output_backward(dv: Array, W_v: Array | None, dh_above: Array | None, *, like: Array) -> Array:
    """What reaches every state from above, (T, H, B): W_vᵀ dv and what else uses the state."""
    dh = np.zeros_like(like) if W_v is None else W_v.T @ dv
    return dh if dh_above is None else dh + dh_above
