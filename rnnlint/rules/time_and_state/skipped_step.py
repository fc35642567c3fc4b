"""RNN107: the backward pass leaves out a step."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import skipping_loops
from rnnlint.rules.derivatives.cases import LSTM
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN107", "skipped-step", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The backward pass leaves out a step that the forward pass took.

    ## What it does

    Compares the steps that the two loops take. `range(1, T)` on sequences that the forward pass filled from 0
    on leaves out the first step.

    ## Why it is wrong

    Every step has its share in the gradient: dW = Σ_t δ_t z_tᵀ. The first step reads the initial state, and
    with a batch of short sequences it is a large share.

    ## Example

    ```python
    for t in reversed(range(1, T)):
    ```

    ## Use instead

    ```python
    for t in reversed(range(T)):
    ```

    ## When it is right

    `range(1, T + 1)` with states that are stored from 1 on takes all T steps. Truncation by a named limit, as
    in `range(max(0, t - limit), t)`, is meant, and silent.

    ## Fix safety

    There is no fix: the body may not be ready for the first step.
    """
    for loop, count in skipping_loops(bptt):
        head = loop.statement.iterable if isinstance(loop.statement, tree.For) else loop.statement.test
        if bptt.module.holds(head):
            which = "the first step" if count == 1 else f"the first {count} steps"
            yield Report(
                head,
                f"The backward pass leaves out {which}, which the forward pass took: dW = Σ_t "
                "δ_t z_tᵀ is a sum over all "
                "of them. Walk down to 0.",
                remark=f"without {which}",
            )


VALID = (Valid("all steps", LSTM),)

INVALID = (
    Invalid(
        "from one on", LSTM.replace("reversed(range(len(xs)))", "reversed(range(1, len(xs)))"), lines=(36,)
    ),
)
