from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.model.training_setup import Start, initialisations
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN504", "symmetric-weights", severity=Severity.ADVICE)
def check(code: RecurrentCode) -> Iterator[Report]:
    """A matrix of weights starts with all entries equal.

    ## What it does
    Reports weight matrices that are initialised with zeros or ones, once for each function.

    ## Why it is wrong
    Units with equal weights compute equal values, so their gradients are equal, so their weights stay equal:
    a layer of 100 units learns what one unit could. With zeros in the output layer, W_vᵀ dv = 0 too, and no
    gradient reaches the recurrent layer at the first step.

    ## Example
    ```python
    W_hh = np.zeros((hidden_size, hidden_size))
    ```

    ## Use instead
    ```python
    W_hh = np.random.randn(hidden_size, hidden_size) / np.sqrt(hidden_size)
    ```

    ## When it is right
    Where the values are loaded or filled in afterwards; the rule is silent where it can see that. Recurrent
    weights of vanilla RNNs may start as the identity matrix.

    ## Fix safety
    There is no fix: the right scale depends on the layer.
    """
    for block in code.blocks:
        weights = [each for each in initialisations(block) if each.is_weight and not each.is_scaled]
        found = [each for each in weights if each.start is not Start.RANDOM]
        if found:
            names = ", ".join(dict.fromkeys(each.name for each in found))
            yield Report(
                found[0].call,
                f"{names} start with all entries equal: all units of the layer get the same gradient and "
                "stay equal for ever. Draw them at random, with a scale of 1 / sqrt(inputs).",
                remark="all units stay equal",
            )


_USE = """\

def rnn_step(x, h_prev, W, U):
    return np.tanh(np.dot(W, h_prev) + np.dot(U, x))
"""

VALID = (
    Valid("random", "import numpy as np\n\nW_hh = np.random.randn(8, 8) / np.sqrt(8)\n" + _USE),
    Valid("a bias", "import numpy as np\n\nb_h = np.zeros((8, 1))\nWb = np.zeros((8, 1))\n" + _USE),
    Valid(
        "filled in afterwards", "import numpy as np\n\nW = np.zeros((8, 4))\nW[:] = np.load('w.npy')\n" + _USE
    ),
    Valid(
        "a gradient and an average of squares",
        "import numpy as np\n\ndW = np.zeros((8, 4))\nW_d = np.zeros((8, 4))\nmW = np.zeros((8, 4))\n"
        "grads = {}\ngrads['W'] = np.zeros((8, 4))\n" + _USE,
    ),
)

INVALID = (
    Invalid("zeros", "import numpy as np\n\nW_hh = np.zeros((8, 8))\n" + _USE, lines=(3,)),
    Invalid(
        "ones, in a class",
        "import numpy as np\n\nclass RNN:\n    def __init__(self, n, m):\n        self.Wx = np.ones((n, m))\n"
        + _USE,
        lines=(5,),
    ),
    Invalid(
        "zeros, parameters in a dict",
        "import numpy as np\n\nparams = {}\nparams['Why'] = np.zeros([27, 8])\n" + _USE,
        lines=(4,),
    ),
)
