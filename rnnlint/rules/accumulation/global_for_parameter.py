from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.global_reads import globals_for_parameters
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule


@rule("RNN313", "global-for-parameter", severity=Severity.WARNING, needs="the file's own variables")
def check(code: RecurrentCode) -> Iterator[Report]:
    """A function reads a variable of the file instead of the parameter it was given.

    ## What it does
    Reports a function that never reads one of its parameters and reads a variable of the file with the same
    or nearly the same name.

    ## Why it is wrong
    The function then answers for the file's variable, whatever it is called with: a gradient check perturbs
    the parameter and sees no change, and the second batch is trained on the first one's targets.

    ## Example
    ```python
    def backward(outputs, target_seq):
        dv = outputs[t] - targets[t]        # a variable of the file
    ```

    ## Use instead
    ```python
        dv = outputs[t] - target_seq[t]
    ```

    ## When it is right
    Where the parameter is there for the sake of an interface.

    ## Fix safety
    Unsafe: it changes what the function computes.
    """
    for each in globals_for_parameters(code):
        yield Report(
            each.node,
            f"{each.name} is the file's variable; the parameter {each.parameter} is never read. Whatever "
            f"the function is called with, it answers for {each.name}.",
            remark=f"{each.parameter} is never read",
            fix=FixDraft.replace(each.node, each.parameter),
        )


_SCRIPT = """\
import numpy as np

inputs, targets = np.eye(3), np.eye(3)
W = np.random.randn(3, 3) * 0.1

def rnn_backward(outputs, h_prev, target_seq, W):
    dW = np.zeros_like(W)
    for t in reversed(range(len(outputs))):
        dv = outputs[t] - target_seq[t]
        dW += np.outer(dv, np.tanh(h_prev[t]))
    return dW
"""

VALID = (
    Valid("its own parameter", _SCRIPT),
    Valid(
        "a constant of the file",
        _SCRIPT.replace("W = np.random", "scale = 2\nW = np.random").replace(
            "dv = outputs[t]", "dv = scale * outputs[t]"
        ),
    ),
    Valid(
        "a global without a partner",
        _SCRIPT.replace("target_seq, W", "mask, W").replace("target_seq", "targets"),
    ),
)

INVALID = (
    Invalid(
        "targets",
        _SCRIPT.replace("outputs[t] - target_seq", "outputs[t] - targets"),
        lines=(9,),
        fixed=_SCRIPT,
    ),
    Invalid(
        "weights in a dict",
        "import numpy as np\n\nparameters = {'Wa': np.eye(3)}\n\ndef rnn_forward(x, h_prev, parameter):\n"
        "    return np.tanh(np.dot(parameters['Wa'], x + h_prev))\n",
        lines=(6,),
        fixed="import numpy as np\n\nparameters = {'Wa': np.eye(3)}\n\n"
        "def rnn_forward(x, h_prev, parameter):\n"
        "    return np.tanh(np.dot(parameter['Wa'], x + h_prev))\n",
    ),
    Invalid(
        "a method",
        "import numpy as np\n\nW_f = np.eye(3)\n\nclass LSTM:\n    def gate(self, z, Wf):\n"
        "        return np.tanh(W_f @ z) * 2\n",
        lines=(7,),
        fixed="import numpy as np\n\nW_f = np.eye(3)\n\nclass LSTM:\n    def gate(self, z, Wf):\n"
        "        return np.tanh(Wf @ z) * 2\n",
    ),
)
