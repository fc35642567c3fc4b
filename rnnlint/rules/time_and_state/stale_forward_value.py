"""RNN108: the backward loop reads what the forward loop left behind."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.stale_values import stale_values
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN108", "stale-forward-value", severity=Severity.ERROR, needs="data flow")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The backward loop reads, at every step, a variable that the forward loop left behind.

    ## What it does

    Finds variables that the forward loop sets at every step, that nothing sets in the backward loop, and that
    a δ or the gradient of a weight is multiplied with there.

    ## Why it is wrong

    δf of step t is dC ⊙ C_{t−1} ⊙ f_t(1 − f_t). After the forward loop the variable `f` holds the gate of the
    last step: every earlier step is made with it, and only the last one is right.

    ## Example

    ```python
    df = dC * C[t - 1] * f * (1 - f)        # f: what the forward loop computed last
    ```

    ## Use instead

    ```python
    df = dC * C[t - 1] * f[t] * (1 - f[t])
    ```

    ## When it is right

    The adjoint that is put in at the last step alone may well come from the last step's value; the rule looks
    at the factors of the steps.

    ## Fix safety

    There is no fix: the sequence that keeps the value may not exist.
    """
    for node in stale_values(bptt):
        yield Report(
            node,
            f"`{bptt.module.text_of(node)}` is what the forward loop left behind, the value of its last "
            "step, and this loop reads it at every step. Keep the value of each step in the forward pass "
            "and read step t's.",
            remark="the last step's",
        )


VALID = (Valid("each step's own values", LSTM),)

INVALID = (
    Invalid(
        "the input of the last step",
        LSTM.replace(
            "        z[t] = np.vstack((h[t - 1], xs[t]))\n",
            "        z_t = np.vstack((h[t - 1], xs[t]))\n        z[t] = z_t\n",
        ).replace("dW_f += df @ z[t].T", "dW_f += df @ z_t.T"),
        lines=(46,),
    ),
    Invalid(
        "the gate of the last step",
        lstm(df="dC * C[t - 1] * f_t * (1 - f_t)").replace(
            "        f[t] = sigmoid(W_f @ z[t] + b_f)\n",
            "        f_t = sigmoid(W_f @ z[t] + b_f)\n        f[t] = f_t\n",
        ),
        lines=(45,),
    ),
)
