"""RNN204: a factor that is no derivative of the gate's nonlinearity."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Wrong
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.derivatives.wording import (
    WRONG_QUANTITY,
    kind_of,
    slope_text,
    symbol_of,
    uses_in_file,
)
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule(
    "RNN204",
    "wrong-derivative",
    severity=Severity.ERROR,
    needs="what the helper computes, and the forward pass",
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The factor where a nonlinearity's derivative belongs is another function.

    ## What it does

    Evaluates the factor between an adjoint and a gate's δ, or between dh and dC, and compares it with the
    slope of the nonlinearity that the forward pass applied there. Rules 201, 202, 203 and 205 name the common
    mistakes; this one has the rest.

    ## Why it is wrong

    ∂h/∂C = o ⊙ (1 − tanh²(C)): `1 - C ** 2` is the slope of tanh only in the words of its output. `s * (1 -
    s)` is the slope of σ; on a gate that went through tanh it is another function, negative for half of its
    values.

    ## Example

    ```python
    dC = dC_next + dh * o * (1 - C ** 2)
    ```

    ## Use instead

    ```python
    dC = dC_next + dh * o * (1 - np.tanh(C) ** 2)
    ```

    ## When it is right

    A constant factor is not looked at. Where the forward pass uses another nonlinearity, its own slope is
    asked for.

    ## Fix safety

    There is no fix: what was meant cannot be told from the factor.
    """
    for each, node in uses_in_file(bptt, Wrong.OTHER):
        symbol, text = symbol_of(kind_of(each)), bptt.module.text_of(node)
        yield Report(
            node,
            f"`{text}` is not the derivative of {symbol}, which the forward pass applies here: with y "
            f"= {symbol}(x) the "
            f"factor is {slope_text(kind_of(each), 'y')}.",
            remark=f"not {symbol}'",
            group=WRONG_QUANTITY,
        )


VALID = (Valid("every slope its own nonlinearity's", LSTM),)

INVALID = (
    Invalid(
        "the cell state for its tanh",
        lstm(dC="dC_next + dh * o[t] * (1 - C[t] ** 2)"),
        lines=(41,),
    ),
    Invalid(
        "sigma's slope on a tanh gate",
        lstm(dg="dC * i[t] * g[t] * (1 - g[t])"),
        lines=(42,),
    ),
)
