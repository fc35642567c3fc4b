"""RNN106: the backward pass takes the steps in the order of time."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import walks_of_the_forward_pass
from rnnlint.model.steps import Direction
from rnnlint.rules.derivatives.cases import LSTM
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN106", "backward-runs-forward", severity=Severity.ERROR, needs="data flow")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The pass that carries the adjoint takes the steps in the forward pass's order.

    ## What it does

    Looks at the loop by which an adjoint flows from one round to the next, and at the steps it reads: not at
    the range, but at where its indices point, and at the loop that filled those states.

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
    is the way back through the half of a bidirectional network that reads from the end: it goes forward in
    time. So is a loop whose sequences cannot be seen filled.

    ## Fix safety

    There is no fix: other sequences may already be reversed.
    """
    for loop in walks_of_the_forward_pass(bptt):
        head = loop.statement.iterable if isinstance(loop.statement, tree.For) else loop.statement.test
        if bptt.module.holds(head):
            other_way = "from the first step on" if loop.direction is Direction.DOWN else "`reversed(...)`"
            yield Report(
                head,
                "The loop carries an adjoint from round to round and takes the steps in the order in which "
                "the forward pass took them: the adjoint of a state holds that of the one computed after it, "
                "so the step that came last comes first. Walk the other way: "
                f"{other_way}.",
                remark="the forward pass's order",
            )


_FROM_THE_END = """\
import numpy as np


def from_the_end_forward(xs, W, U):
    s = np.zeros((len(xs) + 1, len(W)))
    for t in reversed(range(len(xs))):
        s[t] = np.tanh(W @ s[t + 1] + U @ xs[t])
    return s


def from_the_end_backward(xs, s, ds, W, U):
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    carry = np.zeros(len(W))
    for t in STEPS:
        da = (ds[t] + carry) * (1 - s[t] ** 2)
        dW += np.outer(da, s[t + 1])
        dU += np.outer(da, xs[t])
        carry = W.T @ da
    return dW, dU
"""


VALID = (
    Valid("reversed", LSTM),
    Valid(
        "counted down by the index",
        LSTM.replace(
            "    for t in reversed(range(len(xs))):\n",
            "    for k in range(len(xs)):\n        t = len(xs) - 1 - k\n",
        ),
    ),
    Valid("the half that reads from the end", _FROM_THE_END.replace("STEPS", "range(len(xs))")),
)

INVALID = (
    Invalid("the order of time", LSTM.replace("reversed(range(len(xs)))", "range(len(xs))"), lines=(36,)),
    Invalid(
        "the half that reads from the end, taken from the end again",
        _FROM_THE_END.replace("STEPS", "reversed(range(len(xs)))"),
        lines=(14,),
    ),
)
