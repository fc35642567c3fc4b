"""RNN110: the carry of h takes the inputs' part of dz."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import wrong_carry_slices
from rnnlint.rules.derivatives.cases import LSTM
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN110", "wrong-carry-slice", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The carried adjoint of h is cut from the half of dz that belongs to the inputs.

    ## What it does

    Compares the order in which the forward pass stacks h and x with the slice of dz that becomes the carry.

    ## Why it is wrong

    z = [h; x] gives dz = [dh; dx]: what belongs to h is the first part. The other part is the gradient of the
    input. With as many inputs as hidden units nothing fails.

    ## Example

    ```python
    z = np.vstack((h, x))               # forward
    dh_next = dz[H:]
    ```

    ## Use instead

    ```python
    dh_next = dz[:H]
    ```

    ## When it is right

    With z = [x; h] the last part is that of h. The rule goes by the file's own forward pass.

    ## Fix safety

    There is no fix: the size to cut at may have another name.
    """
    for node in wrong_carry_slices(bptt):
        yield Report(
            node,
            f"`{bptt.module.text_of(node)}` is the inputs' part of dz: the forward pass stacks h "
            "and x in the other order. "
            "The carry of h is h's part.",
            remark="the part of x",
        )


VALID = (
    Valid("h first", LSTM),
    Valid(
        "x first",
        LSTM.replace("np.vstack((h[t - 1], xs[t]))", "np.vstack((xs[t], h[t - 1]))").replace(
            "dz[:H]", "dz[len(xs[0]):]"
        ),
    ),
)

INVALID = (Invalid("the other part", LSTM.replace("dz[:H]", "dz[H:]"), lines=(54,)),)
