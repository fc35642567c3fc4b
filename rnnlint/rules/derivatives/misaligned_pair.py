"""RNN211: a product over all steps pairs δ_t with the wrong state."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.forward import last_word
from rnnlint.model.whole_sequences import MisalignedPair, misaligned_pairs
from rnnlint.rules.registry import FixDraft, Invalid, Report, Valid, rule


@rule("RNN211", "misaligned-pair", severity=Severity.ERROR, needs="how both sequences are filled")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """A product over all steps at once pairs δ_t with another state than the forward pass did.

    ## What it does

    Works out which step each entry of two whole sequences belongs to: lists and arrays that the forward pass
    fills, with or without the initial state first, lists that the backward pass fills from the last step on,
    arrays that it fills step by step; turned round by `[::-1]` or `np.flip`, cut by `[1:]` and `[:-1]`,
    joined side by side by `np.hstack`, `np.stack` or `np.concatenate`, transposed, with an initial state put
    in front. Reports the
    product in a weight's gradient where they do not meet as they should, be it written with `@`, `np.dot`,
    `np.einsum` or `np.tensordot`.

    ## Why it is wrong

    dW_hh = Σ_t δ_t h_{t−1}ᵀ: the δ of a step meets the state before it. Both `hs[:-1]` and `deltas[:-1]`
    begin with step 0, so their product is Σ_t δ_t h_tᵀ. The shapes agree, and nothing is raised.

    ## Example

    ```python
    dW_h = np.array(deltas[:-1]).T @ np.array(hs[:-1])       # hs[0] is the state of step 0
    ```

    ## Use instead

    ```python
    dW_h = np.array(deltas[1:]).T @ np.array(hs[:-1])
    ```

    ## When it is right

    Where the initial state is stored first, `hs[:-1]` begins one step earlier and meets all of `deltas`.

    ## Fix safety

    Where one of the two is cut at the wrong end, the fix cuts it at the other, `[:-1]` for `[1:]`. It changes
    the gradient, so it is never applied as safe unless the numeric check has verified it. Where nothing is
    cut there is no fix: whether a δ or a state is to be left out, only the author knows.
    """
    for each in misaligned_pairs(bptt):
        yield Report(
            each.node,
            f"This pairs {_what(each)}: the gradient of `{last_word(each.weight)}` is the sum over t of δ_t "
            "and what the forward pass multiplied at step t. Cut or turn the two sequences so that their "
            "entries belong together.",
            remark="entries of different steps",
            fix=FixDraft.replace(each.cut, each.instead) if each.cut is not None else None,
        )


def _what(pair: MisalignedPair) -> str:
    if pair.apart is None:
        return "a sequence that runs forward in time with one that runs backward"
    steps = "one step" if abs(pair.apart) == 1 else f"{abs(pair.apart)} steps"
    return f"each δ with a state {steps} too {'late' if pair.apart > 0 else 'early'}"


_PROGRAM = """\
import numpy as np


def forward(xs, h, W_x, W_h):
    hs = BEGIN
    for x in xs:
        h = np.tanh(x @ W_x + h @ W_h)
        hs.append(h)
    return hs


def backward(xs, hs, dhs, W_x, W_h):
    deltas = []
    dh_next = np.zeros(W_h.shape[0])
    for t in reversed(range(len(xs))):
        da = (dhs[t] + dh_next) * (1 - hs[STATE] ** 2)
        deltas.append(da)
        dh_next = da @ W_h.T
    dW_x = np.array(xs).T @ np.array(deltas[::-1])
    dW_h = STATES.T @ DELTAS
    return dW_x, dW_h
"""


def _program(begin: str, states: str, deltas: str) -> str:
    text = _PROGRAM.replace("BEGIN", begin).replace("STATES", states).replace("DELTAS", deltas)
    return text.replace("STATE", "t" if begin == "[]" else "t + 1")


_CONTRACTED = """\
import numpy as np


