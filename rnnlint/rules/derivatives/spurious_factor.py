"""RNN209: a factor that the derivative does not have."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Wrong
from rnnlint.model.output_factors import spurious_output_factors
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.derivatives.wording import uses_in_file
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN209", "spurious-factor", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """A δ has a factor that no step of the forward pass asks for.

    ## What it does

    Finds what is left of a δ when every factor that the forward pass asks for is taken away.

    ## Why it is wrong

    The adjoint of h is W_vᵀ dv + dh_next: h = o ⊙ tanh(C) went through no σ, so h(1 − h) has no place there.
    Softmax and cross-entropy together have the gradient ŷ − y, with no slope of softmax.

    ## Example

    ```python
    dh = (W_v.T @ dv + dh_next) * h * (1 - h)
    ```

    ## Use instead

    ```python
    dh = W_v.T @ dv + dh_next
    ```

    ## When it is right

    Where the forward pass applies a nonlinearity there, its slope is no spurious factor. Where it applies a
    function whose derivative is not known here (an arc tangent, a gate in a divisor), nothing is compared.

    ## Fix safety

    There is no fix; the factor has to go, but what it was meant for is not known.
    """
    for _, node in uses_in_file(bptt, Wrong.SPURIOUS):
        yield Report(
            node,
            f"`{bptt.module.text_of(node)}` has no place in this derivative: nothing in the forward "
            "pass between this "
            "adjoint and the gate gives such a factor.",
            remark="too much",
        )
    for node in spurious_output_factors(bptt):
        yield Report(
            node,
            f"`{bptt.module.text_of(node)}` has no place here: softmax and cross-entropy "
            "together have the gradient "
            "ŷ − y, in which the slope of softmax is already contained.",
            remark="too much",
        )


VALID = (Valid("no factor too many", LSTM),)

INVALID = (
    Invalid(
        "sigma's slope on the hidden state",
        lstm(dh="(W_v.T @ dv + dh_next) * (h[t] * (1 - h[t]))"),
        lines=(39,),
    ),
)
