from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.gradient_lifetimes import initial_gradients_never_set
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN314", "unreturned-initial-gradient", severity=Severity.WARNING, needs="the function's own writes")
def check(code: RecurrentCode) -> Iterator[Report]:
    """The gradient of the initial state is returned as the zeros it began with.

    ## What it does
    Reports `dh0 = np.zeros(...)` that is returned and never set in between.

    ## Why it is wrong
    h_0 enters step 0 through every gate, so ∂L/∂h_0 is what the carry holds after the last round of the
    loop, dh_next at t = 0. Returned as zeros, nothing before the network learns: an encoder whose last state
    is h_0, an image feature that h_0 is made of.

    ## Example
    ```python
    dh0 = np.zeros_like(h0)
    for t in reversed(range(T)):
        ...
        dh_next = delta @ Wh.T
    return dx, dh0, dWx, dWh, db
    ```

    ## Use instead
    ```python
    dh0 = dh_next
    return dx, dh0, dWx, dWh, db
    ```

    ## When it is right
    Where the initial state is a constant and nobody reads its gradient.

    ## Fix safety
    There is no fix: the carry's name is yours to say.
    """
    for block in code.blocks:
        for each in initial_gradients_never_set(block):
            yield Report(
                each.statement,
                f"{each.name} is returned as the zeros it begins with. The gradient of the initial state "
                "is what the carry holds after the loop's last round: set it from there.",
                remark="returned, never set",
            )


_ROWS = """\
import numpy as np

def rnn_backward(dh, cache, Wx, Wh):
    N, T, H = dh.shape
    dh0 = np.zeros((N, H))
    dWh = np.zeros_like(Wh)
    dprev = np.zeros((N, H))
    for t in reversed(range(T)):
        h, h_prev = cache[t]
        da = (dh[:, t] + dprev) * (1 - h ** 2)
        dWh += h_prev.T.dot(da)
        dprev = da.dot(Wh.T)
    dh0 = dprev
    return np.tanh(0), dh0, dWh
"""

VALID = (
    Valid("set after the loop", _ROWS),
    Valid("used as the carry", _ROWS.replace("    dh0 = dprev\n", "").replace("dprev", "dh0")),
    Valid("handed on", _ROWS.replace("    dh0 = dprev\n", "    np.copyto(dh0, dprev)\n")),
)

INVALID = (
    Invalid("rows", _ROWS.replace("    dh0 = dprev\n", ""), lines=(5,)),
    Invalid(
        "columns, C_0 too",
        """\
import numpy as np

def lstm_backward(das, caches, W):
    da0 = np.zeros(das[0].shape)
    dc0 = np.zeros(das[0].shape)
    dc = np.zeros(das[0].shape)
    for t in reversed(range(len(das))):
        dc = dc * caches[t] + das[t] * (1 - np.tanh(caches[t]) ** 2)
    return da0, dc0, np.dot(W.T, dc)
""",
        lines=(4, 5),
    ),
    Invalid(
        "in a class, returned in a dict",
        """\
import numpy as np

class RNN:
    def backward(self, dh):
        dh_0 = np.zeros_like(self.h0)
        carry = np.zeros_like(self.h0)
        for t in reversed(range(len(dh))):
            carry = ((dh[t] + carry) * (1 - np.tanh(self.a[t]) ** 2)) @ self.Wh.T
        return {"dh0": dh_0}
""",
        lines=(5,),
    ),
)
