from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.model.training_setup import learning_rates
from rnnlint.rules.registry import Invalid, Report, Valid, rule

_ADAPTIVE = re.compile(
    r"adagrad|adam\b|adamw?_|adam[A-Z]|rms_?prop|adadelta|sqrt\([^)\n]*(mem|cache|1e-)", re.IGNORECASE
)
_LARGE = 0.1


@rule("RNN502", "aggressive-learning-rate", severity=Severity.ADVICE)
def check(code: RecurrentCode) -> Iterator[Report]:
    """Plain gradient descent on a recurrent network with a learning rate of 0.1 or more.

    ## What it does
    Reports a learning rate of 0.1 and up where the project has no optimizer that scales each step.

    ## Why it is wrong
    The gradient of a recurrent network is a sum over all steps of the sequence, and now and then one
    sequence's is a hundred times another's. A step of 0.1 times that leaves the region where the gradient
    said anything; the loss then jumps about or becomes NaN.

    ## Example
    ```python
    lr = 1e-1
    for p, d in zip(params, grads):
        p -= lr * d
    ```

    ## Use instead
    ```python
    lr = 1e-2
    ```
    or Adam or Adagrad, which divide each step by the size of the gradients so far.

    ## When it is right
    With Adagrad 0.1 is usual; the rule is silent where the project holds such an optimizer. For averaged
    losses over long sequences larger rates may work.

    ## Fix safety
    There is no fix: the rate that works is found by trying.
    """
    if any(_ADAPTIVE.search(source.text) for source in code.program.project.files.values()):
        return
    for block in code.blocks:
        for rate in learning_rates(block):
            if rate.number.value >= _LARGE:
                yield Report(
                    rate.number,
                    f"A learning rate of {code.module.text_of(rate.number)} with plain gradient descent: "
                    "the gradient of a recurrent network is a sum over all steps, and now and then a "
                    "very large one. Use 0.01, or Adam.",
                    remark="use 0.01, or Adam",
                )


_USE = """\

def rnn_step(x, h_prev, W, U):
    return np.tanh(np.dot(W, h_prev) + np.dot(U, x))
"""

VALID = (
    Valid("small", "import numpy as np\n\nlr = 1e-2\n" + _USE),
    Valid(
        "Adagrad",
        "import numpy as np\n\nlearning_rate = 1e-1\n\ndef update(W, dW, mem):\n    mem += dW * dW\n"
        "    W -= learning_rate * dW / np.sqrt(mem + 1e-8)\n" + _USE,
    ),
    Valid("not a rate", "import numpy as np\n\nclip = 5\nlr_steps = 10\n" + _USE),
)

INVALID = (
    Invalid("assigned", "import numpy as np\n\nlr = 1e-1\n" + _USE, lines=(3,)),
    Invalid(
        "a default and an attribute",
        "import numpy as np\n\nclass RNN:\n    def __init__(self, learning_rate=0.5):\n"
        "        self.eta = 0.1\n        self.rate = learning_rate\n" + _USE,
        lines=(4, 5),
    ),
    Invalid(
        "an argument, parameters in a dict",
        'import numpy as np\n\ndef train(params, grads):\n    sgd(params["W"], grads["W"], lr=1)\n' + _USE,
        lines=(4,),
    ),
)
