"""RNN208: a factor that is not the partner the product rule asks for."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Wrong
from rnnlint.model.terms import Op
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.derivatives.wording import uses_in_file
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN208", "wrong-partner", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """A δ is multiplied with a value that is not its gate's partner in the forward pass.

    ## What it does

    Takes the product rule to the file's own forward pass: in C_t = f ⊙ C_{t−1} + i ⊙ g the partner of f is
    C_{t−1}, of i it is g, of g it is i; in h_t = o ⊙ tanh(C_t) that of o is tanh(C_t). A δ with another value
    there is wrong.

    ## Why it is wrong

    ∂C/∂f = C_{t−1}, whatever else has the same shape. g in its place gives the gradient of another network.

    ## Example

    ```python
    do = dh * C * o * (1 - o)
    ```

    ## Use instead

    ```python
    do = dh * np.tanh(C) * o * (1 - o)
    ```

    ## When it is right

    What counts is the forward pass of the file: with h = o ⊙ C the partner of o is C, and the rule says
    nothing.

    ## Fix safety

    There is no fix: the right partner may not be at hand under a name.
    """
    told: set[int] = set()
    for each, node in uses_in_file(bptt, Wrong.PARTNER, Wrong.STEP):
        if each.read is not None and each.read.op is Op.RECALL:
            continue  # an index that points to another step
        statement = bptt.module.statement_of(node)
        if id(statement) in told:
            continue
        told.add(id(statement))
        text = bptt.module.text_of(node)
        yield Report(
            node,
            f"`{text}` is not what the forward pass multiplies this gate's value with; the derivative of a "
            "product is the other factor: C_{t-1} for f, g for i, i for g, tanh(C_t) for o. A gate that acts "
            "twice, as f does in f * C_{t-1} + (1 - f) * g, has both: C_{t-1} - g.",
            remark="not its partner",
        )


_COUPLED = """\
import numpy as np


def sigma(a): return 1 / (1 + np.exp(-a))


class Coupled:
    def forward(self, xs):
        h, c = np.zeros(self.n), np.zeros(self.n)
        self.tape = []
        for x in xs:
            z = np.concatenate((h, x))
            f, g, o = sigma(self.Wf @ z), np.tanh(self.Wg @ z), sigma(self.Wo @ z)
            before = c
            c = f * before + (1 - f) * g
            h = o * np.tanh(c)
            self.tape.append((z, f, g, o, before, c))

    def backward(self, dhs):
        self.dWf, self.dWg, self.dWo = np.zeros_like(self.Wf), np.zeros_like(self.Wg), np.zeros_like(self.Wo)
        dh, dc = np.zeros(self.n), np.zeros(self.n)
        for t in reversed(range(len(self.tape))):
            z, f, g, o, before, c = self.tape[t]
            dh = dh + dhs[t]
            dc = dc + dh * o * (1 - np.tanh(c) ** 2)
            df = dc * PARTNER * f * (1 - f)
            dg = dc * (1 - f) * (1 - g ** 2)
            do = dh * np.tanh(c) * o * (1 - o)
            self.dWf += np.outer(df, z)
            self.dWg += np.outer(dg, z)
            self.dWo += np.outer(do, z)
            dh = (self.Wf.T @ df + self.Wg.T @ dg + self.Wo.T @ do)[:self.n]
            dc = dc * f
"""

VALID = (
    Valid("every gate with its partner", LSTM),
    Valid("a gate that acts twice", _COUPLED.replace("PARTNER", "(before - g)")),
)

INVALID = (
    Invalid("one of the two partners of a coupled gate", _COUPLED.replace("PARTNER", "before"), lines=(26,)),
    Invalid("the cell state for its tanh", lstm(do="dh * C[t] * o[t] * (1 - o[t])"), lines=(40,)),
    Invalid(
        "this step's cell state for the one before, both taken out of a tuple",
        lstm(df="dC * now * f[t] * (1 - f[t])")
        .replace(
            "z, f, i, g, o, ys = {}, {}, {}, {}, {}, {}",
            "z, f, i, g, o, ys, kept = {}, {}, {}, {}, {}, {}, []",
        )
        .replace("        h[t] = o[t]", "        kept.append((C[t - 1], C[t]))\n        h[t] = o[t]")
        .replace("        dv = ys", "        before, now = kept[t]\n        dv = ys"),
        lines=(46,),
    ),
    Invalid("the candidate for the cell state", lstm(df="dC * g[t] * f[t] * (1 - f[t])"), lines=(44,)),
)
