from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.exponentials import Fraction, exploding_sigmoids, sigmoid_fractions
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module


@rule("RNN403", "overflowing-sigmoid", severity=Severity.ADVICE)
def check(code: RecurrentCode) -> Iterator[Report]:
    """A sigmoid is written so that exp overflows for large arguments.

    ## What it does
    Reports `1 / (1 + exp(-x))` in recurrent code or a helper that it uses, where nothing bounds `x`; and, as
    a warning, `exp(x) / (1 + exp(x))`.

    ## Why it is wrong
    For x below −709 (−88 in float32) exp(−x) is inf. The value, 1 / inf = 0, is still right, so no gradient
    is wrong; but NumPy warns at every step, and the warnings bury the ones that matter. With exp(x) above the
    bar and below it is worse: for x above 709 that is inf / inf = NaN, and so is every gradient after it.

    ## Example
    ```python
    f = 1 / (1 + np.exp(-a_f))
    ```

    ## Use instead
    ```python
    f = 0.5 * (1 + np.tanh(0.5 * a_f))   # the same function: σ(x) = (1 + tanh(x / 2)) / 2
    ```
    or `scipy.special.expit`.

    ## When it is right
    Where the pre-activations stay small, or were clipped, or where `x >= 0` and `x < 0` are treated apart.

    ## Fix safety
    Unsafe, like every change of an expression, though the value is the same up to rounding.
    """
    for block in code.blocks:
        treats_signs_apart = any(isinstance(node, tree.Compare) for node in block.nodes)
        for fraction in sigmoid_fractions(block):
            if not fraction.is_bounded and not treats_signs_apart:
                yield Report(
                    fraction.division,
                    "exp(-x) overflows here for x below -709 (-88 in float32). The value 0 is still "
                    "right, but NumPy warns at every step; 0.5 * (1 + np.tanh(0.5 * x)) is the same "
                    "function and never overflows.",
                    remark="exp overflows",
                    fix=_by_tanh(code.module, fraction),
                )
        for fraction in exploding_sigmoids(block):
            if not fraction.is_bounded and not treats_signs_apart:
                yield Report(
                    fraction.division,
                    "This sigmoid is NaN for x above 709 (88 in float32): exp(x) is inf, and inf / inf is "
                    "NaN. 0.5 * (1 + np.tanh(0.5 * x)) is the same function and never overflows.",
                    remark="NaN for large x",
                    fix=_by_tanh(code.module, fraction),
                    severity=Severity.WARNING,
                )


def _by_tanh(module: Module, fraction: Fraction) -> FixDraft | None:
    exponent, tanh = fraction.exponents[0], _tanh_beside(module, fraction)
    if tanh is None or not fraction.is_written_in_place:
        return None
    match exponent:
        case tree.Unary(operator="-", operand=argument):
            pass
        case argument if len(fraction.calls) == 2:
            pass
        case _:
            return None
    return FixDraft.replace(fraction.division, f"0.5 * (1 + {tanh}(0.5 * {module.operand_text(argument)}))")


def _tanh_beside(module: Module, fraction: Fraction) -> str | None:
    """``np.tanh`` for ``np.exp``; None where exp was imported by its name alone."""
    function = module.text_of(fraction.calls[0].function)
    return function.removesuffix("exp") + "tanh" if "." in function else None


_AROUND = """\
import numpy as np

def lstm_step(x, h_prev, c_prev, W, b):
    a = W @ np.concatenate((h_prev, x)) + b
    i, f, o, g = np.split(a, 4)
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c

"""

VALID = (
    Valid("through tanh", _AROUND + "def sigmoid(x):\n    return 0.5 * (1 + np.tanh(0.5 * x))\n"),
    Valid(
        "clipped",
        _AROUND + "def sigmoid(x):\n    x = np.clip(x, -500, 500)\n    return 1 / (1 + np.exp(-x))\n",
    ),
    Valid(
        "the signs apart",
        _AROUND
        + """\
def sigmoid(x):
    positive = x >= 0
    z = np.empty_like(x)
    z[positive] = 1 / (1 + np.exp(-x[positive]))
    z[~positive] = np.exp(x[~positive]) / (1 + np.exp(x[~positive]))
    return z
""",
    ),
)

INVALID = (
    Invalid(
        "a helper",
        _AROUND + "def sigmoid(x):\n    return 1.0 / (1.0 + np.exp(-x))\n",
        lines=(10,),
        fixed=_AROUND + "def sigmoid(x):\n    return 0.5 * (1 + np.tanh(0.5 * x))\n",
    ),
    Invalid(
        "the power of -1",
        _AROUND + "def sigmoid(x):\n    return (1 + np.exp(-x)) ** -1\n",
        lines=(10,),
        fixed=_AROUND + "def sigmoid(x):\n    return 0.5 * (1 + np.tanh(0.5 * x))\n",
    ),
    Invalid(
        "exp above the bar and below",
        _AROUND + "def sigmoid(x):\n    return np.exp(x) / (np.exp(x) + 1)\n",
        lines=(10,),
        severity=Severity.WARNING,
        fixed=_AROUND + "def sigmoid(x):\n    return 0.5 * (1 + np.tanh(0.5 * x))\n",
    ),
    Invalid(
        "through a variable",
        _AROUND + "def sigmoid(x):\n    e = np.exp(x)\n    return e / (1 + e)\n",
        lines=(11,),
        severity=Severity.WARNING,
    ),
    Invalid(
        "a static method",
        """\
import numpy as np

class GRU:
    @staticmethod
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def step(self, x, h_prev):
        z = self.sigmoid(x.dot(self.Wz) + h_prev.dot(self.Uz))
        return z * h_prev + (1 - z) * np.tanh(x.dot(self.Wh))
""",
        lines=(6,),
        fixed="""\
import numpy as np

class GRU:
    @staticmethod
    def sigmoid(x):
        return 0.5 * (1 + np.tanh(0.5 * x))

    def step(self, x, h_prev):
        z = self.sigmoid(x.dot(self.Wz) + h_prev.dot(self.Uz))
        return z * h_prev + (1 - z) * np.tanh(x.dot(self.Wh))
""",
    ),
    Invalid(
        "inline, parameters in a dict",
        """\
import numpy as np

def lstm_gates(x, h_prev, p):
    f = 1 / (1 + np.exp(-(np.dot(p["Wf"], h_prev) + p["bf"])))
    return f, np.tanh(np.dot(p["Wg"], x))
""",
        lines=(4,),
        fixed="""\
import numpy as np

def lstm_gates(x, h_prev, p):
    f = 0.5 * (1 + np.tanh(0.5 * (np.dot(p["Wf"], h_prev) + p["bf"])))
    return f, np.tanh(np.dot(p["Wg"], x))
""",
    ),
)
