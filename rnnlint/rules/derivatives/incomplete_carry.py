"""RNN210: a path is missing from what comes back to the state before, or a factor on it."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import incomplete_carries
from rnnlint.model.carry_paths import WrongPath, wrong_paths
from rnnlint.model.forward import last_word
from rnnlint.model.gradient_names import place_name
from rnnlint.model.terms import Op, Term
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.registry import Invalid, Report, Valid, rule
from rnnlint.syntax import tree


@rule("RNN210", "incomplete-carry", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """What is carried back lacks a path by which the state before enters the step, or one of its factors.

    ## What it does

    Lists the weights that multiply h_{t−1} in the forward pass and those whose product is in the carry. Where
    some are there and others are not, the others are named; a GRU's h that comes back by z ⊙ dh alone lacks
    them all. Then follows the paths that go past the weights (C_t = f ⊙ C_{t−1} + …, h_t = z ⊙ h_{t−1} + …,
    W (r ⊙ h_{t−1})), and compares, by value, the factors on them with those that the carry is made of.

    ## Why it is wrong

    h_{t−1} enters step t through every gate, so dh_next is the sum over all of them: Σ_k W_kᵀ δ_k. A gate
    left out takes its share of the blame from every earlier step. C_{t−1} enters C_t times f, so
    dC_next = dC ⊙ f: without f the gradient does not forget what the forward pass forgot.

    ## Example

    ```python
    dz = W_f.T @ df + W_i.T @ di + W_g.T @ dg
    ```

    ## Use instead

    ```python
    dz = W_f.T @ df + W_i.T @ di + W_g.T @ dg + W_o.T @ do
    ```

    ## When it is right

    A weight that only multiplies the input has no part in the carry and is not asked for. Factors that cannot
    be seen into, a mask or a truncation, are not compared.

    ## Fix safety

    There is no fix: the name of the missing gate's δ is not known for certain.
    """
    told: set[int] = set()
    for each in incomplete_carries(bptt):
        told.add(id(each.place))
        names = [f"`{last_word(weight)}`" for weight in each.missing]
        listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        yield Report(
            each.place,
            f"`{place_name(each.binding.place)}` lacks what comes back through {listed}, which the "
            "forward pass multiplies "
            "with the state of the step before: dh_next = Σ_k W_kᵀ δ_k over all gates.",
            remark=f"no {', '.join(last_word(weight) for weight in each.missing)}",
        )
    for wrong in wrong_paths(bptt):
        if id(wrong.binding.statement) not in told:
            yield _of_path(bptt, wrong)


def _of_path(bptt: BackwardPass, wrong: WrongPath) -> Report:
    carry = place_name(wrong.binding.place)
    names = [_name_of(bptt, each) for each in wrong.expected]
    times = " * ".join(f"`{name}`" for name in names if name) if all(names) else ""
    path = f"The state of the step before enters this one times {times}" if times else _SOME_FACTOR
    if wrong.is_missing:
        return Report(
            wrong.binding.statement,
            f"`{carry}` lacks a path. {path}, past the weights: what comes down on the new state has to go "
            "back that way too.",
            remark=f"no path by {times.replace('`', '')}" if times else "a path is missing",
        )
    return Report(
        wrong.binding.statement,
        f"`{carry}` goes back with another factor than the forward pass has. {path}, so the adjoint goes "
        f"back times {times or 'the same factor'}, neither more nor less.",
        remark=f"not times {times.replace('`', '')}" if times else "another factor",
    )


_SOME_FACTOR = "The state of the step before enters this one times a factor"


def _name_of(bptt: BackwardPass, value: Term) -> str:
    """How the program reads a value of the forward pass, or calls it; nothing where it has no name."""
    here = bptt.forward.now(value)
    reads = (
        bptt.module.text_of(read.node)
        for read in bptt.heap.reads
        if read.loop in bptt.step_loops
        and bptt.module.holds(read.node)
        and bptt.forward.now(read.term) == here
    )
    if (text := next(reads, "")) != "":
        return text
    names = (
        place_name(each.place)
        for each in bptt.heap.bindings
        if each.value == here and not each.added and isinstance(each.target, tree.Name)
    )
    return next(names, last_word(value) if value.op is Op.SYMBOL else "")


_GRU = """\
import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def forward(xs, h, U_z, U_r, U_n, W_z, W_r, W_n):
    hs, zs, rs, ns = [h], [], [], []
    for x in xs:
        z = sigmoid(U_z @ x + W_z @ hs[-1])
        r = sigmoid(U_r @ x + W_r @ hs[-1])
        n = np.tanh(U_n @ x + W_n @ (r * hs[-1]))
        hs.append(z * hs[-1] + (1 - z) * n)
        zs.append(z)
        rs.append(r)
        ns.append(n)
    return hs, zs, rs, ns