class RNN:
    def forward(self, x):
        self.x = x
        self.s = np.zeros((x.shape[0], x.shape[1], self.n))
        s = np.zeros((x.shape[0], self.n))
        for t in range(x.shape[1]):
            s = np.tanh(x[:, t] @ self.U + s @ self.W)
            self.s[:, t] = s

    def backward(self, ds):
        delta = np.zeros((self.x.shape[0], self.x.shape[1], self.n))
        carry = 0
        for t in reversed(range(self.x.shape[1])):
            delta[:, t] = (ds[:, t] + carry) * (1 - self.s[:, t] ** 2)
            carry = delta[:, t] @ self.W.T
        self.dU = np.einsum("btd,bth->dh", self.x, delta)
        self.dW = PRODUCT
"""


def _contracted(product: str) -> str:
    return _CONTRACTED.replace("PRODUCT", product)


_STEPS_LAST = """\
np.einsum(
            "ibt,jbt->ij",
            self.s.transpose(2, 0, 1)[:, :, STATES],
            np.transpose(delta, (2, 0, 1))[:, :, DELTAS],
        )"""

VALID = (
    Valid("the initial state first", _program("[h]", "np.array(hs[:-1])", "np.array(deltas[::-1])")),
    Valid("the initial state left out", _program("[]", "np.array(hs)[:-1]", "np.flip(deltas, axis=0)[1:]")),
    Valid(
        "contracted over batch and time",
        _contracted('np.einsum("bti,btj->ij", self.s[:, :-1], delta[:, 1:])'),
    ),
    Valid(
        "the initial state put in front",
        _contracted(
            "np.tensordot(np.append(self.s[:, :1] * 0, self.s[:, :-1], axis=1), delta, ((0, 1), (0, 1)))"
        ),
    ),
    Valid(
        "a column a step",
        _program("[]", "np.array(hs).T[:, :-1].T", "np.stack(deltas[::-1], axis=1)[:, 1:].T"),
    ),
    Valid(
        "the axes in another order",
        _contracted(_STEPS_LAST.replace("STATES", ":-1").replace("DELTAS", "1:")),
    ),
    Valid("both from the last step on", _program("[h]", "np.array(hs)[:-1][::-1]", "np.array(deltas)")),
)

INVALID = (
    Invalid(
        "the δ of the same step",
        _program("[]", "np.array(hs[:-1])", "np.array(deltas[::-1])[:-1]"),
        lines=(20,),
        fixed=_program("[]", "np.array(hs[:-1])", "np.array(deltas[::-1])[1:]"),
    ),
    Invalid(
        "the δ of the same step, turned round once it is cut",
        _program("[]", "np.array(hs[:-1])", "np.flip(deltas[1:], axis=0)"),
        lines=(20,),
        fixed=_program("[]", "np.array(hs[:-1])", "np.flip(deltas[:-1], axis=0)"),
    ),
    Invalid(
        "the state of the step itself, beside the initial one",
        _program("[h]", "np.array(hs[1:])", "np.array(deltas[::-1])"),
        lines=(20,),
        fixed=_program("[h]", "np.array(hs[:-1])", "np.array(deltas[::-1])"),
    ),
    Invalid(
        "one of them not turned round",
        _program("[h]", "np.array(hs[:-1])", "np.array(deltas)"),
        lines=(20,),
    ),
    Invalid(
        "a column a step, both cut at the same end",
        _program("[]", "np.array(hs).T[:, :-1].T", "np.stack(deltas[::-1], axis=1)[:, :-1].T"),
        lines=(20,),
        fixed=_program("[]", "np.array(hs).T[:, :-1].T", "np.stack(deltas[::-1], axis=1)[:, 1:].T"),
    ),
    Invalid(
        "the axes in another order, both cut at the same end",
        _contracted(_STEPS_LAST.replace("STATES", "1:").replace("DELTAS", "1:")),
        lines=(20,),
        fixed=_contracted(_STEPS_LAST.replace("STATES", ":-1").replace("DELTAS", "1:")),
    ),
    Invalid(
        "the states of the same steps", _contracted('np.einsum("bti,btj->ij", self.s, delta)'), lines=(20,)
    ),
    Invalid(
        "both cut at the same end",
        _contracted("np.tensordot(self.s[:, :-1], delta[:, :-1], ((0, 1), (0, 1)))"),
        lines=(20,),
        fixed=_contracted("np.tensordot(self.s[:, :-1], delta[:, 1:], ((0, 1), (0, 1)))"),
    ),
)
