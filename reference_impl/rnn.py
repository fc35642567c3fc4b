"""The vanilla recurrent network (Elman 1990).

    z_t = [h_{t−1}; x_t]
    a_t = W_h z + b_h
    h_t = φ(a_t)                    φ = tanh, ReLU or sigmoid
    v_t = W_v h_t + b_v,  ŷ_t = softmax(v_t)

Without ``W_v`` there is no output layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from reference_impl.activations import relu, sigmoid
from reference_impl.arrays import Array, bias_gradient, common_dtype, weight_gradient
from reference_impl.output import output, output_backward


class Nonlinearity(StrEnum):
    """φ."""

    TANH = "tanh"
    RELU = "relu"
    SIGMOID = "sigmoid"


@dataclass(frozen=True, slots=True)
class RNNParameters:
    """Weights W_h (H, H + D) on [h; x], bias b_h (H, 1), output W_v (V, H), b_v (V, 1)."""

    W_h: Array
    b_h: Array
    W_v: Array | None = None
    b_v: Array | None = None


@dataclass(frozen=True, slots=True)
class RNNTrace:
    """Every quantity of a forward pass, (T, features, B).

    ``h[t]`` is the state after step t, ``h_previous[t]`` the one before it, with h_0 at t = 0. ``v`` and
    ``y_hat`` have no features without an output layer.
    """

    parameters: RNNParameters
    nonlinearity: Nonlinearity
    h_previous: Array
    z: Array
    a: Array
    h: Array
    v: Array
    y_hat: Array


@dataclass(frozen=True, slots=True)
class RNNGradients:
    """Every adjoint of a backward pass.

    ``dh[t]`` is whole: what comes from above at step t plus ``dh_next[t]``, the part that step t + 1 sends
    back; what step 0 sends back is ``dh_0``. ``delta[t]`` is the adjoint of ``a[t]``. ``parameters.W_h`` is
    dW_h, and so on.
    """

    parameters: RNNParameters
    dv: Array
    dh_next: Array
    dh: Array
    delta: Array
    dz: Array
    dx: Array
    dh_0: Array


def forward(
    inputs: Array, h_0: Array, parameters: RNNParameters, *, nonlinearity: Nonlinearity = Nonlinearity.TANH
) -> RNNTrace:
    """Run the cell over ``inputs`` (T, D, B) from the state ``h_0`` (H, B)."""
    p = parameters
    T, D, B = inputs.shape
    H = h_0.shape[0]
    dtype = common_dtype(p, inputs, h_0)
    z = np.empty((T, H + D, B), dtype)
    a, h = np.zeros((2, T, H, B), dtype)

    h_t = h_0
    for t in range(T):
        z[t] = np.concatenate([h_t, inputs[t]])
        a[t] = p.W_h @ z[t] + p.b_h
        h[t] = h_t = _value(nonlinearity, a[t])

    v, y_hat = output(h, p.W_v, p.b_v)
    return RNNTrace(
        parameters=p, nonlinearity=nonlinearity, h_previous=z[:, :H], z=z, a=a, h=h, v=v, y_hat=y_hat
    )


def backward(
    trace: RNNTrace,
    *,
    dv: Array | None = None,
    dh_above: Array | None = None,
    dh_final: Array | None = None,
) -> RNNGradients:
    """Send adjoints back through the whole sequence.

    The loss may enter at the outputs (``dv`` (T, V, B)), at the states of every step (``dh_above``
    (T, H, B)) and at the final state (``dh_final`` (H, B)). What is not given is zero.
    """
    p, s = trace.parameters, trace
    T, H, B = s.h.shape
    dh, dh_next, delta = np.zeros((3, T, H, B), s.h.dtype)
    dz = np.zeros_like(s.z)
    dv = np.zeros_like(s.v) if dv is None else dv

    dh_local = output_backward(dv, p.W_v, dh_above, like=s.h)
    dh_sent = np.zeros((H, B), s.h.dtype) if dh_final is None else dh_final

    for t in reversed(range(T)):
        dh_next[t] = dh_sent
        dh[t] = dh_local[t] + dh_next[t]
        delta[t] = dh[t] * _slope(s.nonlinearity, s.h[t])
        dz[t] = p.W_h.T @ delta[t]
        dh_sent = dz[t, :H]

    gradients = RNNParameters(
        W_h=weight_gradient(delta, s.z),
        b_h=bias_gradient(delta),
        W_v=None if p.W_v is None else weight_gradient(dv, s.h),
        b_v=None if p.b_v is None else bias_gradient(dv),
    )
    return RNNGradients(
        parameters=gradients, dv=dv, dh_next=dh_next, dh=dh, delta=delta, dz=dz, dx=dz[:, H:], dh_0=dh_sent
    )


def _value(nonlinearity: Nonlinearity, a: Array) -> Array:
    """φ(a)."""
    match nonlinearity:
        case Nonlinearity.TANH:
            value: Array = np.tanh(a)
        case Nonlinearity.RELU:
            value = relu(a)
        case Nonlinearity.SIGMOID:
            value = sigmoid(a)
    return value


def _slope(nonlinearity: Nonlinearity, h: Array) -> Array:
    """φ′(a), from h = φ(a)."""
    match nonlinearity:
        case Nonlinearity.TANH:
            slope: Array = 1 - h**2
        case Nonlinearity.RELU:
            slope = h.real > 0
        case Nonlinearity.SIGMOID:
            slope = h * (1 - h)
    return slope
