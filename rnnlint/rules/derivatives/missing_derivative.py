"""RNN205: no derivative of the nonlinearity at all."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Wrong
from rnnlint.model.terms import Term
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.derivatives.wording import WRONG_QUANTITY, kind_of, slope_text, symbol_of
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule(
    "RNN205",
    "missing-derivative",
    severity=Severity.ERROR,
    needs="what the helper computes, and the forward pass",
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """A gate's adjoint goes into its weights, its bias or the carry without the nonlinearity's derivative.

    ## What it does

    Follows each δ to its uses: the gradient of the weights, of the bias, and the product that goes back to h
    and x. Where one of them has no factor that depends on the gate's own value, the derivative is missing
    there.

    ## Why it is wrong

    W_f acts on f through f = σ(W_f z + b_f), so dW_f = (df ⊙ f(1 − f)) zᵀ and dz = W_fᵀ (df ⊙ f(1 − f)).
    Without the slope the gradient of a gate that is shut or wide open is as large as that of any other.

    ## Example

    ```python
    di = dC * g
    dW_i += di @ z.T
    ```

    ## Use instead

    ```python
    di = dC * g * i * (1 - i)
    dW_i += di @ z.T
    ```

    ## When it is right

    A linear output layer has no derivative to multiply with, also where it shares its weights with a gate.
    The rule speaks only of gates whose nonlinearity it sees in the forward pass.

    ## Fix safety

    There is no fix: the factor may belong into the δ or into each of its uses.
    """
    seen: set[int] = set()
    for each in bptt.discrepancies:
        if each.wrong is not Wrong.MISSING or each.expected is None or each.expected.slope_of is None:
            continue
        some_right = each.gate.value.key in bptt.right_gates
        place = each.use if some_right and each.use is not None else each.delta
        node = place.origin if some_right else _around(bptt, each.beside) or place.origin
        if node is None or not bptt.module.holds(node) or id(node) in seen:
            continue
        seen.add(id(node))
        symbol = symbol_of(kind_of(each))
        where = "here, though another use has it" if some_right else "before it is used"
        yield Report(
            node,
            f"`{bptt.module.text_of(node)}` lacks the derivative of {symbol} {where}: with y = "
            f"{symbol}(a) the adjoint "
            f"of a is that of y times {slope_text(kind_of(each), 'y')}.",
            remark=f"no {symbol}'",
            group=WRONG_QUANTITY,
        )


def _around(bptt: BackwardPass, beside: Term | None) -> tree.Expression | None:
    """The sum or assigned value that a factor beside the missing one stands in."""
    if beside is None or beside.origin is None or not bptt.module.holds(beside.origin):
        return None
    statement = bptt.module.statement_of(beside.origin)
    if isinstance(statement, tree.Assign | tree.AugmentedAssign) and statement.value is not beside.origin:
        return statement.value
    return None


_SENTIMENT = """\
import numpy as np


def sigma(a): return 1 / (1 + np.exp(-a))


class Sentiment:
    def forward(self, xs):
        self.xs, self.h = xs, [np.zeros(self.n)]
        for x in xs:
            self.h.append(np.tanh(self.U @ x + self.W @ self.h[-1]))
        self.p = sigma(self.v @ self.h[-1])
        return self.p

    def backward(self, label):
        dU, dW = np.zeros_like(self.U), np.zeros_like(self.W)
        dp = self.p - label
        dv = dp @ self.h[-1]
        dh = dp @ self.v
        for t in reversed(range(len(self.xs))):
            da = dh * SLOPE
            dU += np.outer(da, self.xs[t])
            dW += np.outer(da, self.h[t])
            dh = self.W.T @ da
        return dU, dW, dv
"""

_KEPT = """\
import numpy as np


def forward(xs, W_x, W_h, b):
    hs = [np.zeros(len(b))]
    for x in xs:
        hs.append(np.tanh(W_x @ x + W_h @ hs[-1] + b))
    return hs


