"""RNN206: one gate's δ in another gate's gradient."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Discrepancy, Wrong
from rnnlint.model.terms import Op
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN206", "wrong-gate", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The δ of one gate goes into the weights or the bias of another.

    ## What it does

    Compares each δ with what the gate asks for whose weight or bias it meets. Where it is, by value, the
    right δ of another gate, the two are mixed up.

    ## Why it is wrong

    dW_i = δi zᵀ and db_i = δi: each gate learns from its own δ. The shapes of all gates agree, so nothing
    fails.

    ## Example

    ```python
    db_i += df
    ```

    ## Use instead

    ```python
    db_i += di
    ```

    ## When it is right

    Where two gates share their value (a coupled forget gate f = 1 − i), their δ's may be one and the same up
    to sign; the comparison is by value, so that is not reported.

    ## Fix safety

    There is no fix: the rule knows whose δ it is, not the name of the right one.
    """
    for each in bptt.discrepancies:
        if each.wrong is not Wrong.GATE or each.other_gate is None:
            continue
        place = _place(bptt, each)
        if place is None or not bptt.module.holds(place):
            continue
        yield Report(
            place,
            f"`{bptt.module.text_of(place)}` takes the δ of another gate: its nonlinearity and its "
            "partner are not those "
            "of the gate whose parameter this is. Each gate's weights and bias take its own δ.",
            remark="another gate's delta",
        )


def _place(bptt: BackwardPass, each: Discrepancy) -> tree.Node | None:
    """The statement that mixes them up: where δ's are stacked in the wrong order, or where one is used."""
    if each.use is not None and each.use.op is Op.STACK and each.use.origin is not None:
        return bptt.module.statement_of(each.use.origin) if bptt.module.holds(each.use.origin) else None
    uses = (delta.binding for delta in bptt.deltas if delta.gate == each.gate and delta.term == each.delta)
    return next((binding.statement for binding in uses if binding is not None), None)


VALID = (Valid("each gate its own", LSTM),)

INVALID = (Invalid("a bias from the neighbour's delta", lstm(db_i="df"), lines=(50,)),)
