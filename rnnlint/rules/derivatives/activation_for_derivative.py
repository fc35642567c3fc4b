"""RNN202: the activation itself where its derivative belongs."""

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


@rule("RNN202", "activation-for-derivative", severity=Severity.ERROR, needs="what the helper computes")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The activation stands where its derivative belongs.

    ## What it does

    Evaluates the factor between a gate's adjoint and its δ. Where it is φ of something instead of φ′, it is
    the plain activation: the derivative was forgotten, often by leaving out `derivative=True`.

    ## Why it is wrong

    f = σ(a) gives ∂f/∂a = f(1 − f), so δf = dC ⊙ C_{t−1} ⊙ f(1 − f). Another σ in that place lies between 0.5
    and 0.73 and points nowhere near the slope.

    ## Example

    ```python
    df = sigmoid(f[t]) * df
    ```

    ## Use instead

    ```python
    df = f[t] * (1 - f[t]) * df
    ```

    ## When it is right

    A partner in the equations may be an activation: δo has the factor tanh(C_t). The rule looks at the factor
    that the equation asks to be a slope, and at no other.

    ## Fix safety

    The fix writes the slope in the words of the kept value. It is safe only after the numeric check.
    """
    for each, node in factors_in_file(bptt, Wrong.ACTIVATION):
        symbol, text = symbol_of(kind_of(each)), bptt.module.text_of(node)
        kept = kept_value(bptt, each, node)
        right = slope_text(kind_of(each), kept) if kept else None
        yield Report(
            node,
            f"`{text}` is the activation {symbol}, not its derivative: with y = {symbol}(a) the factor is "
            f"{slope_text(kind_of(each), 'y')}." + (f" Use `{right}`." if right else ""),
            remark="not a derivative",
            fix=replacement(bptt, node, right) if right else None,
            group=WRONG_QUANTITY,
        )


VALID = (Valid("every gate with its derivative", LSTM),)

INVALID = (
    Invalid(
        "a helper called without its derivative flag",
        lstm(df="dC * C[t - 1] * sigmoid(f[t])"),
        lines=(44,),
        fixed=lstm(df="dC * C[t - 1] * f[t] * (1 - f[t])"),
    ),
    Invalid(
        "the kept value itself",
        lstm(di="i[t] * dC * g[t]"),
        lines=(43,),
        fixed=lstm(di="i[t] * (1 - i[t]) * dC * g[t]"),
    ),
)
