"""RNN101: a read of the step before that is another step's, the last one's among them."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.state_reads import WrappedRead, misreads, wrapped_reads
from rnnlint.rules.derivatives.cases import lstm
from rnnlint.rules.registry import FixDraft, Invalid, RelatedDraft, Report, Valid, rule
from rnnlint.rules.time_and_state.indices import (
    corrected,
    index_fix,
    one_place_later,
    related,
    shifted,
    stored_at,
)
from rnnlint.syntax import tree


@rule(
    "RNN101",
    "wrapped-previous-state",
    severity=Severity.ERROR,
    needs="how the sequence stores its initial state, and data flow",
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The backward pass reads another step's state where that of the step before belongs.

    ## What it does

    Finds reads in the role of h_{t−1} or C_{t−1} that hold another state: two steps back in a list whose
    first entry is the initial state, and index −1 at t = 0 of a list that has no initial state, which is its
    last entry.

    ## Why it is wrong

    δf = dC ⊙ C_{t−1} ⊙ f(1 − f), and dW_hh = Σ_t δ_t h_{t−1}ᵀ. Python's index −1 is the end of the list: at t
    = 0 the product is made with the state of the last step instead of the initial one, and no error is
    raised.

    ## Example

    ```python
    C = [C_init]                # forward: C.append(C_t) at every step
    C_prev = C[t - 1]
    ```

    ## Use instead

    ```python
    C_prev = C[t]
    ```

    ## When it is right

    A dict with the initial state under −1, an array of T + 1 rows or a list whose last entry is the initial
    state, and a read under `if t > 0` or times `(t > 0)` are right, and the rule is silent there.

    ## Fix safety

    Where the initial state is stored first the fix shifts the index. Where a condition that was to choose
    another value at the first step misses it by one, the fix moves the condition. Where the initial state is
    not stored at all there is no fix: the forward pass must keep it."""
    module = bptt.module
    for misread in misreads(bptt):
        if misread.role != -1:
            continue
        first = misread.nodes[0]
        access, right = module.text_of(first), corrected(module, first, misread.correction)
        store = misread.sequence.initial_store
        why = (
            f"{stored_at(store)} stores the initial state first"
            if store
            else "of how the forward pass fills it"
        )
        wraps = misread.correction > 0
        back = misread.correction - misread.role
        what = f"{back} steps back, and at the first step the LAST state" if wraps else "not the state before"
        yield Report(
            first,
            f"`{access}` is {what}, because {why}; the equation here asks for the state of the step before. "
            f"Use `{right}`.",
            remark="t=0: the LAST state" if wraps else "",
            fix=index_fix(module, misread.nodes, misread.correction),
            group=one_place_later(bptt) if store else None,
            related=related(misread.sequence),
        )
    for wrapped in wrapped_reads(bptt):
        yield _wrapped(bptt, wrapped)


def _wrapped(bptt: BackwardPass, wrapped: WrappedRead) -> Report:
    access = bptt.module.text_of(wrapped.node)
    guard = wrapped.idle_guard
    so = "At" if guard is None else f"`{bptt.module.text_of(guard)}` is the same at every step, so at"
    return Report(
        wrapped.node if guard is None else guard,
        f"{so} the first step `{access}` has a negative index, which is the LAST state of the list: it "
        "holds no initial "
        "state. Keep the initial state in the forward pass, or use it at the first step.",
        remark="t=0: the LAST state" if guard is None else "never the first step",
        fix=_moved_guard(bptt, wrapped),
        related=() if guard is None else (RelatedDraft(wrapped.node, "at t = 0 this is the last state"),),
    )


def _moved_guard(bptt: BackwardPass, wrapped: WrappedRead) -> FixDraft | None:
    """The condition that is off by one, so that it holds at the first step."""
    match wrapped.idle_guard:
        case tree.Compare(rights=(right,)) if wrapped.missed_by in (-1, 1):
            return FixDraft.replace(right, shifted(bptt.module, right, wrapped.missed_by))
    return None


