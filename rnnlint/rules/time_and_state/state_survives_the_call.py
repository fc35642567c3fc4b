"""RNN112: from the second call on, the backward pass reads the first sequence."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.file_model import FileModel
from rnnlint.model.surviving_state import SurvivingState
from rnnlint.rules.registry import FixDraft, Invalid, Replacement, Report, Valid, empty_span, rule


@rule("RNN112", "state-survives-the-call", severity=Severity.WARNING, needs="data flow")
def check(model: FileModel) -> Iterator[Report]:
    """A list of states only grows: from the second call on the backward pass reads the first sequence.

    ## What it does

    Finds lists of a class that begin empty in its constructor, that the forward pass appends to, that the
    backward pass reads by the number of the step, and that nothing in the project empties or sets anew.

    ## Why it is wrong

    After two sequences of T steps the list holds 2T entries, and entry t is still step t of the first one.
    The gradient of every later sequence is made with the states of the first. The first call is right, which
    hides it.

    ## Example

    ```python
    def forward(self, xs):
        for x in xs:
            self.states.append(self.step(x))
    ```

    ## Use instead

    ```python
    def forward(self, xs):
        self.states = []
        for x in xs:
            self.states.append(self.step(x))
    ```

    ## When it is right

    A list that is emptied or set anew somewhere, by a `reset` or by its owner, is silent; so is one that is
    read from its end or emptied by `pop`.

    ## Fix safety

    Where the method that appends goes over the whole sequence, the fix empties the list before that loop. A
    list that a step's own method fills has none: where its sequence begins is for the caller to say.
    """
    if not model.is_recurrent:
        return
    for each in model.surviving_states:
        yield Report(
            each.append,
            f"`self.{each.attribute}` only grows: it is empty when the object is made and never "
            "again, and line "
            f"{model.module.span(each.read).line} reads it by the step's number. From the second "
            "sequence on that is the "
            "first one's state. Empty it when a sequence begins.",
            remark="never emptied",
            fix=_fix(model, each),
        )


def _fix(model: FileModel, state: SurvivingState) -> FixDraft | None:
    """The list made anew before the loop that fills it."""
    if state.filling_loop is None:
        return None
    start = model.module.span(state.filling_loop)
    indent = model.module.source.line_text(start.line)[: start.column - 1]
    emptied = f"self.{state.attribute} = []"
    place = empty_span(start.line, start.column)
    return FixDraft(f"Empty it first: `{emptied}`.", (Replacement(place, f"{emptied}\n{indent}"),))


_CLASS = """\
import numpy as np


class RNNLayer:
    def __init__(self, D, H):
        self.W_x, self.W_h = np.random.randn(H, D), np.random.randn(H, H)
        self.states = []

FORWARD

    def backward(self, xs, h0, dhs):
        dW_x, dW_h = np.zeros_like(self.W_x), np.zeros_like(self.W_h)
        dh_next = np.zeros_like(h0)
        for t in reversed(range(len(xs))):
            da = (dhs[t] + dh_next) * (1 - self.states[t] ** 2)
            dW_x += np.outer(da, xs[t])
            dW_h += np.outer(da, self.states[t - 1] if t > 0 else h0)
            dh_next = self.W_h.T @ da
        return dW_x, dW_h
"""

_OVER_STEPS = """\
    def forward(self, xs, h):
        BEGIN
        for x in xs:
            h = np.tanh(self.W_x @ x + self.W_h @ h)
            self.states.append(h)
        return h
"""

_OF_ONE_STEP = """\
    def step(self, x, h):
        h = np.tanh(self.W_x @ x + self.W_h @ h)
        self.states.append(h)
        return h
"""

_LAYER = _CLASS.replace("FORWARD\n", _OVER_STEPS)

VALID = (
    Valid("emptied when a sequence begins", _LAYER.replace("BEGIN", "self.states = []")),
    Valid(
        "annotated where it begins",
        _LAYER.replace("BEGIN", "self.states = []").replace(
            "        self.states = []\n\n    def forward", "        self.states: list = []\n\n    def forward"
        ),
    ),
    Valid("emptied by a method", _LAYER.replace("BEGIN", "self.states.clear()")),
    Valid(
        "emptied by its owner",
        _LAYER.replace("        BEGIN\n", "") + "\n\nlayer = RNNLayer(2, 3)\nlayer.states = []\n",
    ),
)

INVALID = (
    Invalid(
        "never emptied",
        _LAYER.replace("        BEGIN\n", ""),
        lines=(12,),
        fixed=_LAYER.replace("BEGIN", "self.states = []"),
    ),
    Invalid(
        "filled step by step",
        _CLASS.replace("FORWARD\n", _OF_ONE_STEP),
        lines=(11,),
    ),
)
