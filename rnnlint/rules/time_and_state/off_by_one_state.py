"""RNN102: the state of another step where this step's belongs."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.state_reads import misreads
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.rules.time_and_state.indices import corrected, index_fix, one_place_later, related, stored_at


@rule(
    "RNN102", "off-by-one-state", severity=Severity.ERROR, needs="how the sequence stores its initial state"
)
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The backward pass reads the state of another step where this step's belongs.

    ## What it does

    Finds reads of a state sequence in the role of h_t or C_t whose index holds another step's state. The role
    comes from the equation that the read stands in, the step from how the forward pass filled the sequence.

    ## Why it is wrong

    A list that starts as `[h_init]` and is appended to at every step holds h_t at index t + 1. The output
    layer's gradient is dW_v = Σ_t dv_t h_tᵀ, and δo = dh ⊙ tanh(C_t) ⊙ o(1 − o): with index t every product
    is made with the state of the step before.

    ## Example

    ```python
    h = [h_init]                # forward: h.append(h_t) at every step
    W_v_d += dv @ h[t].T
    ```

    ## Use instead

    ```python
    W_v_d += dv @ h[t + 1].T
    ```

    ## When it is right

    `h[t]` is h_t in a list that holds no initial state, in a dict with the initial state under −1, and in an
    array that the forward pass fills at index t. The rule is silent there, and wherever it cannot see the
    sequence filled.

    ## Fix safety

    The fix shifts the index by what the role lacks. It changes the gradient, so it is never applied as safe
    unless the numeric check has verified it."""
    for misread in misreads(bptt):
        if misread.role != 0:
            continue
        first, module = misread.nodes[0], bptt.module
        access, right = module.text_of(first), corrected(module, first, misread.correction)
        lines = [module.source.label(module.span(each).line) for each in misread.nodes[1:]]
        store = misread.sequence.initial_store
        why = (
            f"{stored_at(store)} stores the initial state first"
            if store
            else "of how the forward pass fills it"
        )
        later = "before" if misread.correction > 0 else "after"
        yield Report(
            first,
            f"`{access}` is the state of the step {later}, because {why}; the equation here asks for "
            "this step's "
            f"state. Use `{right}`.",
            remark=f"also {', '.join(lines)}" if lines else "",
            fix=index_fix(module, misread.nodes, misread.correction),
            group=one_place_later(bptt) if store else None,
            related=related(misread.sequence),
        )


_FORWARD = """\
import numpy as np


def forward(xs, h_init, W_x, W_h, W_y, b_h):
    hs, ys = [h_init], []
    for t in range(len(xs)):
        hs.append(np.tanh(W_x @ xs[t] + W_h @ hs[t] + b_h))
        ys.append(W_y @ hs[t + 1])
    return hs, ys


"""

VALID = (
    Valid(
        "a list with the initial state first, read one later",
        _FORWARD
        + """\
def backward(xs, hs, dys, W_x, W_h, W_y, b_h):
    dW_x, dW_h, dW_y = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(W_y)
    db_h = np.zeros_like(b_h)
    dh_next = np.zeros_like(hs[-1])
    for t in reversed(range(len(xs))):
        dW_y += dys[t] @ hs[t + 1].T
        dh = W_y.T @ dys[t] + dh_next
        da = dh * (1 - hs[t + 1] ** 2)
        dW_x += da @ xs[t].T
        dW_h += da @ hs[t].T
        db_h += da
        dh_next = W_h.T @ da
    return dW_x, dW_h, dW_y, db_h
""",
    ),
    Valid(
        "a dict with the initial state under minus one",
        """\
import numpy as np


def loss(xs, targets, h_init, W_x, W_h, W_y, b_h):
    hs, ps = {-1: h_init}, {}
    for t in range(len(xs)):
        hs[t] = np.tanh(W_x @ xs[t] + W_h @ hs[t - 1] + b_h)
        ps[t] = np.exp(W_y @ hs[t]) / np.sum(np.exp(W_y @ hs[t]))
    dW_x, dW_h, dW_y = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(W_y)
    db_h = np.zeros_like(b_h)
    dh_next = np.zeros_like(h_init)
    for t in reversed(range(len(xs))):
        dy = ps[t] - targets[t]
        dW_y += dy @ hs[t].T
        da = (W_y.T @ dy + dh_next) * (1 - hs[t] * hs[t])
        dW_x += da @ xs[t].T
        dW_h += da @ hs[t - 1].T
        db_h += da
        dh_next = W_h.T @ da
    return dW_x, dW_h, dW_y, db_h
""",
    ),
)

_WRONG = """\
def backward(xs, hs, dys, W_x, W_h, W_y, b_h):
    dW_x, dW_h, dW_y = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(W_y)
    db_h = np.zeros_like(b_h)
    dh_next = np.zeros_like(hs[-1])
    for t in reversed(range(len(xs))):
        dW_y += dys[t] @ hs[t].T
        dh = W_y.T @ dys[t] + dh_next
        da = dh * (1 - hs[t] ** 2)
        dW_x += da @ xs[t].T
        dW_h += da @ hs[t].T
        db_h += da
        dh_next = W_h.T @ da
    return dW_x, dW_h, dW_y, db_h
"""
_RECORDS = """\
import numpy as np


def forward(xs, h, W_x, W_h, b):
    tape = []
    for x in xs:
        before, h = h, np.tanh(W_x @ x + W_h @ h + b)
        tape.append((x, before, h))
    return tape


def step_back(dh, record, W_h):
    x, before, h = record
    da = dh * (1 - h ** 2)
    return W_h.T @ da, np.outer(da, x), np.outer(da, before), da


def backward(dhs, tape, W_x, W_h, b):
    dW_x, dW_h, db = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(b)
    carry = np.zeros(len(b))
    for t in reversed(range(len(tape))):
        carry, of_x, of_h, of_b = step_back(dhs[t] + carry, tape[STEP], W_h)
        dW_x += of_x
        dW_h += of_h
        db += of_b
    return dW_x, dW_h, db
"""
_UNNAMED = """\
import numpy as np


def run(xs, params):
    W_x, W_h, b = params
    hs = [np.zeros(len(b))]
    for x in xs:
        hs.append(np.tanh(x @ W_x + hs[-1] @ W_h + b))
    return hs


def gradients(xs, dhs, params):
    hs = run(xs, params)
    W_x, W_h, b = params
    found = [np.zeros_like(each) for each in params]
    carry = np.zeros(len(b))
    for t in reversed(range(len(xs))):
        da = (dhs[t] + carry) * (1 - hs[STATE] ** 2)
        found[0] += np.outer(xs[t], da)
        found[1] += np.outer(hs[BEFORE], da)
        found[2] += da
        carry = W_h @ da
    return found
"""
_RIGHT = _WRONG.replace("dys[t] @ hs[t].T", "dys[t] @ hs[t + 1].T").replace(
    "1 - hs[t] **", "1 - hs[t + 1] **"
)

INVALID = (
    Invalid(
        "the record that another step has kept: one line, whatever is taken out of it",
        _RECORDS.replace("STEP", "t - 1"),
        lines=(22,),
        fixed=_RECORDS.replace("STEP", "t"),
    ),
    Invalid(
        "gradients in a list, under no name",
        _UNNAMED.replace("STATE", "t").replace("BEFORE", "t"),
        lines=(18,),
        fixed=_UNNAMED.replace("STATE", "t + 1").replace("BEFORE", "t"),
    ),
    Invalid(
        "index t of a list whose first entry is the initial state",
        _FORWARD + _WRONG,
        lines=(17,),
        fixed=_FORWARD + _RIGHT,
    ),
)
