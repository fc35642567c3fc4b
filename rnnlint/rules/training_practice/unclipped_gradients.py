from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.findings import Severity, Span
from rnnlint.model.file_model import FileModel
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module

_CLIPPING = re.compile(
    r"clip|max_?norm|grad\w*_norm|norm\(.*grad|rescale|np\.minimum\(|trunc_?grad", re.IGNORECASE
)


@rule(
    "RNN503", "unclipped-gradients", severity=Severity.ADVICE, needs="a backward pass with a loop over time"
)
def check(model: FileModel) -> Iterator[Report]:
    """The gradients of backpropagation through time are never clipped.

    ## What it does
    Reports a backward pass through time where no file of the project clips or rescales a gradient.

    ## Why it is wrong
    The carry dh_next is multiplied by W_hhᵀ and a derivative at every step. Where that product's norm is
    above 1, the gradient grows exponentially with the length of the sequence; one such sequence throws the
    weights far away. The usual remedy limits the gradient's size after the pass and leaves its direction
    alone.

    ## Example
    ```python
    for t in reversed(range(T)):
        ...
    return dW, db
    ```

    ## Use instead
    ```python
    norm = np.sqrt(sum(np.sum(d ** 2) for d in (dW, db)))
    if norm > 5:
        dW, db = dW * (5 / norm), db * (5 / norm)
    return dW, db
    ```
    after the loop: clipping inside it changes what is carried (RNN306).

    ## When it is right
    For short sequences and small weights, or where an optimizer outside of the project clips.

    ## Fix safety
    There is no fix: the limit is yours to choose.
    """
    texts = [each.text for each in model.project.files.values()]
    if model.recurrent_code is None or any(_CLIPPING.search(text) for text in texts):
        return
    loops = (loop.statement for bptt in model.backward_passes for loop in bptt.loops)
    heads = {_head(model.module, loop) for loop in loops if model.module.holds(loop)}
    for head in sorted(heads):
        yield Report(
            head,
            "The gradient through time is a product of one factor a step and now and then explodes. Clip "
            "its norm after the loop, to 5 for instance.",
            remark="clip the norm",
        )


def _head(module: Module, loop: tree.For | tree.While) -> Span:
    """The line that opens the pass: that of the function around the loop, or the loop's own."""
    functions = (outer for outer in module.ancestors(loop) if isinstance(outer, tree.Function))
    span = module.span(next(functions, loop))
    return Span(span.line, span.column, span.line, len(module.source.line_text(span.line)) + 1)


_COLUMNS = """\
import numpy as np

def forward(inputs, h_init, W, U):
    h = [h_init]
    for x in inputs:
        h.append(np.tanh(W @ h[-1] + U @ x))
    return h

def backward(inputs, dh_out, h, W, U):
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    dh_next = np.zeros_like(h[-1])
    for t in reversed(range(len(inputs))):
        da = (dh_out[t] + dh_next) * (1 - h[t + 1] ** 2)
        dW += da @ h[t].T
        dU += da @ inputs[t].T
        dh_next = W.T @ da
    return dW, dU
"""
_BATCH_CLASS = """\
import numpy as np

class RNN:
    def forward(self, x, h0):
        self.x, self.h = x, [h0]
        for t in range(x.shape[1]):
            self.h.append(np.tanh(x[:, t].dot(self.Wx) + self.h[-1].dot(self.Wh)))
        return self.h

    def backward(self, dh):
        self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        carry = np.zeros_like(dh[:, 0])
        for t in reversed(range(dh.shape[1])):
            da = (dh[:, t] + carry) * (1 - self.h[t + 1] ** 2)
            self.dWx += self.x[:, t].T.dot(da)
            self.dWh += self.h[t].T.dot(da)
            carry = da.dot(self.Wh.T)
"""
_DICT = """\
import numpy as np

def lossFun(inputs, dys, hprev, p):
    hs = {-1: hprev}
    for t in range(len(inputs)):
        hs[t] = np.tanh(np.dot(p["Wxh"], inputs[t]) + np.dot(p["Whh"], hs[t - 1]))
    grads = {name: np.zeros_like(value) for name, value in p.items()}
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dh = dys[t] + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        grads["Wxh"] += np.dot(dhraw, inputs[t].T)
        grads["Whh"] += np.dot(dhraw, hs[t - 1].T)
        dhnext = np.dot(p["Whh"].T, dhraw)
    return grads
"""

VALID = (
    Valid("clipped after the loop", _COLUMNS.replace("return dW, dU", "return np.clip(dW, -5, 5), dU")),
    Valid("a forward pass alone", _COLUMNS.partition("def backward")[0]),
    Valid(
        "clipped by the caller",
        _COLUMNS,
        files={
            "train.py": "import numpy as np\nfrom program import backward\n\ndef step(*given):\n"
            "    return [np.clip(d, -1, 1) for d in backward(*given)]\n"
        },
    ),
)

INVALID = (
    Invalid("column functions", _COLUMNS, lines=(9,)),
    Invalid("a class with batch first", _BATCH_CLASS, lines=(10,)),
    Invalid("one function, parameters in a dict", _DICT, lines=(3,)),
)
