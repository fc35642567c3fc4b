"""RNN103: the carry takes its shape from the initial state."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.state_reads import shaped_by_initial_state
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule
from rnnlint.rules.time_and_state.indices import index_of, related


@rule(
    "RNN103",
    "carry-shaped-by-initial-state",
    severity=Severity.ADVICE,
    needs="a list with the initial state first",
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The carried gradient takes its shape and type from the initial state, not from a computed one.

    ## What it does

    Finds `np.zeros_like(h[0])` for a carry where index 0 of the sequence is the initial state.

    ## Why it is wrong

    dh_next has the shape and type of h_T. The initial state is what the caller passed in: a column for a
    whole batch, or integers, which round every gradient that is added to the carry in place.

    ## Example

    ```python
    dh_next = np.zeros_like(h[0])       # h[0] is the caller's initial state
    ```

    ## Use instead

    ```python
    dh_next = np.zeros_like(h[-1])
    ```

    ## When it is right

    Where the caller's initial state has the full shape and is of floats the result is the same; that is why
    this is advice.

    ## Fix safety

    The fix reads the last state, which the forward pass has computed.
    """
    for shaped in shaped_by_initial_state(bptt):
        access = bptt.module.text_of(shaped.node)
        right = f"{bptt.module.text_of(shaped.node.value)}[-1]"
        yield Report(
            shaped.node,
            f"`{access}` is the initial state, as the caller gave it. The carry has the shape and "
            "type of a computed "
            f"state: use `{right}`.",
            remark="the initial state",
            fix=FixDraft.replace(index_of(shaped.node), "-1", f"Use `{right}`."),
            related=related(shaped.sequence),
        )


_PROGRAM = """\
import numpy as np


def forward(xs, h_init, W_x, W_h):
    hs = [h_init]
    for x in xs:
        hs.append(np.tanh(W_x @ x + W_h @ hs[-1]))
    return hs


def backward(xs, hs, dhs, W_x, W_h):
    dW_x, dW_h = np.zeros_like(W_x), np.zeros_like(W_h)
    dh_next = np.zeros_like(hs[WHICH])
    for t in reversed(range(len(xs))):
        da = (dhs[t] + dh_next) * (1 - hs[t + 1] ** 2)
        dW_x += da @ xs[t].T
        dW_h += da @ hs[t].T
        dh_next = W_h.T @ da
    return dW_x, dW_h
"""

VALID = (Valid("shaped by the last state", _PROGRAM.replace("WHICH", "-1")),)

INVALID = (
    Invalid(
        "shaped by the initial state",
        _PROGRAM.replace("WHICH", "0"),
        lines=(13,),
        fixed=_PROGRAM.replace("WHICH", "-1"),
    ),
)
