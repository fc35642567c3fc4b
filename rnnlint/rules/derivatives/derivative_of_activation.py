"""RNN203: a helper of the pre-activation is given the activation, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Wrong
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.derivatives.wording import (
    WRONG_QUANTITY,
    factors_in_file,
    kept_value,
    kind_of,
    replacement,
    slope_text,
    symbol_of,
)
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN203", "derivative-of-activation", severity=Severity.ERROR, needs="what the helper computes")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """A derivative is taken at a gate's output by a helper that expects its input, or the other way round.

    ## What it does

    Evaluates the factor where φ′(a) belongs as a function of the pre-activation a. Where it is φ′(φ(a)), the
    helper applies the nonlinearity itself and was given a value that already went through it; where it is φ′
    in the words of the output but was given a, the other way round.

    ## Why it is wrong

    With o = σ(a) the slope is σ′(a) = o(1 − o). A helper that computes σ(x)(1 − σ(x)) from x, given o,
    returns σ′(σ(a)): for every gate a number near 0.2, whatever the gate does. For tanh it is 1 −
    tanh²(tanh(a)).

    ## Example

    ```python
    do = sigmoid(o[t], derivative=True) * do     # o[t] is sigmoid(a) already
    ```

    ## Use instead

    ```python
    do = o[t] * (1 - o[t]) * do
    ```

    ## When it is right

    Helpers of the kind x(1 − x) and 1 − x² want the output, and are right with it. The helper's body is
    evaluated; its name decides nothing.

    ## Fix safety

    The fix writes the slope in the words of the kept value. It is safe only after the numeric check.
    """
    for each, node in factors_in_file(bptt, Wrong.OF_ACTIVATION):
        symbol, text = symbol_of(kind_of(each)), bptt.module.text_of(node)
        kept = kept_value(bptt, each, node)
        right = slope_text(kind_of(each), kept) if kept else None
        given = (
            f"`{kept}` already went through {symbol}, so `{text}` is {symbol}′({symbol}(a)), not "
            f"{symbol}′(a)."
            if kept
            else f"`{text}` is not {symbol}′ at the value it is given: it wants the other side of {symbol}."
        )
        yield Report(
            node,
            given + (f" Use `{right}`." if right else ""),
            remark="applied twice" if kept else "of the other side",
            fix=replacement(bptt, node, right) if right else None,
            group=WRONG_QUANTITY,
        )


VALID = (
    Valid("the slope in the words of the output", LSTM),
    Valid(
        "a helper of the output given the output",
        lstm(
            tanh_slope="1 - x ** 2",
            dC="dC_next + dh * o[t] * (1 - tanh(C[t]) ** 2)",
            dg="dC * i[t] * tanh(g[t], derivative=True)",
        ),
    ),
)

INVALID = (
    Invalid(
        "helpers of the pre-activation given the gate",
        lstm(
            do="dh * tanh(C[t]) * sigmoid(o[t], derivative=True)",
            dg="tanh(g[t], derivative=True) * dC * i[t]",
        ),
        lines=(40, 42),
        fixed=lstm(
            do="dh * tanh(C[t]) * o[t] * (1 - o[t])",
            dg="(1 - g[t] ** 2) * dC * i[t]",
        ),
    ),
)
