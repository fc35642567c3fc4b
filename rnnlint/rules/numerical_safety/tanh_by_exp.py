from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.exponentials import Fraction, tanh_fractions
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module


@rule("RNN404", "tanh-by-exp", severity=Severity.WARNING)
def check(code: RecurrentCode) -> Iterator[Report]:
    """tanh is spelled out as a fraction of exponentials.

    ## What it does
    Reports `(exp(x) - exp(-x)) / (exp(x) + exp(-x))`, and the same divided through by one of the terms, in
    recurrent code or a helper that it uses.

    ## Why it is wrong
    From |x| ≈ 710 in float64, 89 in float32, exp is inf and the fraction is inf / inf = NaN, where tanh is
    ±1. A cell state C_t = f ⊙ C_{t−1} + i ⊙ g is a sum over time and has no bound: long sequences get there.

    ## Example
    ```python
    g = (np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))
    ```

    ## Use instead
    ```python
    g = np.tanh(a)
    ```

    ## When it is right
    Where the argument was clipped before; the rule is silent there.

    ## Fix safety
    Unsafe, like every change of an expression, though the value is the same up to rounding. Offered where the
    fraction is the plain one; exponentials computed before it are left in place.
    """
    for block in code.blocks:
        for fraction in tanh_fractions(block):
            if not fraction.is_bounded:
                yield Report(
                    fraction.division,
                    "This tanh is NaN from |x| = 710 on (89 in float32): both sides of the fraction are "
                    "inf. A cell state grows with time and gets there; np.tanh is exact everywhere.",
                    remark="NaN for large x",
                    fix=_by_numpy(code.module, fraction),
                )


def _by_numpy(module: Module, fraction: Fraction) -> FixDraft | None:
    prefix = module.text_of(fraction.calls[0].function).removesuffix("exp")
    match fraction.exponents:
        case positive, tree.Unary(operator="-", operand=negated), *_ if positive == negated and prefix:
            return FixDraft.replace(fraction.division, f"{prefix}tanh({module.text_of(positive)})")
    return None


_AROUND = """\
import numpy as np

def rnn_step(x, h_prev, W, U):
    return tanh(np.dot(W, h_prev) + np.dot(U, x))

"""

VALID = (
    Valid("NumPy's", _AROUND + "def tanh(x):\n    return np.tanh(x)\n"),
    Valid(
        "clipped",
        _AROUND
        + "def tanh(x):\n    x = np.clip(x, -20, 20)\n"
        + "    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))\n",
    ),
    Valid("by the sigmoid", _AROUND + "def tanh(x):\n    return 2 / (1 + np.exp(-2 * x)) - 1\n"),
    Valid(
        "another fraction",
        _AROUND + "def tanh(x):\n    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-2 * x))\n",
    ),
)

INVALID = (
    Invalid(
        "written out",
        _AROUND + "def tanh(x):\n    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))\n",
        lines=(7,),
        fixed=_AROUND + "def tanh(x):\n    return np.tanh(x)\n",
    ),
    Invalid(
        "through variables",
        _AROUND
        + "def tanh(x):\n    up = np.exp(x)\n    down = np.exp(-x)\n    return (up - down) / (up + down)\n",
        lines=(9,),
        fixed=_AROUND + "def tanh(x):\n    up = np.exp(x)\n    down = np.exp(-x)\n    return np.tanh(x)\n",
    ),
    Invalid(
        "divided through, in a class",
        """\
import numpy as np

class Tanh:
    def forward(self, x):
        self.y = (1 - np.exp(-2 * x)) / (1 + np.exp(-2 * x))
        return self.y

class RNN:
    def step(self, x, h_prev):
        return Tanh().forward(x @ self.W + h_prev @ self.U)
""",
        lines=(5,),
    ),
    Invalid(
        "in a cell, parameters in a dict",
        """\
import numpy as np

def lstm_output(c, o, p, g):
    c = c + np.tanh(g)
    squashed = (np.exp(c) - np.exp(-c)) / (np.exp(c) + np.exp(-c))
    return np.dot(p["Wy"], o * squashed)
""",
        lines=(5,),
        fixed="""\
import numpy as np

def lstm_output(c, o, p, g):
    c = c + np.tanh(g)
    squashed = np.tanh(c)
    return np.dot(p["Wy"], o * squashed)
""",
    ),
)
