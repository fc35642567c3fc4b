from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.gradient_lifetimes import unreset_accumulations
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN309", "never-reset-accumulator", severity=Severity.WARNING, needs="every file of the project")
def check(code: RecurrentCode) -> Iterator[Report]:
    """Gradients add up from one call of backward to the next, and nothing sets them back.

    ## What it does
    Reports `self.dW += ...` in a backward method where neither the class nor any file of the project ever
    sets the attribute to zero again, or where the method that does is called by the constructor alone.

    ## Why it is wrong
    Within one pass the sum over t is right. From the second call on it starts from the first call's
    gradient, so every update repeats all the updates before it.

    ## Example
    ```python
    def backward(self, dh):
        self.dW += delta @ z.T        # set to zero in __init__ alone
    ```

    ## Use instead
    ```python
    def backward(self, dh):
        self.dW = np.zeros_like(self.W)
        ...
        self.dW += delta @ z.T
    ```
    or a method `zero_grad`, called before each pass.

    ## When it is right
    Where gradients are gathered over several batches on purpose and set back by code outside of the project.

    ## Fix safety
    There is no fix: whether the pass or its caller sets them back is yours to say.
    """
    for each in unreset_accumulations(code):
        yield Report(
            each.statement,
            f"{each.name} adds up from call to call: it is set to zero when the object is made and never "
            "again. From the second call on it holds the gradients of all calls before. Set it to zero "
            "before each pass.",
            remark="never set back to zero",
        )


_ONLY_IN_INIT = """\
import numpy as np

class RNNCell:
    def __init__(self, H, D):
        self.W, self.U = np.random.randn(H, H) * 0.1, np.random.randn(H, D) * 0.1
        self.dW, self.dU = np.zeros((H, H)), np.zeros((H, D))

    def backward(self, dh, x, h_prev, h):
        da = dh * (1 - h ** 2)
        self.dW += np.dot(da.T, h_prev)
        self.dU += np.dot(da.T, x)
        return np.dot(da, self.W), np.tanh(0)
"""
_ENTRIES = """\
import numpy as np

class LSTMLayer:
    def __init__(self, H, Z):
        self.params = {"W": np.random.randn(H, Z) * 0.1}
        self.grads = {"dW": np.zeros((H, Z))}

    def backward(self, dh, z, c):
        delta = dh * (1 - np.tanh(c) ** 2)
        self.grads["dW"] += np.dot(delta, z.T)
        return np.dot(self.params["W"].T, delta)
"""

VALID = (
    Valid("set in the pass", BATCH_CLASS),
    Valid("local to the pass", COLUMNS),
    Valid(
        "a method that sets back",
        _ONLY_IN_INIT + "\n    def zero_grad(self):\n        self.dW = self.dU = 0\n",
    ),
    Valid(
        "set back by a caller",
        _ONLY_IN_INIT,
        files={"train.py": "from program import RNNCell\n\ncell = RNNCell(2, 3)\ncell.dW = cell.dU = 0\n"},
    ),
    Valid(
        "entries of a dict that is made anew", _ENTRIES + "\n    def step(self):\n        self.grads = {}\n"
    ),
)

INVALID = (
    Invalid("attributes", _ONLY_IN_INIT, lines=(10,)),
    Invalid("entries of a dict", _ENTRIES, lines=(10,)),
    Invalid(
        "columns, with a caller that only applies them",
        _ONLY_IN_INIT.replace("np.dot(da.T, h_prev)", "da @ h_prev.T").replace("np.dot(da.T, x)", "da @ x.T"),
        lines=(10,),
        files={"train.py": "from program import RNNCell\n\ncell = RNNCell(2, 3)\ncell.W -= 0.1 * cell.dW\n"},
    ),
)