_LIST_FIRST = """\
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward(xs, h, C, p):
    zs, fs, gs, Cs, hs = [], [], [], [C], [h]
    for x in xs:
        z = np.vstack((h, x))
        f = sigmoid(p["W_f"] @ z + p["b_f"])
        g = np.tanh(p["W_g"] @ z + p["b_g"])
        C = f * C + (1 - f) * g
        h = np.tanh(C)
        zs.append(z)
        fs.append(f)
        gs.append(g)
        Cs.append(C)
        hs.append(h)
    return zs, fs, gs, Cs, hs


def backward(zs, fs, gs, Cs, hs, dhs, p):
    grads = {name: np.zeros_like(value) for name, value in p.items()}
    dh_next, dC_next = np.zeros_like(hs[-1]), np.zeros_like(Cs[-1])
    for t in reversed(range(len(zs))):
        dh = dhs[t] + dh_next
        dC = dC_next + dh * (1 - np.tanh(Cs[t + 1]) ** 2)
        df = dC * (Cs[t] - gs[t]) * fs[t] * (1 - fs[t])
        dg = dC * (1 - fs[t]) * (1 - gs[t] ** 2)
        grads["dW_f"] += df @ zs[t].T
        grads["dW_g"] += dg @ zs[t].T
        dz = p["W_f"].T @ df + p["W_g"].T @ dg
        dh_next, dC_next = dz[: len(dh)], dC * fs[t]
    return grads
"""

_NO_INITIAL = """\
import numpy as np


class Cell:
    def forward(self, xs):
        h = np.zeros(self.size)
        self.hs = []
        for x in xs:
            h = np.tanh(x @ self.W_x + h @ self.W_h)
            self.hs.append(h)
        return self.hs

    def backward(self, xs, dhs):
        dW_x, dW_h = np.zeros_like(self.W_x), np.zeros_like(self.W_h)
        carry = np.zeros(self.size)
        for t in reversed(range(len(xs))):
            da = (dhs[t] + carry) * (1 - self.hs[t] ** 2)
            dW_x += np.outer(xs[t], da)
            PREVIOUS
            dW_h += np.outer(before, da)
            carry = da @ self.W_h.T
        return dW_x, dW_h
"""


_READY_FOR_THE_STEP_BEFORE = """\
import numpy as np


class Truncated:
    def forward(self, xs):
        s = np.zeros((len(xs) + 1, self.n))
        for t in range(len(xs)):
            s[t] = np.tanh(self.U @ xs[t] + self.W @ s[t - 1])
        return s

    def backward(self, xs, dys):
        s = self.forward(xs)
        dU, dW = np.zeros_like(self.U), np.zeros_like(self.W)
        for t in reversed(range(len(xs))):
            delta = (self.V.T @ dys[t]) * (1 - s[t] ** 2)
            for k in range(max(0, t - 5), t + 1)[::-1]:
                dU += np.outer(delta, xs[k])
                dW += np.outer(delta, s[k - 1])
                delta = (self.W.T @ delta) * (1 - s[STATE] ** 2)
        return dU, dW
"""

_KEPT = """\
import numpy as np
from collections import deque


def forward(xs, W, U):
    h = np.zeros(len(W))
    hs = BEGIN
    for t, x in enumerate(xs):
        h = np.tanh(W @ h + U @ x)
        STORE
    END
    return hs


def backward(xs, hs, dhs, W, U):
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    carry = np.zeros(len(W))
    for t in STEPS:
        da = (dhs[t] + carry) * (1 - hs[STATE] ** 2)
        dW += np.outer(da, BEFORE)
        dU += np.outer(da, xs[t])
        carry = W.T @ da
    return dW, dU
"""


def _kept(
    begin: str,
    end: str = "",
    store: str = "hs.append(h)",
    state: str = "t",
    before: str = "hs[t - 1]",
    steps: str = "reversed(range(len(xs)))",
) -> str:
    text = _KEPT.replace("BEGIN", begin).replace("END", end).replace("STORE", store)
    return text.replace("STATE", state).replace("BEFORE", before).replace("STEPS", steps)


