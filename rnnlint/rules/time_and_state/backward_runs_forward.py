"""RNN106: the backward pass takes the steps in the order of time."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import forward_walks
from rnnlint.rules.derivatives.cases import LSTM
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN106", "backward-runs-forward", severity=Severity.ERROR, needs="data flow")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The steps of the pass that carries the adjoint go forward in time.

    ## What it does

    Looks at the loop by which an adjoint flows from one round to the next, and at the steps it reads: not at
    the range, but at where its indices point.

    ## Why it is wrong

    The adjoint of h_t holds that of h_{t+1}, so step t+1 has to come first. In the order of time what is
    carried into step t is the adjoint of a state that does not depend on it.

    ## Example

    ```python
    for t in range(T):
        dh = W_v.T @ dv[t] + dh_next
    ```

    ## Use instead

    ```python
    for t in reversed(range(T)):
        dh = W_v.T @ dv[t] + dh_next
    ```

    ## When it is right

    `for k in range(T)` with `[T - 1 - k]`, `while t >= 0` and a reversed list walk back, and are silent. So
    is a loop whose sequences cannot be seen filled.

    ## Fix safety

    There is no fix: other sequences may already be reversed.
    """
    for loop in forward_walks(bptt):
        head = loop.statement.iterable if isinstance(loop.statement, tree.For) else loop.statement.test
        if bptt.module.holds(head):
            yield Report(
                head,
                "The loop carries an adjoint from round to round and takes the steps in the "
                "order of time: the adjoint of a "
                "state holds that of the next one, so the last step comes first. Walk back: `reversed(...)`.",
                remark="forward in time",
            )


VALID = (
    Valid("reversed", LSTM),
    Valid(
        "counted down by the index",
        LSTM.replace(
            "    for t in reversed(range(len(xs))):\n",
            "    for k in range(len(xs)):\n        t = len(xs) - 1 - k\n",
        ),
    ),
)

INVALID = (
    Invalid("the order of time", LSTM.replace("reversed(range(len(xs)))", "range(len(xs))"), lines=(36,)),
)
