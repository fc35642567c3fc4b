from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.injections import repeated_injections
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule(
    "RNN310",
    "output-gradient-every-step",
    severity=Severity.ERROR,
    needs="the output weights' gradient, formed once outside the loop",
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The gradient of a loss on the last output is injected at every step.

    ## What it does
    Reports the product of the output weights and the output's adjoint inside the loop over time, where the
    network has one output, after its last step.

    ## Why it is wrong
    With ŷ = V h_T only h_T enters the output: dh_T = Vᵀ dv, and for every other step dh_t is what the carry
    brings back. Added at each step, the loss is counted T times.

    ## Example
    ```python
    dV = dv @ h[T].T
    for t in reversed(range(T)):
        dh = V.T @ dv + dh_next
    ```

    ## Use instead
    ```python
    dV = dv @ h[T].T
    dh_next = V.T @ dv
    for t in reversed(range(T)):
        dh = dh_next
    ```

    ## When it is right
    Where every step has an output (`dv[t]`), or the output is made of the mean of all states: the rule is
    silent where the adjoint depends on the step, or a condition chooses the last one.

    ## Fix safety
    There is no fix: the carry must be given its first value.
    """
    for each in repeated_injections(bptt):
        yield Report(
            each.node,
            "This adds the last output's gradient at every step, so the loss is counted once for each of "
            "them. Only the last state enters the output: start the carry with it, and add nothing "
            "inside the loop.",
            remark="counted at every step",
        )


_COLUMNS = """\
import numpy as np

def forward(inputs, h_init, W, U, V):
    h = [h_init]
    for x in inputs:
        h.append(np.tanh(W @ h[-1] + U @ x))
    return h, V @ h[-1]

def backward(inputs, dv, h, W, U, V):
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    dV = dv @ h[-1].T
    dh = V.T @ dv
    for t in reversed(range(len(inputs))):
        da = dh * (1 - h[t + 1] ** 2)
        dW += da @ h[t].T
        dU += da @ inputs[t].T
        dh = W.T @ da
    return dW, dU, dV
"""
_BATCH_CLASS = """\
import numpy as np

class RNN:
    def forward(self, x, h0):
        self.x, self.h = x, [h0]
        for t in range(x.shape[1]):
            self.h.append(np.tanh(x[:, t].dot(self.Wx) + self.h[-1].dot(self.Wh)))
        return self.h[-1].dot(self.Wy)

    def backward(self, dy):
        self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        self.dWy = self.h[-1].T.dot(dy)
        carry = dy.dot(self.Wy.T)
        for t in reversed(range(self.x.shape[1])):
            da = carry * (1 - self.h[t + 1] ** 2)
            self.dWx += self.x[:, t].T.dot(da)
            self.dWh += self.h[t].T.dot(da)
            carry = da.dot(self.Wh.T)
"""
_DICT = """\
import numpy as np

def loss_and_gradients(inputs, dy, hprev, Wxh, Whh, Why):
    hs = {-1: hprev}
    for t in range(len(inputs)):
        hs[t] = np.tanh(np.dot(Wxh, inputs[t]) + np.dot(Whh, hs[t - 1]))
    grads = {"dWhy": np.dot(dy, hs[len(inputs) - 1].T)}
    grads["dWxh"], grads["dWhh"] = np.zeros_like(Wxh), np.zeros_like(Whh)
    grads["dWhy"] = np.dot(dy, hs[len(inputs) - 1].T)
    dh = np.dot(Why.T, dy)
    for t in reversed(range(len(inputs))):
        dhraw = (1 - hs[t] * hs[t]) * dh
        grads["dWxh"] += np.dot(dhraw, inputs[t].T)
        grads["dWhh"] += np.dot(dhraw, hs[t - 1].T)
        dh = np.dot(Whh.T, dhraw)
    return grads
"""

VALID = (
    Valid("once, before the loop", _COLUMNS),
    Valid("once, in a class", _BATCH_CLASS),
    Valid("once, states in a dict", _DICT),
    Valid(
        "at the last step alone",
        _COLUMNS.replace("    dh = V.T @ dv\n", "    dh = np.zeros_like(h[-1])\n").replace(
            "        da = dh",
            "        if t == len(inputs) - 1:\n            dh = dh + V.T @ dv\n        da = dh",
        ),
    ),
    Valid(
        "an output at every step",
        _COLUMNS.replace(
            "    dV = dv @ h[-1].T\n    dh = V.T @ dv\n", "    dV, dh = np.zeros_like(V), 0\n"
        ).replace("        da = dh *", "        dV += dv[t] @ h[t + 1].T\n        da = (V.T @ dv[t] + dh) *"),
    ),
)

INVALID = (
    Invalid("columns", _COLUMNS.replace("dh = W.T @ da", "dh = W.T @ da + V.T @ dv"), lines=(17,)),
    Invalid(
        "a class with batch first",
        _BATCH_CLASS.replace("da = carry *", "da = (dy.dot(self.Wy.T) + carry) *"),
        lines=(15,),
    ),
    Invalid(
        "states in a dict",
        _DICT.replace("dh = np.dot(Whh.T, dhraw)", "dh = np.dot(Whh.T, dhraw) + np.dot(Why.T, dy)"),
        lines=(15,),
    ),
)
