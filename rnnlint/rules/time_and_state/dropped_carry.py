"""RNN104: nothing flows back through time."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Misunderstanding, Severity, Span
from rnnlint.model.backward import BackwardPass
from rnnlint.model.dropped_carries import DroppedCarry, dropped_carry
from rnnlint.model.gradient_names import place_name
from rnnlint.rules.derivatives.cases import LSTM
from rnnlint.rules.registry import FixDraft, Invalid, Replacement, Report, Valid, empty_span, rule
from rnnlint.syntax import tree


@rule("RNN104", "dropped-carry", severity=Severity.ERROR, needs="the forward pass, or data flow")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """An adjoint that should flow from step t+1 to step t of the backward pass does not.

    ## What it does

    Follows every adjoint of the backward loop. Where the forward pass is recurrent and none of them reaches
    the next round of the loop, by a variable, an attribute, a slot of an array or a call, the carry is
    dropped. So it is where C's comes back and h's stays the zeros it was set to, or the other way round.

    ## Why it is wrong

    h_{t−1} enters step t through every gate and C_{t−1} through the forget gate, so the loss of the later
    steps reaches step t by dh_next = (Σ_k W_kᵀ δ_k) and dC_next = dC ⊙ f. While they stay zero each step
    learns from its own output alone: it is no backpropagation through time.

    ## Example

    ```python
    for t in reversed(range(T)):
        dh = W_v.T @ dv + dh_next
        ...
        dh_prev = dz[:hidden_size]      # computed, then forgotten
    ```

    ## Use instead

    ```python
        dh_next = dz[:hidden_size]
        dC_next = dC * f[t]
    ```

    ## When it is right

    A network without recurrence has nothing to carry. Truncation by a limit still carries within its window.
    Where a call that cannot be followed stands in the loop, the rule is silent.

    ## Fix safety

    Offered where each carry has exactly one idle adjoint to take. It changes the gradient, so it is safe only
    after the numeric check has verified it."""
    dropped = dropped_carry(bptt)
    if dropped is None or not bptt.module.holds(dropped.loop.statement):
        return
    names = [each.name for each in dropped.carries]
    idle = [f"`{name}`" for name in dict.fromkeys(place_name(each.binding.place) for each in dropped.idle)]
    stay = (
        f"{_and([f'`{name}`' for name in names])} stay{'s' if len(names) == 1 else ''} zero" if names else ""
    )
    forgotten = f"{_and(idle)} {'is' if len(idle) == 1 else 'are'} computed and never used" if idle else ""
    detail = f": {' and '.join(each for each in (stay, forgotten) if each)}" if stay or forgotten else ""
    repair = "".join(
        f" Set `{carry} = {source}` at the end of the step." for carry, source in dropped.repairs
    )
    whose = "The adjoint of one state does not flow" if dropped.others_flow else "No adjoint flows"
    opening = f"{whose} from step t+1 to step t"
    yield Report(
        _place(bptt, dropped),
        f"{opening}{detail}. The state of a step enters the next one, "
        "so its adjoint "
        "must hold what comes back from there: dh_next = Σ_k W_kᵀ δ_k, dC_next = dC ⊙ f."
        f"{repair}",
        remark="computed, then forgotten" if idle else _LEARNS_NOTHING[dropped.others_flow],
        fix=_fix(bptt, dropped),
        group=_misunderstanding(names, dropped),
    )


_LEARNS_NOTHING = {
    False: "no step learns from later ones",
    True: "through this state no step learns from later ones",
}
"""What it costs: where no adjoint is carried, and where another state's is."""


def _misunderstanding(names: list[str], dropped: DroppedCarry) -> Misunderstanding:
    nothing = _LEARNS_NOTHING[dropped.others_flow]
    stay = f"{' and '.join(names)} {'stays' if len(names) == 1 else 'stay'} zero: " if names else ""
    lost = f"{stay}{nothing}." if stay else f"{nothing[0].upper()}{nothing[1:]}."
    explanation = "\n".join([lost, *(f"  + {carry} = {source}" for carry, source in dropped.repairs)])
    if dropped.others_flow:
        return Misunderstanding("one-state-flows-back", "One state's adjoint stays behind", explanation)
    return Misunderstanding("nothing-flows-back", "Nothing flows back through time", explanation)


