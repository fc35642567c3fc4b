from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.array_sharing import SharedBuffer, shared_buffers
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module


@rule(
    "RNN302",
    "aliased-buffers",
    severity=Severity.ERROR,
    needs="that two names of the array are written in place",
)
def check(code: RecurrentCode) -> Iterator[Report]:
    """Two buffers are one and the same array.

    ## What it does
    Reports `dW_f = dW_i = np.zeros(...)`, and `c = a` after `a = np.zeros(...)`, where both names are then
    written in place.

    ## Why it is wrong
    An assignment in Python gives an array another name; it makes no second one. What is added to the one
    gradient is added to the other too: both become dW_f + dW_i. States that share an array overwrite each
    other at every step.

    ## Example
    ```python
    dW_f = dW_i = np.zeros_like(W_f)
    ```

    ## Use instead
    ```python
    dW_f, dW_i = np.zeros_like(W_f), np.zeros_like(W_f)
    ```

    ## When it is right
    Where each name is given an array of its own before it is written; the rule is silent there.

    ## Fix safety
    It changes results, so it is safe only after the numeric check has verified it.
    """
    for block in code.blocks:
        for each in shared_buffers(block):
            names = " and ".join(each.written)
            yield Report(
                each.statement,
                f"{names} are one array under two names: what is written into the one stands in the "
                "other. Make an array for each.",
                remark="one array, two names",
                fix=_an_array_each(code.module, each),
            )


def _an_array_each(module: Module, shared: SharedBuffer) -> FixDraft:
    statement, value = shared.statement, module.text_of(shared.value)
    if isinstance(shared.value, tree.Call) and len(statement.targets) > 1:
        names = ", ".join(module.text_of(target) for target in statement.targets)
        return FixDraft.replace(statement, f"{names} = {', '.join([value] * len(statement.targets))}")
    return FixDraft.replace(shared.value, f"{value}.copy()")


VALID = (
    Valid("columns", COLUMNS),
    Valid("a class with batch first", BATCH_CLASS),
    Valid(
        "given arrays of their own before",
        COLUMNS.replace(
            "dh_next = np.zeros",
            "dW = dU = np.zeros(1)\n    dW, dU = np.zeros_like(W), np.zeros_like(U)\n    dh_next = np.zeros",
        ),
    ),
    Valid(
        "numbers",
        COLUMNS.replace(
            "dh_next = np.zeros_like(h[-1])", "loss = total = 0\n    loss += 1; total += 1; dh_next = 0"
        ),
    ),
    Valid("one of them only read", COLUMNS.replace("dh_next = np.zeros", "first = dh_next = np.zeros")),
)

INVALID = (
    Invalid(
        "columns",
        COLUMNS.replace(
            "dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)",
            "dW = dU = np.zeros_like(W); db = 0 * b",
        ),
        lines=(10,),
        fixed=COLUMNS.replace(
            "dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)",
            "dW, dU = np.zeros_like(W), np.zeros_like(W); db = 0 * b",
        ),
    ),
    Invalid(
        "attributes",
        BATCH_CLASS.replace(
            "self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)",
            "self.dWx = self.dWh = np.zeros_like(self.Wx)",
        ),
        lines=(11,),
        fixed=BATCH_CLASS.replace(
            "self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)",
            "self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wx)",
        ),
    ),
    Invalid(
        "states, and a dict of parameters",
        """\
import numpy as np

def lstm_forward(x, a0, parameters):
    a = np.zeros((5, 10, x.shape[2]))
    c = a
    a_next, c_next = a0, np.zeros_like(a0)
    for t in range(x.shape[2]):
        z = np.concatenate((a_next, x[:, :, t]))
        c_next = c_next + np.tanh(np.dot(parameters["Wc"], z))
        a_next = np.tanh(c_next)
        a[:, :, t] = a_next
        c[:, :, t] = c_next
    return a, c
""",
        lines=(5,),
        fixed="""\
import numpy as np

def lstm_forward(x, a0, parameters):
    a = np.zeros((5, 10, x.shape[2]))
    c = a.copy()
    a_next, c_next = a0, np.zeros_like(a0)
    for t in range(x.shape[2]):
        z = np.concatenate((a_next, x[:, :, t]))
        c_next = c_next + np.tanh(np.dot(parameters["Wc"], z))
        a_next = np.tanh(c_next)
        a[:, :, t] = a_next
        c[:, :, t] = c_next
    return a, c
""",
    ),
)