def backward(dhs, xs, hs, zs, rs, ns, U_z, U_r, U_n, W_z, W_r, W_n):
    dW_z, dW_r, dW_n = np.zeros_like(W_z), np.zeros_like(W_r), np.zeros_like(W_n)
    dU_z, dU_r, dU_n = np.zeros_like(U_z), np.zeros_like(U_r), np.zeros_like(U_n)
    dh_next = np.zeros_like(hs[-1])
    for t in range(1, len(xs) + 1):
        dh = dhs[-t] + dh_next
        dz = dh * (hs[-t - 1] - ns[-t]) * zs[-t] * (1 - zs[-t])
        dn = dh * (1 - zs[-t]) * (1 - ns[-t] ** 2)
        back = W_n.T @ dn
        dr = back * hs[-t - 1] * rs[-t] * (1 - rs[-t])
        dW_z += dz @ hs[-t - 1].T
        dW_r += dr @ hs[-t - 1].T
        dW_n += dn @ (rs[-t] * hs[-t - 1]).T
        dU_z += dz @ xs[-t].T
        dU_r += dr @ xs[-t].T
        dU_n += dn @ xs[-t].T
        dh_next = dh * zs[-t]PATHS
    return dU_z, dU_r, dU_n, dW_z, dW_r, dW_n
"""
_IN_PARTS = (
    _GRU.replace("    dh_next = np.zeros_like(hs[-1])", "    past = by_z = by_r = np.zeros_like(hs[-1])")
    .replace("dhs[-t] + dh_next", "dhs[-t] + past + by_z + by_r")
    .replace(
        "dh_next = dh * zs[-t]PATHS",
        "past, by_z = dh * zs[-t], W_z.T @ dz\n        by_r = W_r.T @ dr + rs[-t] * back",
    )
)
_ALL_PATHS = " + W_z.T @ dz + W_r.T @ dr + rs[-t] * back"

_TRANSLATION = """\
import numpy as np


class Translator:
    def read(self, words):
        self.words, self.h = words, [np.zeros((self.n, 1))]
        for w in words:
            self.h.append(np.tanh(self.E[:, [w]] + self.A @ self.h[-1]))
        self.s = [self.h[-1]]
        for w in words:
            self.s.append(np.tanh(self.E[:, [w]] + self.B @ self.s[-1]))

    def backward(self, ds):
        self.dA, self.dB = np.zeros_like(self.A), np.zeros_like(self.B)
        carry = np.zeros((self.n, 1))
        for t in reversed(range(len(self.words))):
            da = (ds[t] + carry) * (1 - self.s[t + 1] ** 2)
            self.dB += da @ self.s[t].T
            carry = self.B.T @ da
        for t in reversed(range(len(self.words))):
            da = carry * (1 - self.h[t + 1] ** 2)
            self.dA += da @ self.h[t].T
            carry = self.A.T @ da
"""

VALID = (
    Valid("all four gates", LSTM),
    Valid("an encoder's weights and a decoder's, each in its own loop", _TRANSLATION),
    Valid("a GRU's carry, past its gates and through them", _GRU.replace("PATHS", _ALL_PATHS)),
    Valid("a GRU's carry in parts", _IN_PARTS),
    Valid(
        "f of the step after, when the carry is read",
        lstm(dC="dC_next + dh * o[t] * tanh(C[t], derivative=True)", dC_next="dC").replace(
            "dC = dC_next + ", "dC = dC_next * (f[t + 1] if t + 1 < len(xs) else 0) + "
        ),
    ),
)

INVALID = (
    Invalid("the output gate left out", lstm(dz="W_f.T @ df + W_i.T @ di + W_g.T @ dg"), lines=(53,)),
    Invalid(
        "a GRU's carry in parts, none of them by r", _IN_PARTS.replace(" + rs[-t] * back", ""), lines=(38,)
    ),
    Invalid("a GRU's carry past its gates alone", _GRU.replace("PATHS", ""), lines=(37,)),
    Invalid(
        "a GRU's carry through its gates alone",
        _GRU.replace("dh * zs[-t]PATHS", "W_z.T @ dz + W_r.T @ dr + rs[-t] * back"),
        lines=(37,),
    ),
    Invalid(
        "a GRU's candidate without r", _GRU.replace("PATHS", _ALL_PATHS.replace("rs[-t] * ", "")), lines=(37,)
    ),
    Invalid("C goes back as it came", lstm(dC_next="dC"), lines=(55,)),
    Invalid("C goes back through the input gate", lstm(dC_next="dC * i[t]"), lines=(55,)),
)