def backward(xs, hs, dhs, W_x, W_h, b):
    das = np.zeros((len(xs), len(b)))
    dW_x, dW_h, db = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(b)
    carry = np.zeros(len(b))
    for t in reversed(range(len(xs))):
        das[t] = (dhs[t + 1] + carry) * (1 - hs[t + 1] ** 2)
        dW_h += np.outer(das[t], hs[t])
        carry = W_h.T @ das[t]
    GRADIENTS
    return dW_x, dW_h, db
"""

_TIED = """\
import numpy as np


def forward(xs, E, W):
    hs, ys = [np.zeros(len(W))], []
    for x in xs:
        hs.append(np.tanh(W @ hs[-1] + E @ x))
        ys.append(E.T @ hs[-1])
    return hs, ys


def backward(xs, hs, dys, E, W):
    dE, dW = np.zeros_like(E), np.zeros_like(W)
    carry = np.zeros(len(W))
    for t in reversed(range(len(xs))):
        dE += np.outer(hs[t + 1], dys[t])
        da = (E @ dys[t] + carry) * (1 - hs[t + 1] ** 2)
        dE += np.outer(da, xs[t])
        dW += np.outer(da, hs[t])
        carry = W.T @ da
    return dE, dW
"""

_SUMMED_BY_ANOTHER = """\
import numpy as np


class Rnn:
    @staticmethod
    def forward(kept, xs, h, W, U, b):
        hs = np.empty((len(xs), *h.shape))
        for t in range(len(xs)):
            h = np.tanh(xs[t] @ W.T + h @ U.T + b)
            hs[t] = h
        kept.saved = xs, W, U, hs
        return h

    @staticmethod
    def backward(kept, dh):
        xs, W, U, hs = kept.saved
        dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros(len(W))
        for t in range(len(xs) - 1, -1, -1):
            da = dh * (1 - hs[t] ** 2)
            dW += da.T @ xs[t]
            dU += da.T @ (hs[t - 1] if t else np.zeros_like(hs[t]))
            db += da.sum(0)
            dh = da @ U
        return dh, dW, dU, db


class Kept:
    pass


class Model:
    def __init__(self, n_in, n_hid):
        self.W, self.U, self.b = np.random.randn(n_hid, n_in), np.eye(n_hid), np.zeros(n_hid)
        self.V, self.c = np.random.randn(2, n_hid), np.zeros(2)

    def loss_and_grads(self, xs, target):
        kept, grads = Kept(), {}
        h = Rnn.forward(kept, xs, np.zeros((xs.shape[1], len(self.b))), self.W, self.U, self.b)
        miss = h @ self.V.T + self.c - target
        grads.update(V=miss.T @ h, c=miss.sum(0))
        _, grads["W"], grads["U"], grads["b"] = Rnn.backward(kept, miss @ self.V)
        return 0.5 * np.sum(miss**2), grads
"""

VALID = (
    Valid("an embedding that makes the outputs, too", _TIED),
    Valid("every gate with its derivative", LSTM),
    Valid("summed by another function", _SUMMED_BY_ANOTHER),
    Valid("an output with cross-entropy", _SENTIMENT.replace("SLOPE", "(1 - self.h[t + 1] ** 2)")),
    Valid(
        "kept with its derivative, read again in a loop of its own",
        _KEPT.replace(
            "GRADIENTS", "for da, x in zip(das, xs):\n        db, dW_x = db + da, dW_x + np.outer(da, x)"
        ),
    ),
    Valid(
        "kept with its derivative, all steps turned by a function that is not followed",
        _KEPT.replace("GRADIENTS", "dW_x = np.moveaxis(das, 0, 1) @ xs"),
    ),
)

INVALID = (
    Invalid(
        "the adjoint of h goes back where that of a belongs",
        lstm(dz="W_f.T @ df + W_i.T @ di + W_g.T @ dg + W_o.T @ dh"),
        lines=(53,),
    ),
    Invalid("none in the input gate", lstm(di="dC * g[t]"), lines=(43,)),
    Invalid("none in the cell state", lstm(dC="dC_next + dh * o[t]"), lines=(41,)),
)
