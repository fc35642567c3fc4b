from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.accumulators import Overwritten, overwritten_gradients
from rnnlint.model.backward import BackwardPass
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS, DICT
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN301", "overwritten-gradient", severity=Severity.ERROR, needs="the loop over time, and what it sums")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """A parameter's gradient is set anew at every step instead of being summed.

    ## What it does
    Reports an assignment to the gradient of a weight or bias inside the loop over time, where nothing in the
    loop reads it and it is used after the loop.

    ## Why it is wrong
    The same W acts at every step, so L depends on it through each of them: dW = Σ_t δ_t z_tᵀ. An assignment
    keeps the last round of the loop, which is step t = 0 alone.

    ## Example
    ```python
    for t in reversed(range(T)):
        dW = delta @ z[t].T
    ```

    ## Use instead
    ```python
    for t in reversed(range(T)):
        dW += delta @ z[t].T
    ```

    ## When it is right
    Where the loop hands each step's gradient on, to a sum, a list or an update; the rule is silent there.

    ## Fix safety
    Offered where the gradient has a value before the loop. It changes the gradient, so it is safe only after
    the numeric check has verified it.
    """
    for each in overwritten_gradients(bptt):
        statement = each.binding.statement
        name = bptt.module.text_of(each.binding.target)
        yield Report(
            each.binding.target if isinstance(each.binding.target, tree.Name) else statement,
            f"{name} is set anew at every step, so only the last round of the loop, step 0, remains. The "
            "weight acts at every step: its gradient is the sum over t. Use +=.",
            remark="only one step remains",
            fix=_summed(bptt, each),
        )


def _summed(bptt: BackwardPass, overwritten: Overwritten) -> FixDraft | None:
    match overwritten.binding.statement:
        case tree.Assign(targets=(target,), value=value) as statement if overwritten.initialised:
            if not isinstance(target, tree.Sequence):
                text = f"{bptt.module.text_of(target)} += {bptt.module.text_of(value)}"
                return FixDraft.replace(statement, text)
    return None


VALID = (
    Valid("columns", COLUMNS),
    Valid("a class with batch first", BATCH_CLASS),
    Valid("entries of a dict", DICT),
    Valid("a sum written out", COLUMNS.replace("dW += da", "dW = dW + da")),
    Valid(
        "each step's gradient handed on",
        COLUMNS.replace("dW += da @ h[t].T", "dW = da @ h[t].T; dW_sum += dW")
        .replace("dh_next = np", "dW_sum = np.zeros_like(W)\n    dh_next = np")
        .replace("return dW,", "return dW_sum,"),
    ),
    Valid(
        "each step's gradient applied",
        COLUMNS.replace("dW += da @ h[t].T", "dW = da @ h[t].T; W_new -= 0.1 * dW"),
    ),
)

INVALID = (
    Invalid(
        "columns",
        COLUMNS.replace("dW += da", "dW = da"),
        lines=(14,),
        fixed=COLUMNS,
    ),
    Invalid(
        "a class with batch first",
        BATCH_CLASS.replace("self.db += da", "self.db = da"),
        lines=(18,),
        fixed=BATCH_CLASS,
    ),
    Invalid(
        "entries of a dict",
        DICT.replace('grads["dWhh"] += np', 'grads["dWhh"] = np'),
        lines=(14,),
        fixed=DICT,
    ),
)
