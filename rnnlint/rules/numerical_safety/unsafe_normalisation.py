from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.findings import Confidence, Severity
from rnnlint.model.code_blocks import CodeBlock, method_called, place_of
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule
from rnnlint.syntax import tree

_VANISHING = frozenset({"norm", "std"})
_CATCHING = frozenset({"where", "nan_to_num", "minimum", "divide"})
_MASK = re.compile(r"mask|weights?$|valid", re.IGNORECASE)


@rule("RNN406", "unsafe-normalisation", severity=Severity.ADVICE)
def check(code: RecurrentCode) -> Iterator[Report]:
    """Something is divided by a norm, a deviation or a mask's sum that may be 0.

    ## What it does
    Reports a division by `np.linalg.norm(...)`, `np.std(...)` or the sum of a mask, with no eps and no
    condition around it.

    ## Why it is wrong
    A gradient that vanishes has norm 0, a constant input has deviation 0, a batch of padding has an empty
    mask: 0 / 0 is NaN, and one NaN in an update makes every weight NaN.

    ## Example
    ```python
    dW *= max_norm / np.linalg.norm(dW)
    ```

    ## Use instead
    ```python
    dW *= max_norm / (np.linalg.norm(dW) + 1e-12)
    ```

    ## When it is right
    Where the divisor cannot be 0, or is compared before; the rule is silent inside an `if` that reads it.

    ## Fix safety
    Unsafe: it changes the quotient by about 1e-12.
    """
    for block in code.blocks:
        for division in block.of_kind(tree.Binary):
            if (
                division.operator == "/"
                and _may_vanish(block, division.right)
                and not _is_guarded(block, division)
            ):
                divisor = code.module.operand_text(division.right)
                yield Report(
                    division,
                    f"{divisor} may be 0, and 0 / 0 is NaN: one such step and every weight it touches is "
                    "NaN. Add an eps to the divisor, or divide only where it is positive.",
                    Confidence.LIKELY,
                    remark="may divide by 0",
                    fix=FixDraft.replace(
                        division.right, f"({divisor} + 1e-12)", "Add an eps to the divisor."
                    ),
                )


def _may_vanish(block: CodeBlock, divisor: tree.Expression) -> bool:
    values = block.values_of(divisor) if isinstance(divisor, tree.Name) else (divisor,)
    return bool(values) and all(_vanishes(block, value) for value in values)


def _vanishes(block: CodeBlock, value: tree.Expression) -> bool:
    if not isinstance(value, tree.Call):
        return False
    method = method_called(value)
    name = block.called(value) or (method[0] if method else None)
    if name in _VANISHING or (name == "sqrt" and _is_sum_of_squares(block, value)):
        return True
    summed = method[1] if method and not block.called(value) else next(iter(value.arguments), None)
    place = place_of(summed) if summed else None
    return name == "sum" and place is not None and _MASK.search(place) is not None


def _is_sum_of_squares(block: CodeBlock, root: tree.Call) -> bool:
    """``sqrt(sum(d ** 2))``: a norm, spelled out; an addend beside the sum would keep it from 0."""
    (under, *_) = root.arguments or (root,)
    method = method_called(under)
    is_sum = block.called(under) == "sum" or (method is not None and method[0] == "sum")
    built_in = isinstance(under, tree.Call) and place_of(under.function) == "sum"
    return (is_sum or built_in) and any(_is_square(block, node) for node in under.walk())


def _is_square(block: CodeBlock, node: tree.Node) -> bool:
    match node:
        case tree.Binary(operator="**", right=tree.Constant(value=2)):
            return True
        case tree.Binary(operator="*", left=left, right=right):
            return left == right
    return block.called(node) == "square"


def _is_guarded(block: CodeBlock, division: tree.Binary) -> bool:
    """Whether the divisor is read by a condition around the division."""
    read = _places(division.right)
    for outer in block.module.ancestors(division):
        if isinstance(outer, tree.If | tree.Conditional | tree.While) and read & _places(outer.test):
            return True
        if isinstance(outer, tree.Call) and (
            block.called(outer) in _CATCHING or place_of(outer.function) == "min"
        ):
            return True
    return False


def _places(expression: tree.Expression) -> set[str]:
    found = (place_of(node) for node in expression.walk() if isinstance(node, tree.Expression))
    return {place for place in found if place}


_STEP = """\
import numpy as np

def rnn_step(x, h_prev, W, U):
    return np.tanh(W @ h_prev + U @ x)

"""

VALID = (
    Valid(
        "never more than 1",
        _STEP + "def clip(dW, limit):\n    return dW * min(1, limit / np.linalg.norm(dW))\n",
    ),
    Valid("an eps", _STEP + "def clip(dW, limit):\n    return dW * limit / (np.linalg.norm(dW) + 1e-6)\n"),
    Valid(
        "compared before",
        _STEP
        + "def clip(dW, limit):\n    norm = np.linalg.norm(dW)\n    if norm > limit:\n"
        + "        dW = dW * (limit / norm)\n    return dW\n",
    ),
    Valid(
        "a softmax, whose sum is positive",
        _STEP + "def softmax(v):\n    e = np.exp(v - v.max())\n    return e / e.sum()\n",
    ),
)

INVALID = (
    Invalid(
        "clipping every time",
        _STEP + "def clip(dW, limit):\n    return dW * (limit / np.linalg.norm(dW))\n",
        lines=(7,),
        fixed=_STEP + "def clip(dW, limit):\n    return dW * (limit / (np.linalg.norm(dW) + 1e-12))\n",
    ),
    Invalid(
        "a norm, spelled out, of all gradients",
        _STEP
        + "def clip(grads, limit):\n    norm = np.sqrt(sum(np.sum(d ** 2) for d in grads))\n"
        + "    return [d * (limit / norm) for d in grads]\n",
        lines=(8,),
        fixed=_STEP
        + "def clip(grads, limit):\n    norm = np.sqrt(sum(np.sum(d ** 2) for d in grads))\n"
        + "    return [d * (limit / (norm + 1e-12)) for d in grads]\n",
    ),
    Invalid(
        "standardised inputs",
        _STEP + "def standardise(x):\n    spread = x.std(axis=0)\n    return (x - x.mean(axis=0)) / spread\n",
        lines=(8,),
        fixed=_STEP
        + "def standardise(x):\n    spread = x.std(axis=0)\n"
        + "    return (x - x.mean(axis=0)) / (spread + 1e-12)\n",
    ),
    Invalid(
        "a masked mean, in a class",
        """\
import numpy as np

class LSTM:
    def loss(self, losses, mask):
        self.h_prev = np.tanh(losses @ self.params["W"])
        return np.sum(losses * mask) / np.sum(mask)
""",
        lines=(6,),
        fixed="""\
import numpy as np

class LSTM:
    def loss(self, losses, mask):
        self.h_prev = np.tanh(losses @ self.params["W"])
        return np.sum(losses * mask) / (np.sum(mask) + 1e-12)
""",
    ),
)
