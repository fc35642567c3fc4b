"""RNN207: the adjoint of the cell state lacks a part."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.cell_gradients import incomplete_cell
from rnnlint.model.gradient_names import place_name
from rnnlint.model.miscounted_carries import miscounted_carries
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN207", "incomplete-cell-gradient", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The adjoint of the cell state lacks what is carried from the next step, or what comes from h.

    ## What it does

    Looks at the roots of every δ below the cell state: the adjoints that it is a sum over. One comes down
    from h through o and tanh, one is carried from C_{t+1}. Where all are of one kind the other is missing.
    Counts how often each δ holds what is carried, for h and C alike: it is to be once.

    ## Why it is wrong

    C_t acts on the loss twice: through h_t = o ⊙ tanh(C_t), and through C_{t+1} = f ⊙ C_t + i ⊙ g. Its
    adjoint is the sum of both: dC = dC_next + dh ⊙ o ⊙ (1 − tanh²(C_t)).

    ## Example

    ```python
    dC = dh * o * (1 - np.tanh(C) ** 2)
    ```

    ## Use instead

    ```python
    dC = dC_next + dh * o * (1 - np.tanh(C) ** 2)
    ```

    ## When it is right

    A network whose states all pass through weights has no cell state, and nothing is asked.

    ## Fix safety

    There is no fix: the name of what is missing is not known for certain.
    """
    for each in miscounted_carries(bptt):
        yield Report(
            each.binding.statement,
            f"Here the adjoint holds `{each.name}` {_times(each.times)}. What is carried is the adjoint of "
            "the state itself, as the steps after this one left it: it enters once, or the gradient grows "
            "or fades by that factor with every step back.",
            remark=f"`{each.name}` {_times(each.times)}",
        )
    incomplete = incomplete_cell(bptt)
    if incomplete is None:
        return
    name = place_name(incomplete.binding.place)
    lacking = "the part carried from the next step, dC_next" if incomplete.lacks_carry else "the part from h"
    yield Report(
        incomplete.binding.statement,
        f"`{name}` lacks {lacking}: the cell state acts on h and on the next cell state, so "
        "dC = dC_next + dh ⊙ o ⊙ (1 − tanh²(C)).",
        remark="no dC_next" if incomplete.lacks_carry else "nothing from h",
    )


def _times(count: float) -> str:
    in_words = {2.0: "twice", -1.0: "with the wrong sign"}
    return in_words.get(round(count, 3), f"{count:.4g} times")


_HALVED_BY_LOSS = LSTM.replace("dv = ys[t] - targets[t]", "dv = 0.5 * (ys[t] - targets[t])")

VALID = (
    Valid("both parts", LSTM),
    Valid("the squared error's factor", lstm(dh="2 * (W_v.T @ dv) + dh_next")),
    Valid("the mean's factor, on all that the loss sends", _HALVED_BY_LOSS),
)

INVALID = (
    Invalid("nothing carried", lstm(dC="dh * o[t] * tanh(C[t], derivative=True)"), lines=(41,)),
    Invalid(
        "what is carried is doubled",
        lstm(dC="2 * dC_next + dh * o[t] * tanh(C[t], derivative=True)"),
        lines=(41,),
    ),
    Invalid("h's carry comes in twice", lstm(dh="W_v.T @ dv + dh_next + dh_next"), lines=(39,)),
    Invalid(
        "C's carry is added again",
        LSTM.replace("        dg = dC", "        dC += dC_next\n        dg = dC"),
        lines=(42,),
    ),
)
