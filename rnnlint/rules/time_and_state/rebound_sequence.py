"""RNN109: a sequence that is being indexed is rebound in the loop."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.rebound_sequences import Rebound, rebound_sequences
from rnnlint.rules.derivatives.cases import LSTM
from rnnlint.rules.registry import FixDraft, Invalid, Replacement, Report, Valid, rule


@rule("RNN109", "rebound-sequence", severity=Severity.ERROR, needs="data flow")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """One step's result is put under the name of the sequence that the next step indexes.

    ## What it does

    Finds `name = f(name[t])` in a loop over t that does not set `name` anew before it.

    ## Why it is wrong

    The first round reads an entry of the sequence, every later one an entry of the previous round's result.
    Shapes may well allow it: row t of a gradient is as good a row as row t of the predictions.

    ## Example

    ```python
    for t in reversed(range(T)):
        dy = loss_gradient(dy[t], targets[t])
    ```

    ## Use instead

    ```python
    for t in reversed(range(T)):
        dy_t = loss_gradient(dy[t], targets[t])
    ```

    ## When it is right

    Where the loop sets the name before it indexes it, each round begins afresh, and the rule is silent.

    ## Fix safety

    Offered where all later uses of the name are of the step's result: none is indexed, and none stands behind
    the loop. It changes the gradient, so it is safe only after the numeric check has verified it.
    """
    for each in rebound_sequences(bptt):
        yield Report(
            each.statement,
            f"`{each.name}` is the sequence in the first round of this loop and one step's result in "
            "all later ones: "
            f"`{each.name}[...]` then reads a row of that. Give the step's value a name of its own.",
            remark="rebound",
            fix=_renamed(bptt, each),
        )


def _renamed(bptt: BackwardPass, rebound: Rebound) -> FixDraft | None:
    own = f"{rebound.name}_t"
    if rebound.later is None or re.search(rf"\b{own}\b", bptt.module.source.text):
        return None
    (target,) = rebound.statement.targets
    return FixDraft(f"Call it `{own}`.", tuple(Replacement(node, own) for node in (target, *rebound.later)))


VALID = (Valid("names of their own", LSTM),)

INVALID = (
    Invalid(
        "the predictions rebound",
        LSTM.replace(
            "        dv = ys[t] - targets[t]\n", "        ys = ys[t] - targets[t]\n        dv = ys\n"
        ),
        lines=(37,),
        fixed=LSTM.replace(
            "        dv = ys[t] - targets[t]\n", "        ys_t = ys[t] - targets[t]\n        dv = ys_t\n"
        ),
    ),
    Invalid(
        "the predictions rebound and used behind the loop",
        LSTM.replace(
            "        dv = ys[t] - targets[t]\n", "        ys = ys[t] - targets[t]\n        dv = ys\n"
        ).replace("    return dW_f", "    print(ys)\n    return dW_f"),
        lines=(37,),
    ),
)
