from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.early_updates import early_updates
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS, DICT
from rnnlint.rules.registry import Invalid, RelatedDraft, Report, Valid, rule


@rule(
    "RNN307",
    "update-before-use",
    severity=Severity.ERROR,
    needs="the weights' update and their product, in one pass",
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """Weights are updated before the adjoint has gone back through them.

    ## What it does
    Reports an update of a weight inside the backward pass that is followed by a product of an adjoint with
    the same weight, in the same round of the loop or, inside the loop over time, in the next.

    ## Why it is wrong
    dh_prev = Wᵀ δ is the derivative of the forward pass that was run, so W must be the one that it was run
    with. Updated first, the carry belongs to another network.

    ## Example
    ```python
    W -= lr * dW
    dh_prev = W.T @ delta
    ```

    ## Use instead
    ```python
    dh_prev = W.T @ delta
    W -= lr * dW
    ```

    ## When it is right
    Never for the gradient of one loss; with a small learning rate the error is small.

    ## Fix safety
    There is no fix: move the update behind the loop.
    """
    for each in early_updates(bptt):
        yield Report(
            each.statement,
            f"{each.name} is changed here, and the adjoint goes back through it afterwards: that product "
            "belongs to another network than the one that was run. Update after the whole pass.",
            remark="updated too early",
            related=(RelatedDraft(each.later, "the adjoint goes back through it here"),),
        )


VALID = (
    Valid("columns", COLUMNS),
    Valid("a class with batch first", BATCH_CLASS),
    Valid("updated after the loop", COLUMNS.replace("    return dW", "    W -= 0.1 * dW\n    return dW")),
    Valid(
        "a caller's training loop",
        COLUMNS + "\ndef train(W, dW):\n    for _ in range(3):\n        W -= 0.1 * dW\n",
    ),
)

INVALID = (
    Invalid("columns", COLUMNS.replace("        dU +=", "        W -= 0.1 * dW\n        dU +="), lines=(15,)),
    Invalid(
        "a class with batch first, after the product",
        BATCH_CLASS + "            self.Wh -= 0.1 * self.dWh\n",
        lines=(20,),
    ),
    Invalid(
        "states in a dict",
        DICT.replace("        dhnext = np", '        Whh -= 0.1 * grads["dWhh"]\n        dhnext = np'),
        lines=(16,),
    ),
)
