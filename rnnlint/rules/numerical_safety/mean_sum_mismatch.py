from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.gradient_scale import Delta, averages, summed_deltas
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import Invalid, RelatedDraft, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN408", "mean-sum-mismatch", severity=Severity.ADVICE)
def check(code: RecurrentCode) -> Iterator[Report]:
    """The loss is an average, its gradient belongs to the sum.

    ## What it does
    Reports a cross-entropy that is averaged, by `np.mean` or by a division by the number of steps or
    sequences, while the backward pass starts from ŷ − y and never divides.

    ## Why it is wrong
    ŷ − y is the gradient of L = −Σ y log ŷ, summed. Of the mean over n entries the gradient is (ŷ − y) / n.
    The two differ by one common factor, so every direction is right and training works, with a learning rate
    n times as large as the loss suggests. It confuses a gradient check, and it changes when n does: the mean
    of a one-hot loss over the vocabulary divides by V.

    ## Example
    ```python
    loss += -np.mean(np.log(outputs[t]) * targets[t])   # divided by V
    dv = outputs[t] - targets[t]                        # not divided
    ```

    ## Use instead
    ```python
    loss += -np.sum(np.log(outputs[t]) * targets[t])
    dv = outputs[t] - targets[t]
    ```

    ## When it is right
    Where the average is only printed.

    ## Fix safety
    There is no fix: whether to sum or to average is yours to say.
    """
    found = [place for block in code.blocks for place in averages(block)]
    deltas = summed_deltas(code.all_blocks) if found else ()
    if not deltas:
        return
    for place in found:
        yield Report(
            place,
            "The loss is averaged here, but the backward pass starts from y_hat - y undivided, which is "
            "the gradient of the sum. One common factor: every direction is right, the learning rate is "
            "that much larger than it looks. Sum the loss, or divide the gradient too.",
            remark=_over(place),
            related=(_related(deltas[0]),),
        )


def _over(place: tree.Node) -> str:
    return (
        "divided here only" if isinstance(place, tree.Binary | tree.AugmentedAssign) else "a mean here only"
    )


def _related(delta: Delta) -> RelatedDraft:
    module = delta.block.module
    return RelatedDraft(module.span(delta.statement), "the gradient starts here, undivided", module.path)


_BACKWARD = """\
import numpy as np

def rnn_backward(outputs, targets, h, W, V):
    dW, dh_next = np.zeros_like(W), np.zeros_like(h[-1])
    for t in reversed(range(len(outputs))):
        dv = outputs[t] - targets[t]
        da = (V.T @ dv + dh_next) * (1 - h[t + 1] ** 2)
        dW += da @ h[t].T
        dh_next = W.T @ da
    return dW, np.tanh(0)

"""
_DIVIDED = _BACKWARD.replace("return dW", "dW /= len(outputs)\n    return dW")

VALID = (
    Valid(
        "both sum",
        _BACKWARD + "def loss(outputs, targets):\n    return -np.sum(targets * np.log(outputs + 1e-12))\n",
    ),
    Valid(
        "both average",
        _DIVIDED
        + "def loss(outputs, targets):\n"
        + "    return -np.sum(targets * np.log(outputs + 1e-12)) / len(outputs)\n",
    ),
    Valid(
        "divided in the update",
        _BACKWARD
        + "def loss(p, y, W, dW, batch_size):\n    W -= 0.01 * dW / batch_size\n"
        + "    return -np.mean(np.log(p + 1e-12) * y)\n",
    ),
)

INVALID = (
    Invalid(
        "a mean over one-hot columns",
        _BACKWARD + "def loss(outputs, targets):\n    return -np.mean(targets * np.log(outputs + 1e-12))\n",
        lines=(13,),
    ),
    Invalid(
        "divided by the steps at the end, states in a dict",
        """\
import numpy as np

def lossFun(inputs, targets, hprev, Wxh, Whh, Why):
    hs, ps, loss = {-1: hprev}, {}, 0
    for t in range(len(inputs)):
        hs[t] = np.tanh(Wxh @ inputs[t] + Whh @ hs[t - 1])
        ps[t] = softmax(Why @ hs[t])
        loss += -np.log(ps[t][targets[t], 0] + 1e-12)
    dWhy = np.zeros_like(Why)
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
    return loss / len(inputs), dWhy
""",
        lines=(14,),
        also=("RNN104",),
    ),
    Invalid(
        "a batch, in a class",
        """\
import numpy as np

class LSTM:
    def loss(self, probs, labels):
        return -np.sum(labels * np.log(probs + 1e-12)) / probs.shape[0]

    def backward(self, h_prev, probs, labels):
        dscores = probs - labels
        self.dWy = np.tanh(h_prev).T @ dscores
""",
        lines=(5,),
    ),
)
