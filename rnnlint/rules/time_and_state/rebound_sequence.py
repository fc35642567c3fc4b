"""RNN109: a sequence that is being indexed is rebound in the loop."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.rebound_sequences import rebound_sequences
from rnnlint.rules.derivatives.cases import LSTM
from rnnlint.rules.registry import Invalid, Report, Valid, rule


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

    There is no fix: the later uses of the name have to be told apart.
    """
    for statement, name in rebound_sequences(bptt):
        yield Report(
            statement,
            f"`{name}` is the sequence in the first round of this loop and one step's result in "
            "all later ones: "
            f"`{name}[...]` then reads a row of that. Give the step's value a name of its own.",
            remark="rebound",
        )


VALID = (Valid("names of their own", LSTM),)

INVALID = (
    Invalid(
        "the predictions rebound",
        LSTM.replace(
            "        dv = ys[t] - targets[t]\n", "        ys = ys[t] - targets[t]\n        dv = ys\n"
        ),
        lines=(37,),
    ),
)
