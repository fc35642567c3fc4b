"""RNN201: the slope is taken at a value that went through the nonlinearity inside the call."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Wrong
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.derivatives.wording import WRONG_QUANTITY, factors_in_file, kind_of, symbol_of
from rnnlint.rules.registry import FixDraft, Invalid, Replacement, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN201", "nonlinearity-twice", severity=Severity.ERROR, needs="what the helper computes")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """A nonlinearity's derivative is taken at a value that went through it inside the same call.

    ## What it does

    Evaluates the factor where tanh′(C) or σ′(a) belongs. Where it is the slope at φ(x) instead of at x, and
    φ(x) is written out inside it, the nonlinearity is applied twice.

    ## Why it is wrong

    h = o ⊙ tanh(C), so ∂h/∂C = o ⊙ (1 − tanh²(C)). A helper that computes 1 − tanh²(x) from x, given tanh(C),
    returns 1 − tanh²(tanh(C)): at C = 2 that is 0.44 where 0.07 is right.

    ## Example

    ```python
    dC = dC_next + dh * o * tanh(tanh(C), derivative=True)
    ```

    ## Use instead

    ```python
    dC = dC_next + dh * o * tanh(C, derivative=True)
    ```

    ## When it is right

    With a helper that computes 1 − x² from the kept value, `tanh(tanh(C), derivative=True)` is right. The
    helper's body is evaluated; its name decides nothing.

    ## Fix safety

    The fix takes the inner call away. It changes the gradient, so it is safe only after the numeric check.
    """
    for each, node in factors_in_file(bptt, Wrong.NESTED):
        symbol = symbol_of(kind_of(each))
        text = bptt.module.text_of(node)
        inner = _inner_call(node)
        right = None
        if inner is not None:
            right = text.replace(bptt.module.text_of(inner), bptt.module.text_of(inner.arguments[0]), 1)
        yield Report(
            node,
            f"`{text}` applies {symbol} twice: it is {symbol}′({symbol}(x)), and the equation asks "
            f"for {symbol}′(x)." + (f" Use `{right}`." if right else ""),
            remark="applied twice",
            fix=_unwrapped(bptt, inner) if inner is not None else None,
            group=WRONG_QUANTITY,
        )


def _inner_call(node: tree.Expression) -> tree.Call | None:
    """The call whose result is the first argument of another, where it has that one argument alone."""
    for each in node.walk():
        match each:
            case tree.Call(arguments=(tree.Call(arguments=(_,), keywords=()) as inner, *_)):
                return inner
    return None


def _unwrapped(bptt: BackwardPass, inner: tree.Call) -> FixDraft:
    """Takes away what stands around the argument, and leaves the argument to other fixes."""
    span = bptt.module.span
    whole, kept = span(inner), span(inner.arguments[0])
    before = type(whole)(whole.line, whole.column, kept.line, kept.column)
    after = type(whole)(kept.end_line, kept.end_column, whole.end_line, whole.end_column)
    text = bptt.module.text_of(inner.arguments[0])
    return FixDraft(f"Give it `{text}`.", (Replacement(before, ""), Replacement(after, "")))


VALID = (
    Valid("the slope at the cell state", LSTM),
    Valid(
        "a helper of the kept value, given the kept value",
        lstm(
            tanh_slope="1 - x ** 2",
            dC="dC_next + dh * o[t] * tanh(tanh(C[t]), derivative=True)",
            dg="dC * i[t] * tanh(g[t], derivative=True)",
        ),
    ),
)

INVALID = (
    Invalid(
        "tanh inside its own derivative",
        lstm(dC="dC_next + dh * o[t] * tanh(tanh(C[t]), derivative=True)"),
        lines=(41,),
        fixed=lstm(dC="dC_next + dh * o[t] * tanh(C[t], derivative=True)"),
    ),
)
