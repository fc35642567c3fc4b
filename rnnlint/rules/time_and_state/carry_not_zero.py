"""RNN105: the carry begins as something other than zero."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import unclean_starts
from rnnlint.rules.derivatives.cases import LSTM
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN105", "carry-not-zero", severity=Severity.ERROR, needs="data flow")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The adjoint carried through time begins as ones or random numbers.

    ## What it does

    Follows the variables by which an adjoint flows from step t+1 to step t, and looks at what they hold
    before the first round of the loop.

    ## Why it is wrong

    Behind the last step there is nothing: no loss depends on h_T but that of step T itself. dh_next and
    dC_next are zero there. Ones add the gradient of Σ h_T to the loss's.

    ## Example

    ```python
    dC_next = np.ones_like(C_T)
    ```

    ## Use instead

    ```python
    dC_next = np.zeros_like(C_T)
    ```

    ## When it is right

    A carry that is given as a parameter is the caller's cotangent of the last state, and is not asked about.

    ## Fix safety

    There is no fix: the buffer may be meant for something else.
    """
    for name, initial in unclean_starts(bptt):
        assert initial.origin is not None
        kind = initial.data[0] if isinstance(initial.data, tuple) else "not zero"
        yield Report(
            initial.origin,
            f"`{name}` begins as {kind}: behind the last step nothing flows back, so the carried "
            "adjoint is zero there. "
            "Begin with zeros.",
            remark=f"begins as {kind}",
        )


VALID = (Valid("zeros", LSTM),)

INVALID = (
    Invalid(
        "ones",
        LSTM.replace(
            "np.zeros_like(h_init), np.zeros_like(C_init)", "np.zeros_like(h_init), np.ones_like(C_init)"
        ),
        lines=(34,),
    ),
)
