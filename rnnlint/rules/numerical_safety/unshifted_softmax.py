from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.exponentials import Fraction, softmax_fractions
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import FixDraft, Invalid, Replacement, Report, Valid, rule
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module


@rule("RNN402", "unshifted-softmax", severity=Severity.WARNING)
def check(code: RecurrentCode) -> Iterator[Report]:
    """A softmax takes exp of its scores without first subtracting their maximum.

    ## What it does
    Reports `exp(x) / sum(exp(x))` in recurrent code or a helper that it uses, where nothing bounds `x`.

    ## Why it is wrong
    exp overflows beyond 709 in float64 and beyond 88 in float32; then the fraction is inf / inf = NaN, and
    from that step on every gradient is NaN. The scores of a recurrent network reach such sizes when training
    diverges, which is when you want to see a loss. Since exp(x − m) / Σ exp(x − m) = exp(x) / Σ exp(x) for
    every m, subtracting the maximum changes nothing but makes the largest exponent 0.

    ## Example
    ```python
    p = np.exp(v) / np.sum(np.exp(v))
    ```

    ## Use instead
    ```python
    p = np.exp(v - np.max(v)) / np.sum(np.exp(v - np.max(v)))
    ```

    ## When it is right
    Where the scores are bounded by construction (a clip before it); the rule is silent there.

    ## Fix safety
    Unsafe, like every change of an expression, though the value is the same up to rounding. Along a batch the
    fix takes the maximum over the axis that the sum runs over where that axis is kept, otherwise over all.
    """
    for block in code.blocks:
        for fraction in softmax_fractions(block):
            if not fraction.is_bounded:
                yield Report(
                    fraction.division,
                    "This softmax overflows: exp(x) is inf beyond x = 709 (88 in float32), and inf / inf "
                    "is NaN. exp(x - m) / sum(exp(x - m)) is the same for every m: subtract the maximum "
                    "of x first.",
                    remark="no max subtracted",
                    fix=_shifted(code.module, fraction),
                )


def _shifted(module: Module, fraction: Fraction) -> FixDraft:
    axis = _axis(module, fraction.divisor)
    replacements = []
    for call in fraction.calls:
        scores, prefix = call.arguments[0], module.text_of(call.function).removesuffix("exp")
        text = module.text_of(scores)
        maximum = f"{prefix}max({text}{axis})" if prefix else f"{text}.max({axis.removeprefix(', ')})"
        loose = isinstance(scores, tree.Conditional | tree.Lambda | tree.Compare | tree.Logical)
        replacements.append(Replacement(scores, f"({text}) - {maximum}" if loose else f"{text} - {maximum}"))
    return FixDraft("Subtract the maximum before exp.", tuple(replacements))


def _axis(module: Module, total: tree.Expression | None) -> str:
    """The sum's ``axis=…, keepdims=True``, so that the maximum is taken as the sum is; else nothing."""
    if not isinstance(total, tree.Call):
        return ""
    named = {each.name: module.text_of(each.value) for each in total.keywords}
    return f", axis={named['axis']}, keepdims=True" if "axis" in named and "keepdims" in named else ""


_AROUND = """\
import numpy as np

def rnn_step(x, h_prev, W, U, V):
    h = np.tanh(np.dot(W, h_prev) + np.dot(U, x))
    return h, softmax(np.dot(V, h))

"""

VALID = (
    Valid(
        "shifted in one expression",
        _AROUND
        + """\
def softmax(x):
    e = np.exp(x - np.max(x, axis=0, keepdims=True))
    return e / np.sum(e, axis=0, keepdims=True)
""",
    ),
    Valid(
        "shifted before",
        _AROUND
        + """\
def softmax(x):
    x = x - x.max()
    return np.exp(x) / np.exp(x).sum()
""",
    ),
    Valid(
        "the shift has a name",
        _AROUND
        + """\
def softmax(x):
    largest = max(x)
    e = np.exp(x - largest)
    return e / sum(e)
""",
    ),
    Valid(
        "clipped scores",
        _AROUND
        + """\
def softmax(x):
    e = np.exp(np.clip(x, -50, 50))
    return e / e.sum()
""",
    ),
    Valid(
        "a file that has nothing to do with recurrent networks",
        """\
import numpy as np

def softmax(x):
    return np.exp(x) / np.sum(np.exp(x))
""",
    ),
    Valid(
        "two different scores",
        _AROUND
        + """\
def softmax(x):
    return np.exp(x) / np.sum(np.exp(x ** 2))
""",
    ),
)

INVALID = (
    Invalid(
        "in one expression, columns",
        _AROUND
        + """\
def softmax(x):
    return np.exp(x) / np.sum(np.exp(x))
""",
        lines=(8,),
        fixed=_AROUND
        + """\
def softmax(x):
    return np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x)))
""",
    ),
    Invalid(
        "through a variable, along the rows of a batch",
        _AROUND
        + """\
def softmax(x):
    e = np.exp(x)
    return e / np.sum(e, axis=1, keepdims=True)
""",
        lines=(9,),
        fixed=_AROUND
        + """\
def softmax(x):
    e = np.exp(x - np.max(x, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)
""",
    ),
    Invalid(
        "in the forward loop, with states in a dict",
        """\
import numpy as np

def forward(inputs, h0, Wxh, Whh, Why):
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(h0)
    for t in range(len(inputs)):
        xs[t] = inputs[t]
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]))
        ys[t] = np.dot(Why, hs[t])
        ps[t] = np.exp(ys[t]) / np.sum(np.exp(ys[t]))
    return hs, ps
""",
        lines=(10,),
        fixed="""\
import numpy as np

def forward(inputs, h0, Wxh, Whh, Why):
    xs, hs, ys, ps = {}, {}, {}, {}
    hs[-1] = np.copy(h0)
    for t in range(len(inputs)):
        xs[t] = inputs[t]
        hs[t] = np.tanh(np.dot(Wxh, xs[t]) + np.dot(Whh, hs[t - 1]))
        ys[t] = np.dot(Why, hs[t])
        ps[t] = np.exp(ys[t] - np.max(ys[t])) / np.sum(np.exp(ys[t] - np.max(ys[t])))
    return hs, ps
""",
    ),
    Invalid(
        "in a helper of a sibling module",
        """\
from numpy import exp

def softmax(x):
    e = exp(x)
    return e / e.sum()

def unrelated(x):
    return exp(x) / sum(exp(x))
""",
        lines=(5,),
        files={
            "lstm.py": "import numpy as np\nfrom program import softmax\n\ndef step(h_prev, W):\n"
            "    return softmax(np.tanh(np.dot(W, h_prev)))\n"
        },
        fixed="""\
from numpy import exp

def softmax(x):
    e = exp(x - x.max())
    return e / e.sum()

def unrelated(x):
    return exp(x) / sum(exp(x))
""",
    ),
)
