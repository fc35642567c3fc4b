from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.mutations import Mutation, cotangent_mutations
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.accumulation.vanilla_cases import BATCH_CLASS, COLUMNS
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN312", "mutated-input", severity=Severity.WARNING, needs="that the array is still the caller's")
def check(code: RecurrentCode) -> Iterator[Report]:
    """A backward function changes the gradient or the cache that it is given.

    ## What it does
    Reports in-place statements of a backward function on an incoming gradient or a value that the forward
    pass kept, also under another name: `dy = probs[t]; dy[target] -= 1` writes into `probs`, whether that is
    a parameter, was unpacked from the cache, or is an attribute.

    ## Why it is wrong
    `+=` on an array writes into the caller's array. A caller that uses the gradient twice, for another layer
    or for the next step, gets the changed one; and a second backward pass over the same cache gives another
    result.

    ## Example
    ```python
    def lstm_step_backward(dnext_h, dnext_c, cache):
        dnext_c += dnext_h * o * (1 - np.tanh(c) ** 2)
    ```

    ## Use instead
    ```python
        dc = dnext_c + dnext_h * o * (1 - np.tanh(c) ** 2)
    ```

    ## When it is right
    Where no caller reads the array again. The first result is then right, which is why this is a warning.

    ## Fix safety
    Unsafe: a caller may rely on the change.
    """
    for block in code.blocks:
        for mutation in cotangent_mutations(block):
            yield Report(
                mutation.statement,
                f"This writes into {mutation.parameter}, which is not this function's own: read again, or "
                "in a second pass, it holds other values. Work on an array of your own.",
                remark=f"changes {mutation.parameter}",
                fix=_on_a_new_array(mutation),
            )


def _on_a_new_array(mutation: Mutation) -> FixDraft | None:
    module, statement = mutation.block.module, mutation.statement
    match statement:
        case tree.AugmentedAssign(target=tree.Name(id=name), operator=operator, value=value):
            return FixDraft.replace(statement, f"{name} = {name} {operator} {module.operand_text(value)}")
    return None


_STEP = """\
import numpy as np

def lstm_step_backward(dnext_h, dnext_c, cache):
    o, c, Wh, dWh, h_prev = cache
    dc = dnext_c + dnext_h * o * (1 - np.tanh(c) ** 2)
    dWh += h_prev.T @ dc
    return dc @ Wh.T, dc
"""

VALID = (
    Valid("a new array", _STEP),
    Valid("columns", COLUMNS),
    Valid("a class with batch first", BATCH_CLASS),
    Valid(
        "rebound first",
        _STEP.replace(
            "    dc = dnext_c +", "    dnext_c = dnext_c.copy()\n    dnext_c *= 1.0\n    dc = dnext_c +"
        ),
    ),
    Valid(
        "a copy, and numbers",
        "import numpy as np\n\ndef rnn_backward(probs, labels, cache):\n    counts, hs = cache\n"
        + "    dy = probs[0].copy()\n    dy -= 1\n    left = counts[0]\n    left -= 1\n"
        + "    return dy @ np.tanh(hs[0]).T, left\n",
    ),
    Valid(
        "a sum that is handed in to be added to",
        "import numpy as np\n\ndef rnn_backward(dh, h, dW, grads):\n    da = dh * (1 - np.tanh(h) ** 2)\n"
        "    dW += da @ h.T\n    grads['W'] += da @ h.T\n    return da\n",
    ),
)

INVALID = (
    Invalid(
        "the incoming gradient",
        _STEP.replace("dc = dnext_c + dnext_h", "dnext_c += dnext_h")
        .replace("@ dc", "@ dnext_c")
        .replace("dc @", "dnext_c @")
        .replace("T, dc", "T, dnext_c"),
        lines=(5,),
        fixed=_STEP.replace(
            "dc = dnext_c + dnext_h * o * (1 - np.tanh(c) ** 2)",
            "dnext_c = dnext_c + (dnext_h * o * (1 - np.tanh(c) ** 2))",
        )
        .replace("@ dc", "@ dnext_c")
        .replace("dc @", "dnext_c @")
        .replace("T, dc", "T, dnext_c"),
    ),
    Invalid(
        "the cached outputs, under another name",
        """\
import numpy as np

def rnn_backward(outputs, targets, h, V):
    dV = np.zeros_like(V)
    for t in reversed(range(len(outputs))):
        dv = outputs[t]
        dv[targets[t]] -= 1
        dV += dv @ np.tanh(h[t]).T
    return dV
""",
        lines=(7,),
    ),
    Invalid(
        "what the forward pass unpacked from its cache, and an attribute of it",
        """\
import numpy as np

class RNN:
    def forward(self, x):
        self.probs = np.tanh(x @ self.W)
        return self.probs, (x, self.probs)

    def backward(self, targets, cache):
        x, kept = cache
        for t in reversed(range(len(x))):
            dy = kept[t]
            dy -= targets[t]
            da = self.probs[t]
            da[targets[t]] -= 1
            yield dy @ x.T, da @ x.T
""",
        lines=(12, 14),
        fixed="""\
import numpy as np

class RNN:
    def forward(self, x):
        self.probs = np.tanh(x @ self.W)
        return self.probs, (x, self.probs)

    def backward(self, targets, cache):
        x, kept = cache
        for t in reversed(range(len(x))):
            dy = kept[t]
            dy = dy - targets[t]
            da = self.probs[t]
            da[targets[t]] -= 1
            yield dy @ x.T, da @ x.T
""",
    ),
    Invalid(
        "a method with batch first",
        """\
import numpy as np

class RNN:
    def backward(self, dout):
        dout *= 1 - np.tanh(self.a) ** 2
        return dout @ self.W.T
""",
        lines=(5,),
        fixed="""\
import numpy as np

class RNN:
    def backward(self, dout):
        dout = dout * (1 - np.tanh(self.a) ** 2)
        return dout @ self.W.T
""",
    ),
)