_TWO_BEFORE = """\
import numpy as np


def forward(xs, A, B, U):
    hs = [np.zeros(len(A)), np.zeros(len(A))]
    for x in xs:
        hs.append(np.tanh(A @ hs[-1] + B @ hs[-2] + U @ x))
    return hs


def backward(xs, hs, dhs, A, B, U):
    one, other, new = np.zeros_like(A), np.zeros_like(B), np.zeros_like(U)
    next_one, next_but_one = np.zeros(len(A)), np.zeros(len(A))
    for t in reversed(range(len(xs))):
        da = (dhs[t + 2] + next_one) * (1 - hs[t + 2] ** 2)
        one += np.outer(da, hs[t + 1])
        other += np.outer(da, hs[t])
        new += np.outer(da, xs[t])
        next_one, next_but_one = A.T @ da + next_but_one, B.T @ da
    return one, other, new
"""

_KEPT_LISTS = (
    lstm(
        dC="dC_next * (f[t + 1] if t + 1 < len(xs) else 0) + dh * o[t] * tanh(C[t], derivative=True)",
        dC_next="dC",
    )
    .replace("C = {-1: h_init}, {-1: C_init}", "C, c = {-1: h_init}, [], C_init")
    .replace(
        "        C[t] = f[t] * C[t - 1] + i[t] * g[t]\n",
        "        c = f[t] * c + i[t] * g[t]\n        C.append(c)\n",
    )
)

VALID = (
    Valid("the initial state appended behind the steps", _kept("[]", "hs.append(np.zeros(len(W)))")),
    Valid("a list put behind the steps", _kept("[]", "hs.extend([np.zeros(len(W))])")),
    Valid(
        "the initial state taken out again",
        _kept("[h]", "hs.pop(0)", before="(hs[t - 1] if t else 0 * carry)"),
    ),
    Valid("deleted again", _kept("[h]", "del hs[0]", before="(hs[t - 1] if t else 0 * carry)")),
    Valid("a deque that begins with it", _kept("deque([h])", state="t + 1", before="hs[t]")),
    Valid("a dict of pairs", _kept("dict([(-1, h)])", store="hs[t] = h")),
    Valid("a product that leaves the first step out", _kept("[]", before="hs[t - 1] * (t > 0)")),
    Valid("a choice that leaves the first step out", _kept("[]", before="np.where(t > 0, hs[t - 1], 0)")),
    Valid("a state that rests on the two before it", _TWO_BEFORE),
    Valid("counted from the end", _kept("[h]", steps="range(-1, -len(xs) - 1, -1)")),
    Valid("a list with the initial state first, read at t", _LIST_FIRST),
    Valid(
        "a read under a guard",
        _NO_INITIAL.replace("PREVIOUS", "before = self.hs[t - 1] if t > 0 else np.zeros(self.size)"),
    ),
    Valid("a delta made ready for the step before", _READY_FOR_THE_STEP_BEFORE.replace("STATE", "k - 1")),
)

INVALID = (
    Invalid("in a list of the steps alone", _kept("[]"), lines=(20,)),
    Invalid(
        "beside a factor that is another one at the last step",
        _KEPT_LISTS,
        lines=(45,),
    ),
    Invalid(
        "a delta made ready for the step before with this step's state",
        _READY_FOR_THE_STEP_BEFORE.replace("STATE", "k"),
        lines=(19,),
        fixed=_READY_FOR_THE_STEP_BEFORE.replace("STATE", "k - 1"),
    ),
    Invalid(
        "index minus one at the first step of a list without an initial state",
        _NO_INITIAL.replace("PREVIOUS", "before = self.hs[t - 1]"),
        lines=(19,),
    ),
    Invalid(
        "a guard that never holds",
        _NO_INITIAL.replace("PREVIOUS", "before = np.zeros(self.size) if t == len(xs) else self.hs[t - 1]"),
        lines=(19,),
    ),
    Invalid(
        "a guard that misses the first step by one",
        _NO_INITIAL.replace("PREVIOUS", "before = np.zeros(self.size) if t == -1 else self.hs[t - 1]"),
        lines=(19,),
        fixed=_NO_INITIAL.replace("PREVIOUS", "before = np.zeros(self.size) if t == 0 else self.hs[t - 1]"),
    ),
    Invalid(
        "two steps back where the initial state is stored first",
        _LIST_FIRST.replace("(Cs[t] - gs[t])", "(Cs[t - 1] - gs[t])"),
        lines=(30,),
        fixed=_LIST_FIRST,
    ),
)
