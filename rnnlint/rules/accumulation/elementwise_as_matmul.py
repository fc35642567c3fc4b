from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.elementwise_products import matrix_products_of_gates
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS, DICT
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule(
    "RNN311",
    "elementwise-as-matmul",
    severity=Severity.ERROR,
    needs="the gates of the forward pass",
    overrules=("RNN204", "RNN205", "RNN207", "RNN208"),
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """An adjoint and a gate, or a derivative, are multiplied as matrices.

    ## What it does
    Reports a matrix product of an adjoint with a gate or with the derivative of a nonlinearity, outside of
    the gradients of weights.

    ## Why it is wrong
    A nonlinearity and a gate work on each unit by itself, so going back each unit's adjoint is multiplied by
    its own factor: δ = dh ⊙ (1 − h²), dC = dC_next ⊙ f. A matrix product mixes the units, and with rows and
    columns of equal size, or a batch of one, the shapes agree.

    ## Example
    ```python
    delta = np.dot(dh, (1 - h ** 2).T)
    ```

    ## Use instead
    ```python
    delta = dh * (1 - h ** 2)
    ```

    ## When it is right
    With a diagonal matrix, `np.diag(1 - h ** 2) @ dh`, which is the same; the rule is silent there.

    ## Fix safety
    There is no fix: the shapes around it must be looked at.
    """
    for each in matrix_products_of_gates(bptt):
        yield Report(
            each.node,
            "This multiplies an adjoint and a factor that belongs to each unit as matrices, so units are "
            "mixed that do not touch each other in the forward pass. Multiply by element: use *.",
            remark="by element, use *",
        )


VALID = (
    Valid("columns", COLUMNS),
    Valid("a class with batch first", BATCH_CLASS),
    Valid("entries of a dict", DICT),
    Valid(
        "a diagonal matrix",
        COLUMNS.replace(
            "da = (dh_out[t] + dh_next) * (1 - h[t + 1] ** 2)",
            "da = np.diag(1 - h[t + 1] ** 2) @ (dh_out[t] + dh_next)",
        ),
    ),
)

INVALID = (
    Invalid(
        "columns",
        COLUMNS.replace(
            "(dh_out[t] + dh_next) * (1 - h[t + 1] ** 2)", "(dh_out[t] + dh_next) @ (1 - h[t + 1] ** 2).T"
        ),
        lines=(13,),
    ),
    Invalid(
        "a class with batch first",
        BATCH_CLASS.replace(
            "(dh[:, t] + carry) * (1 - self.h[t + 1] ** 2)", "(dh[:, t] + carry).dot(1 - self.h[t + 1] ** 2)"
        ),
        lines=(15,),
    ),
    Invalid(
        "states in a dict",
        DICT.replace("(1 - hs[t] * hs[t]) * dh", "np.dot(1 - hs[t] * hs[t], dh.T)"),
        lines=(12,),
    ),
)
