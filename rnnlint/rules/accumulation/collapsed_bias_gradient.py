from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.accumulators import collapsed_biases
from rnnlint.model.backward import BackwardPass
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS, DICT
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule(
    "RNN304",
    "collapsed-bias-gradient",
    severity=Severity.ERROR,
    needs="the bias of a gate of the forward pass",
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The gradient of a bias is summed over the units as well, to one number.

    ## What it does
    Reports `np.sum(delta)` without an axis in the gradient of a gate's bias.

    ## Why it is wrong
    Each unit has a bias of its own, and db = Σ_t δ_t runs over steps and over the batch. Summed over the
    units too, it is one number, which NumPy then adds to every entry without a word.

    ## Example
    ```python
    db += np.sum(delta)
    ```

    ## Use instead
    ```python
    db += np.sum(delta, axis=1, keepdims=True)   # columns: over the batch
    ```

    ## When it is right
    Where all units share one bias, or there is one unit only.

    ## Fix safety
    There is no fix: over which axis the batch runs is yours to say.
    """
    for each in collapsed_biases(bptt):
        yield Report(
            each.call,
            "Without an axis this sums over the units too and gives one number for all biases. A bias "
            "belongs to one unit: sum over the batch alone, or not at all where there is none.",
            remark="one number for all units",
        )


VALID = (
    Valid("columns", COLUMNS),
    Valid("a class with batch first", BATCH_CLASS),
    Valid("columns of a batch", COLUMNS.replace("db += da", "db += np.sum(da, axis=1, keepdims=True)")),
    Valid("a loss", COLUMNS.replace("return dW, dU, db", "return dW, dU, db, np.sum(dh_next)")),
)

INVALID = (
    Invalid("columns", COLUMNS.replace("db += da", "db += np.sum(da)"), lines=(16,)),
    Invalid("a class with batch first", BATCH_CLASS.replace("da.sum(axis=0)", "da.sum()"), lines=(18,)),
    Invalid(
        "entries of a dict",
        DICT.replace('grads["dbh"] += dhraw', 'grads["dbh"] += np.sum(dhraw)'),
        lines=(15,),
    ),
)
