from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.model.training_setup import Start, initialisations
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN507", "unscaled-init", severity=Severity.ADVICE)
def check(code: RecurrentCode) -> Iterator[Report]:
    """A matrix of weights starts with random numbers that nothing scales down.

    ## What it does
    Reports a weight matrix that is drawn by `randn`, `rand` or the like, without a factor, a divisor or a
    width.

    ## Why it is wrong
    A pre-activation a = W z is a sum over n inputs: with entries of variance 1 it has variance n, so for n =
    100 most gates start saturated, where σ′ and tanh′ are near 0 and no gradient passes. And a recurrent
    matrix of spectral radius above 1 makes the gradient grow from step to step.

    ## Example
    ```python
    W_f = np.random.randn(hidden_size, z_size)
    ```

    ## Use instead
    ```python
    W_f = np.random.randn(hidden_size, z_size) / np.sqrt(z_size)
    ```

    ## When it is right
    For very small layers, or where the weights are made orthogonal afterwards.

    ## Fix safety
    There is no fix: the number of inputs is the one axis or the other, as the layout has it.
    """
    for block in code.blocks:
        weights = [each for each in initialisations(block) if each.is_weight and not each.is_scaled]
        found = [each for each in weights if each.start is Start.RANDOM]
        if found:
            names = ", ".join(dict.fromkeys(each.name for each in found))
            yield Report(
                found[0].call,
                f"{names} start with variance 1, so a sum over n inputs has variance n: the gates start "
                "saturated, where their derivatives vanish. Divide by sqrt(n).",
                remark="divide by sqrt(inputs)",
            )


_USE = """\

def rnn_step(x, h_prev, W, U):
    return np.tanh(np.dot(W, h_prev) + np.dot(U, x))
"""

VALID = (
    Valid("a divisor", "import numpy as np\n\nW = np.random.randn(8, 12) / np.sqrt(12)\n" + _USE),
    Valid(
        "a factor",
        "import numpy as np\n\nW, U = 0.1 * np.random.randn(8, 8), np.random.rand(8, 4) - 0.5\n" + _USE,
    ),
    Valid("a width", "import numpy as np\n\nW = np.random.uniform(-0.1, 0.1, (8, 8))\n" + _USE),
    Valid(
        "a width by name",
        "import numpy as np\n\nW = np.random.normal(scale=0.1, size=(8, 8))\n" + _USE,
    ),
    Valid("scaled afterwards", "import numpy as np\n\nW = np.random.randn(8, 8)\nW *= 0.01\n" + _USE),
    Valid("an initial state", "import numpy as np\n\nh0 = np.random.randn(8, 1)\n" + _USE),
)

INVALID = (
    Invalid("a matrix a gate", "import numpy as np\n\nW_f = np.random.randn(8, 12)\n" + _USE, lines=(3,)),
    Invalid(
        "in a class, standard normal by another name",
        "import numpy as np\n\nclass RNN:\n    def __init__(self, n):\n"
        "        self.U = np.random.normal(size=(n, n))\n" + _USE,
        lines=(5,),
    ),
    Invalid(
        "parameters in a dict",
        "import numpy as np\n\nparams = {'Wax': np.random.rand(5, 3), 'ba': np.random.rand(5, 1)}\n" + _USE,
        lines=(3,),
    ),
)
