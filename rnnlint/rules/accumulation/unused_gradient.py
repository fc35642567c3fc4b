from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.gradient_lifetimes import forgotten_gradients, lost_updates
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN305", "unused-gradient", severity=Severity.WARNING, needs="the function's own reads")
def check(code: RecurrentCode) -> Iterator[Report]:
    """A gradient is computed and reaches no parameter.

    ## What it does
    Reports a parameter's gradient in a local variable that nothing reads: neither returned, nor stored, nor
    applied. Reports too an update that rebinds a loop's variable, `p = p - lr * d`, and leaves the parameter
    as it was.

    ## Why it is wrong
    A parameter whose gradient goes nowhere keeps its first, random value, and the rest of the network trains
    around it: the loss falls, but less far.

    ## Example
    ```python
    for p, d in zip(params, grads):
        p = p - lr * d          # a new array; params still holds the old one
    ```

    ## Use instead
    ```python
    for p, d in zip(params, grads):
        p -= lr * d             # in place
    ```

    ## When it is right
    Where the gradient is computed to be looked at in a debugger.

    ## Fix safety
    There is no fix: where the gradient should go is yours to say.
    """
    for block in code.blocks:
        for forgotten in forgotten_gradients(block):
            yield Report(
                forgotten.statement,
                f"{forgotten.name} is computed and then forgotten: it is neither returned nor stored nor "
                "applied, so its parameter never changes.",
                remark="computed, then forgotten",
            )
        for lost in lost_updates(block):
            yield Report(
                lost.statement,
                f"This gives the loop's variable {lost.name} a new array and leaves the parameter as it "
                f"was. Update in place: {lost.name} -= ...",
                remark="the parameter keeps its value",
            )


_UPDATE = """\
def update(params, grads, lr):
    for param, grad in zip(params, grads):
        param -= lr * grad
"""

VALID = (
    Valid("returned", COLUMNS),
    Valid("attributes", BATCH_CLASS),
    Valid("applied in place", COLUMNS + "\n" + _UPDATE),
    Valid(
        "rebound and stored",
        COLUMNS
        + "\ndef update(params, grads, lr):\n    new = []\n    for p, d in zip(params, grads):\n"
        + "        p = p - lr * d\n        new.append(p)\n    return new\n",
    ),
    Valid(
        "changed in place in the list that is returned",
        COLUMNS.replace(
            "dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)",
            "grads = [np.zeros_like(each) for each in (W, U, b)]\n    dW, dU, db = grads",
        ).replace("return dW, dU, db", "return grads"),
    ),
    Valid(
        "changed in place, gate by gate",
        COLUMNS + "\ndef spread(deltas, x, dWi, dWf):\n    for delta, dW in zip(deltas, (dWi, dWf)):\n"
        "        dW += delta @ x.T\n",
    ),
    Valid("looked up by name", COLUMNS.replace("return dW, dU, db", "return locals()")),
)

INVALID = (
    Invalid("not returned", COLUMNS.replace("return dW, dU, db", "return dW, dU"), lines=(16,)),
    Invalid(
        "rebound, in a function",
        COLUMNS + "\n" + _UPDATE.replace("param -= lr * grad", "param = param - lr * grad"),
        lines=(22,),
    ),
    Invalid(
        "rebound, in a method over a dict",
        BATCH_CLASS
        + "\n    def step(self, lr):\n        for name, p, dp in self.everything():\n"
        + "            p = p - lr * dp\n",
        lines=(23,),
    ),
)
