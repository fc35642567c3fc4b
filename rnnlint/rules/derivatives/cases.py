"""One small LSTM that the cases of this family are written on, with places to plant a bug in."""

from __future__ import annotations


def lstm(
    *,
    tanh_slope: str = "1 - np.tanh(x) ** 2",
    do: str = "dh * tanh(C[t]) * o[t] * (1 - o[t])",
    dC: str = "dC_next + dh * o[t] * tanh(C[t], derivative=True)",
    dg: str = "dC * i[t] * (1 - g[t] ** 2)",
    di: str = "dC * g[t] * i[t] * (1 - i[t])",
    df: str = "dC * C[t - 1] * f[t] * (1 - f[t])",
    dh: str = "W_v.T @ dv + dh_next",
    db_i: str = "di",
    dz: str = "W_f.T @ df + W_i.T @ di + W_g.T @ dg + W_o.T @ do",
    dC_next: str = "dC * f[t]",
) -> str:
    """The program, right where nothing else is asked for; dicts of states, the initial one under −1."""
    return f"""\
import numpy as np


def sigmoid(x, derivative=False):
    s = 1 / (1 + np.exp(-x))
    return s * (1 - s) if derivative else s


def tanh(x, derivative=False):
    if derivative:
        return {tanh_slope}
    return np.tanh(x)


def loss_and_gradients(xs, targets, h_init, C_init, W_f, W_i, W_g, W_o, W_v, b_f, b_i, b_g, b_o):
    z, f, i, g, o, ys = {{}}, {{}}, {{}}, {{}}, {{}}, {{}}
    h, C = {{-1: h_init}}, {{-1: C_init}}
    H = len(h_init)
    for t in range(len(xs)):
        z[t] = np.vstack((h[t - 1], xs[t]))
        f[t] = sigmoid(W_f @ z[t] + b_f)
        i[t] = sigmoid(W_i @ z[t] + b_i)
        g[t] = tanh(W_g @ z[t] + b_g)
        o[t] = sigmoid(W_o @ z[t] + b_o)
        C[t] = f[t] * C[t - 1] + i[t] * g[t]
        h[t] = o[t] * tanh(C[t])
        ys[t] = W_v @ h[t]

    dW_f, dW_i = np.zeros_like(W_f), np.zeros_like(W_i)
    dW_g, dW_o = np.zeros_like(W_g), np.zeros_like(W_o)
    dW_v = np.zeros_like(W_v)
    db_f, db_i = np.zeros_like(b_f), np.zeros_like(b_i)
    db_g, db_o = np.zeros_like(b_g), np.zeros_like(b_o)
    dh_next, dC_next = np.zeros_like(h_init), np.zeros_like(C_init)

    for t in reversed(range(len(xs))):
        dv = ys[t] - targets[t]
        dW_v += dv @ h[t].T
        dh = {dh}
        do = {do}
        dC = {dC}
        dg = {dg}
        di = {di}
        df = {df}
        dW_f += df @ z[t].T
        dW_i += di @ z[t].T
        dW_g += dg @ z[t].T
        dW_o += do @ z[t].T
        db_f += df
        db_i += {db_i}
        db_g += dg
        db_o += do
        dz = {dz}
        dh_next = dz[:H]
        dC_next = {dC_next}

    return dW_f, dW_i, dW_g, dW_o, dW_v, db_f, db_i, db_g, db_o
"""


LSTM = lstm()
"""The right program."""
