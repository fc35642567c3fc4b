"""RNN108: the backward loop reads what the forward loop left behind."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.file_model import FileModel
from rnnlint.model.stale_layers import StaleLayers
from rnnlint.model.stale_values import stale_values
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN108", "stale-forward-value", severity=Severity.ERROR, needs="data flow")
def check(model: FileModel) -> Iterator[Report]:
    """The backward loop reads, at every step, a variable that the forward loop left behind.

    ## What it does

    Finds variables that the forward loop sets at every step, that nothing sets in the backward loop, and that
    a δ or the gradient of a weight is multiplied with there; and layer objects that keep their last input
    alone (`self.input = x`), that the forward loop calls at every step and the backward loop takes back as
    often.

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
    at the factors of the steps. A layer that the loop gives its step's values back
    (`self.tanh.output = hs[t]`, `self.fc.forward(x[t])` once more, an object for each step) is right.

    ## Fix safety

    There is no fix: the sequence that keeps the value may not exist.
    """
    for bptt in model.backward_passes:
        for node in stale_values(bptt):
            yield Report(
                node,
                f"`{bptt.module.text_of(node)}` is what the forward loop left behind, the value of its last "
                "step, and this loop reads it at every step. Keep the value of each step in the forward pass "
                "and read step t's.",
                remark="the last step's",
            )
    for stale in model.stale_layers:
        yield _stale_layers(stale)


def _stale_layers(stale: StaleLayers) -> Report:
    names = [f"`self.{layer}`" for layer in dict.fromkeys(stale.layers)]
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    memory = f"self.{stale.layers[0]}.{stale.memories[0]}"
    keep = "keep their last input alone" if len(names) > 1 else "keeps its last input alone"
    return Report(
        stale.calls[0],
        f"{listed} {keep}: after the forward loop `{memory}` is the last step's, and this loop goes back "
        "through every step with it. Keep each step's values, and put step t's back before `backward` is "
        "called.",
        remark="with the last step's values",
    )


_LAYERS = """\
import numpy as np


class Dense:
    def __init__(self, n_in, n_out):
        self.weights = np.random.randn(n_in, n_out) * 0.1
        self.gradient = np.zeros_like(self.weights)

    def forward(self, x):
        self.x = x
        return x @ self.weights

    def backward(self, error):
        self.gradient += self.x.T @ error
        return error @ self.weights.T


class TanH:
    def forward(self, a):
        self.y = np.tanh(a)
        return self.y

    def backward(self, error):
        return error * (1 - self.y ** 2)


class Recurrent:
    def __init__(self, n_in, n_hidden):
        self.n_hidden = n_hidden
        self.dense = Dense(n_in + n_hidden, n_hidden)
        self.tanh = TanH()

    def forward(self, xs):
        h, self.seen = np.zeros((1, self.n_hidden)), []
        hs = []
        for x in xs:
            h = self.tanh.forward(self.dense.forward(np.hstack((x, h))))
            self.seen.append((self.dense.x, self.tanh.y))
            hs.append(h)
        return hs

    def backward(self, errors):
        dh_next = np.zeros((1, self.n_hidden))
        for t in reversed(range(len(errors))):
            RESTORE
            error = self.tanh.backward(errors[t] + dh_next)
            error = self.dense.backward(error)
            dh_next = error[:, -self.n_hidden:]
        return self.dense.gradient
"""

VALID = (
    Valid("each step's own values", LSTM),
    Valid(
        "layers that get each step's values back",
        _LAYERS.replace("RESTORE", "self.dense.x, self.tanh.y = self.seen[t]"),
    ),
    Valid(
        "layers that are called forward once more",
        _LAYERS.replace("RESTORE", "self.tanh.forward(self.dense.forward(self.seen[t][0]))"),
    ),
)

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
    Invalid("layers that keep their last input", _LAYERS.replace("            RESTORE\n", ""), lines=(45,)),
)
