"""RNN111: the carry is added before a factor that it must not have."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Wrong
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.derivatives.wording import node_of
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN111", "carry-added-at-wrong-node", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The carried adjoint is added at another node of the graph than the one it belongs to.

    ## What it does

    Compares what a carry is multiplied with on its way to each gate with the paths of the forward pass from
    the state it is the adjoint of. A factor too many says that it was added too early.

    ## Why it is wrong

    dC_next is the adjoint of C_t itself: dC = dC_next + dh ⊙ o ⊙ (1 − tanh²(C)). Added to dh, or inside the
    brackets before the slope, it is multiplied with o or with the slope of a tanh that it never went through.

    ## Example

    ```python
    dC = (dC_next + dh * o) * (1 - np.tanh(C) ** 2)
    ```

    ## Use instead

    ```python
    dC = dC_next + dh * o * (1 - np.tanh(C) ** 2)
    ```

    ## When it is right

    dh_next is the adjoint of h_t and belongs into dh, before o and the slope.

    ## Fix safety

    There is no fix: brackets have to move.
    """
    seen: set[int] = set()
    for each in bptt.discrepancies:
        node = node_of(bptt, each) if each.wrong is Wrong.NODE else None
        statement = bptt.module.statement_of(node) if node is not None else None
        if node is None or statement is None or id(statement) in seen:
            continue
        seen.add(id(statement))
        place = statement.value if isinstance(statement, tree.Assign | tree.AugmentedAssign) else statement
        yield Report(
            place,
            "The carried adjoint of the cell state is multiplied with "
            f"`{bptt.module.text_of(node)}` here: it is the "
            "adjoint of C itself, so dC = dC_next + dh ⊙ o ⊙ (1 − tanh²(C)), added after every factor.",
            remark="added too early",
        )


VALID = (Valid("added to dC", LSTM),)

INVALID = (
    Invalid(
        "inside the brackets",
        lstm(dC="(dC_next + dh * o[t]) * tanh(C[t], derivative=True)"),
        lines=(41,),
    ),
)
