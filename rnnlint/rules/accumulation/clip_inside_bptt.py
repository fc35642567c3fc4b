from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.clipping import clippings_in_time
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS, DICT
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN306", "clip-inside-bptt", severity=Severity.WARNING, needs="the loop over time")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """Gradients are clipped inside the loop over time.

    ## What it does
    Reports a clip of an adjoint or of a gradient's sum in the body of the loop over the steps.

    ## Why it is wrong
    The carry dh_next is a part of the chain rule: clipped at step t, everything before t gets another
    gradient, and no longer the one of any loss. A sum that is clipped while it grows depends on the order of
    its terms. Clipping is meant for the finished gradient: by its norm, which changes the length of the step
    and not its direction, or number by number.

    ## Example
    ```python
    for t in reversed(range(T)):
        dh_next = np.clip(W.T @ delta, -1, 1)
    ```

    ## Use instead
    ```python
    for t in reversed(range(T)):
        dh_next = W.T @ delta
    dW = np.clip(dW, -5, 5)
    ```

    ## When it is right
    Clipping adjoints on their way was proposed for LSTMs (Graves 2013), on purpose and with another gradient.

    ## Fix safety
    There is no fix: the limit for the finished gradient is another one.
    """
    for each in clippings_in_time(bptt):
        yield Report(
            each.call,
            f"{each.name} is clipped inside the loop over time, so what flows to the steps before is no "
            "longer the gradient of the loss. Clip the finished gradients, after the loop.",
            remark="clip after the loop",
        )


_CLIPPED_AFTER = COLUMNS.replace(
    "    return dW, dU, db",
    "    for d in (dW, dU, db):\n        np.clip(d, -5, 5, out=d)\n    return dW, dU, db",
)

VALID = (
    Valid("after the loop", _CLIPPED_AFTER),
    Valid("not at all", BATCH_CLASS),
    Valid(
        "a pre-activation", COLUMNS.replace("da = (dh_out", "a = np.clip(h[t], -9, 9)\n        da = (dh_out")
    ),
)

INVALID = (
    Invalid(
        "columns, the carry",
        COLUMNS.replace(
            "dh_next = W.T @ da", "dh_next = W.T @ da\n        dh_next = np.clip(dh_next, -1, 1)"
        ),
        lines=(18,),
    ),
    Invalid(
        "a class with batch first, in place",
        BATCH_CLASS.replace(
            "            self.dWx +=", "            np.clip(da, -1, 1, out=da)\n            self.dWx +="
        ),
        lines=(16,),
    ),
    Invalid(
        "entries of a dict, the sums",
        DICT.replace(
            "    return grads", '        np.clip(grads["dWhh"], -5, 5, out=grads["dWhh"])\n    return grads'
        ),
        lines=(17,),
    ),
)
