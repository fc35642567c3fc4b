"""RNN202: the activation itself where its derivative belongs."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Wrong
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.derivatives.wording import (
    WRONG_QUANTITY,
    factors_in_file,
    kept_value,
    kind_of,
    replacement,
    slope_text,
    symbol_of,
)
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN202", "activation-for-derivative", severity=Severity.ERROR, needs="what the helper computes")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The activation stands where its derivative belongs.

    ## What it does

    Evaluates the factor between a gate's adjoint and its δ. Where it is φ of something instead of φ′, it is
    the plain activation: the derivative was forgotten, often by leaving out `derivative=True`.

    ## Why it is wrong

    f = σ(a) gives ∂f/∂a = f(1 − f), so δf = dC ⊙ C_{t−1} ⊙ f(1 − f). Another σ in that place lies between 0.5
    and 0.73 and points nowhere near the slope.

    ## Example

    ```python
    df = sigmoid(f[t]) * df
    ```

    ## Use instead

    ```python
    df = f[t] * (1 - f[t]) * df
    ```

    ## When it is right

    A partner in the equations may be an activation: δo has the factor tanh(C_t). The rule looks at the factor
    that the equation asks to be a slope, and at no other.

    ## Fix safety

    The fix writes the slope in the words of the kept value. It is safe only after the numeric check.
    """
    for each, node in factors_in_file(bptt, Wrong.ACTIVATION):
        symbol, text = symbol_of(kind_of(each)), bptt.module.text_of(node)
        kept = kept_value(bptt, each, node)
        right = slope_text(kind_of(each), kept) if kept else None
        yield Report(
            node,
            f"`{text}` is the activation {symbol}, not its derivative: with y = {symbol}(a) the factor is "
            f"{slope_text(kind_of(each), 'y')}." + (f" Use `{right}`." if right else ""),
            remark="not a derivative",
            fix=replacement(bptt, node, right) if right else None,
            group=WRONG_QUANTITY,
        )


STEPS = """
import numpy as np

def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))

def step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H:2 * H]), sigmoid(a[:, 2 * H:3 * H])
    g = np.tanh(a[:, 3 * H:])
    next_c = f * prev_c + i * g
    tanh_c = np.tanh(next_c)
    return o * tanh_c, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c)

def step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c = cache
    do = dnext_h * tanh_c
    dc = dnext_c + dnext_h * o * (1 - tanh_c ** 2)
    df, di, dg = dc * prev_c, dc * g, dc * i
    da = np.hstack([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)])
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)

def forward(xs, h, c, Wx, Wh, b):
    caches = []
    for x in xs:
        h, c, cache = step_forward(x, h, c, Wx, Wh, b)
        caches.append(cache)
    return h, caches

def backward(dh, caches):
    dc = np.zeros_like(dh)
    dWx = dWh = db = 0
    for cache in reversed(caches):
        _, dh, dc, dWx_t, dWh_t, db_t = step_backward(dh, dc, cache)
        dWx, dWh, db = dWx + dWx_t, dWh + dWh_t, db + db_t
    return dWx, dWh, db
"""
"""What a step kept comes out of its cache: the kept value is right there, and in the forward pass."""

VALID = (Valid("every gate with its derivative", LSTM), Valid("steps with a cache", STEPS))

INVALID = (
    Invalid(
        "a helper called without its derivative flag",
        lstm(df="dC * C[t - 1] * sigmoid(f[t])"),
        lines=(44,),
        fixed=lstm(df="dC * C[t - 1] * f[t] * (1 - f[t])"),
    ),
    Invalid(
        "the kept value itself",
        lstm(di="i[t] * dC * g[t]"),
        lines=(43,),
        fixed=lstm(di="i[t] * (1 - i[t]) * dC * g[t]"),
    ),
    Invalid(
        "the kept value itself, out of a cache",
        STEPS.replace("di * i * (1 - i)", "di * i"),
        lines=(21,),
        fixed=STEPS,
    ),
)
