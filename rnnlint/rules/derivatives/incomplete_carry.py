"""RNN210: a path is missing from what comes back to the hidden state."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import incomplete_carries
from rnnlint.model.forward import last_word
from rnnlint.model.gradient_names import place_name
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN210", "incomplete-carry", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The carried adjoint of h comes back through some of the weights that read h, not through all.

    ## What it does

    Lists the weights that multiply h_{t−1} in the forward pass and those whose product is in the carry. Where
    some are there and others are not, the others are named.

    ## Why it is wrong

    h_{t−1} enters step t through every gate, so dh_next is the sum over all of them: Σ_k W_kᵀ δ_k. A gate
    left out takes its share of the blame from every earlier step.

    ## Example

    ```python
    dz = W_f.T @ df + W_i.T @ di + W_g.T @ dg
    ```

    ## Use instead

    ```python
    dz = W_f.T @ df + W_i.T @ di + W_g.T @ dg + W_o.T @ do
    ```

    ## When it is right

    A weight that only multiplies the input has no part in the carry and is not asked for.

    ## Fix safety

    There is no fix: the name of the missing gate's δ is not known for certain.
    """
    for each in incomplete_carries(bptt):
        names = [f"`{last_word(weight)}`" for weight in each.missing]
        listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        yield Report(
            each.place,
            f"`{place_name(each.binding.place)}` lacks what comes back through {listed}, which the "
            "forward pass multiplies "
            "with the state of the step before: dh_next = Σ_k W_kᵀ δ_k over all gates.",
            remark=f"no {', '.join(last_word(weight) for weight in each.missing)}",
        )


VALID = (Valid("all four gates", LSTM),)

INVALID = (Invalid("the output gate left out", lstm(dz="W_f.T @ df + W_i.T @ di + W_g.T @ dg"), lines=(53,)),)