def _place(bptt: BackwardPass, dropped: DroppedCarry) -> tree.Node:
    idle = sorted(dropped.idle, key=lambda each: (not each.by_weights, not each.is_thrown_away))
    statements = [each.binding.statement for each in idle]
    statements += [each.binding.statement for each in dropped.carries]
    for statement in statements:
        if bptt.module.holds(statement):
            return statement
    loop = dropped.loop.statement
    return loop.iterable if isinstance(loop, tree.For) else loop.test


def _fix(bptt: BackwardPass, dropped: DroppedCarry) -> FixDraft | None:
    if not dropped.repairs or not bptt.module.holds(dropped.loop.statement):
        return None
    body, source = dropped.loop.statement.body, bptt.module.source
    last = body[-1]
    while isinstance(last, tree.For | tree.While | tree.If | tree.With):
        last = (last.otherwise if isinstance(last, tree.If) and last.otherwise else last.body)[-1]
    start, end = bptt.module.span(body[0]), bptt.module.span(last)
    indent = source.line_text(start.line)[: start.column - 1]
    lines = "".join(f"{indent}{carry} = {idle}\n" for carry, idle in dropped.repairs)
    if end.end_line >= source.text.count("\n") + (not source.text.endswith("\n")):
        where: Span = empty_span(end.end_line, end.end_column)
        return FixDraft("Carry the adjoints on.", (Replacement(where, "\n" + lines.rstrip("\n")),))
    return FixDraft("Carry the adjoints on.", (Replacement(empty_span(end.end_line + 1, 1), lines),))


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1] if words else ""]))


_RNN = """\
import numpy as np


def loss_and_gradients(xs, targets, h_init, W_x, W_h, W_y):
    hs, ys = {-1: h_init}, {}
    for t in range(len(xs)):
        hs[t] = np.tanh(W_x @ xs[t] + W_h @ hs[t - 1])
        ys[t] = W_y @ hs[t]
    dW_x, dW_h, dW_y = np.zeros_like(W_x), np.zeros_like(W_h), np.zeros_like(W_y)
    dh_next = np.zeros_like(h_init)
    for t in reversed(range(len(xs))):
        dy = ys[t] - targets[t]
        dW_y += dy @ hs[t].T
        dh = W_y.T @ dy + dh_next
        da = (1 - hs[t] ** 2) * dh
        dW_x += da @ xs[t].T
        dW_h += da @ hs[t - 1].T
        CARRY = W_h.T @ da
    return dW_x, dW_h, dW_y
"""

VALID = (
    Valid("the carry is updated", _RNN.replace("CARRY", "dh_next")),
    Valid(
        "the carry is a slot of an array",
        """\
import numpy as np


class Recurrent:
    def forward(self, xs):
        self.hs = np.zeros((len(xs) + 1, self.size))
        for t in range(len(xs)):
            self.hs[t + 1] = np.tanh(xs[t] @ self.W_x + self.hs[t] @ self.W_h)
        return self.hs[1:]

    def backward(self, xs, dhs):
        dW_x, dW_h = np.zeros_like(self.W_x), np.zeros_like(self.W_h)
        adjoints = np.array(dhs)
        for t in range(len(xs) - 1, -1, -1):
            da = adjoints[t] * (1 - self.hs[t + 1] ** 2)
            dW_x += np.outer(xs[t], da)
            dW_h += np.outer(self.hs[t], da)
            adjoints[t - 1] += da @ self.W_h.T
        return dW_x, dW_h
""",
    ),
)

INVALID = (
    Invalid(
        "computed and forgotten",
        _RNN.replace("CARRY", "dh_prev"),
        lines=(18,),
        fixed=_RNN.replace("CARRY = W_h.T @ da", "dh_prev = W_h.T @ da\n        dh_next = dh_prev"),
    ),
    Invalid(
        "C's is forgotten, h's flows",
        LSTM.replace("dC_next = dC * f[t]", "dC_prev = dC * f[t]"),
        lines=(55,),
        fixed=LSTM.replace(
            "        dC_next = dC * f[t]\n", "        dC_prev = dC * f[t]\n        dC_next = dC_prev\n"
        ),
    ),
    Invalid(
        "h's stays zero, C's flows",
        LSTM.replace("        dh_next = dz[:H]\n", ""),
        lines=(53,),
    ),
    Invalid(
        "never computed",
        _RNN.replace("        CARRY = W_h.T @ da\n", ""),
        lines=(10,),
    ),
)
