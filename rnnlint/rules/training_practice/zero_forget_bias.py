from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.model.training_setup import Initialisation, Start, initialisations
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule


@rule("RNN501", "zero-forget-bias", severity=Severity.ADVICE)
def check(code: RecurrentCode) -> Iterator[Report]:
    """The bias of the forget gate starts at 0.

    ## What it does
    Reports a forget gate's bias that is initialised with zeros, by itself or as a part of four stacked gates.

    ## Why it is wrong
    dC_{t-1} = dC_t ⊙ f. With b_f = 0 the gate starts at f ≈ σ(0) = 0.5, and over ten steps a gradient
    shrinks to 0.5^10, a thousandth: the cell forgets before it can learn what to remember. With b_f = 1 it
    starts at 0.73, and the network can learn to forget where it must.

    ## Example
    ```python
    b_f = np.zeros((hidden_size, 1))
    ```

    ## Use instead
    ```python
    b_f = np.ones((hidden_size, 1))
    ```
    For four stacked gates set the forget gate's quarter: `b[H:2 * H] = 1`.

    ## When it is right
    For short sequences it makes no difference. It is advice: the gradient is right either way.

    ## Fix safety
    Unsafe: training starts from another point. Offered where the bias has its own array.
    """
    for block in code.blocks:
        is_lstm = any(each.is_forget_bias for each in initialisations(block))
        for each in initialisations(block):
            stacked = each.is_stacked_bias and not is_lstm
            if each.start is Start.ZEROS and (each.is_forget_bias or stacked):
                yield Report(
                    each.call,
                    "The forget gate starts half closed: dC_{t-1} = dC_t * f with f = 0.5 shrinks the "
                    "gradient a thousandfold in ten steps. Start the forget bias at 1.",
                    remark="start it at 1",
                    fix=_ones(code, each) if each.is_forget_bias else None,
                )


def _ones(code: RecurrentCode, bias: Initialisation) -> FixDraft | None:
    function = code.module.text_of(bias.call.function)
    if bias.is_scaled or "." not in function:
        return None
    return FixDraft.replace(
        bias.call.function, function.removesuffix("zeros") + "ones", "Start the forget bias at 1."
    )


_USE = """\

def lstm_step(x, h_prev, c_prev, p):
    z = np.vstack((h_prev, x))
    f = 1 / (1 + np.exp(-np.clip(p["W"] @ z, -50, 50)))
    return np.tanh(f * c_prev)
"""

VALID = (
    Valid("ones", "import numpy as np\n\nb_f = np.ones((8, 1))\nb_i = np.zeros((8, 1))\n" + _USE),
    Valid(
        "the quarter of four stacked gates",
        "import numpy as np\n\nH = 8\nb = np.zeros(4 * H)\nb[H:2 * H] = 1\n" + _USE,
    ),
    Valid(
        "a gradient of it",
        'import numpy as np\n\ndef backward(p):\n    dbf = np.zeros((8, 1))\n    grads = {"bf": dbf}\n    '
        "return grads\n" + _USE,
    ),
    Valid(
        "a reset of its gradient",
        "import numpy as np\n\nclass Cell:\n    def zero_grad(self):\n        self.bf = np.zeros(4)\n" + _USE,
    ),
)

INVALID = (
    Invalid(
        "an array of its own",
        "import numpy as np\n\nb_f, b_i = np.zeros((8, 1)), np.zeros((8, 1))\n" + _USE,
        lines=(3,),
        fixed="import numpy as np\n\nb_f, b_i = np.ones((8, 1)), np.zeros((8, 1))\n" + _USE,
    ),
    Invalid(
        "an attribute",
        "import numpy as np\n\nclass LSTM:\n    def __init__(self, n):\n        self.bf = np.zeros((1, n))\n"
        + _USE,
        lines=(5,),
        fixed="import numpy as np\n\nclass LSTM:\n    def __init__(self, n):\n"
        "        self.bf = np.ones((1, n))\n" + _USE,
    ),
    Invalid(
        "an entry of a dict",
        "import numpy as np\n\np = "
        '{\n    "W": np.random.randn(8, 12) * 0.1,\n    "bf": np.zeros((8, 1)),\n}\n'
        'p["b_forget"] = np.zeros((8, 1))\n' + _USE,
        lines=(5, 7),
        fixed='import numpy as np\n\np = {\n    "W": np.random.randn(8, 12) * 0.1,\n'
        '    "bf": np.ones((8, 1)),\n}\n'
        'p["b_forget"] = np.ones((8, 1))\n' + _USE,
    ),
    Invalid(
        "four stacked gates", "import numpy as np\n\nH = 8\nb = np.zeros((4 * H, 1))\n" + _USE, lines=(4,)
    ),
)
