"""RNN210: a path is missing from what comes back to the hidden state."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Severity
from rnnlint.model.backward import BackwardPass
from rnnlint.model.carries import incomplete_carries
from rnnlint.model.forward import last_word
from rnnlint.model.gradient_names import place_name
from rnnlint.rules.derivatives.cases import LSTM, lstm
from rnnlint.rules.registry import Invalid, Report, Valid, rule


@rule("RNN210", "incomplete-carry", severity=Severity.ERROR, needs="the forward pass")
def check(bptt: BackwardPass) -> Iterator[Report]:
    """The carried adjoint of h comes back through some of the weights that read h, not through all.

    ## What it does

    Lists the weights that multiply h_{t−1} in the forward pass and those whose product is in the carry. Where
    some are there and others are not, the others are named; a GRU's h that comes back by z ⊙ dh alone lacks
    them all.

    ## Why it is wrong

    h_{t−1} enters step t through every gate, so dh_next is the sum over all of them: Σ_k W_kᵀ δ_k. A gate
    left out takes its share of the blame from every earlier step.

    ## Example

    ```python
    dz = W_f.T @ df + W_i.T @ di + W_g.T @ dg
    ```

    ## Use instead

    ```python
    dz = W_f.T @ df + W_i.T @ di + W_g.T @ dg + W_o.T @ do
    ```

    ## When it is right

    A weight that only multiplies the input has no part in the carry and is not asked for.

    ## Fix safety

    There is no fix: the name of the missing gate's δ is not known for certain.
    """
    for each in incomplete_carries(bptt):
        names = [f"`{last_word(weight)}`" for weight in each.missing]
        listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        yield Report(
            each.place,
            f"`{place_name(each.binding.place)}` lacks what comes back through {listed}, which the "
            "forward pass multiplies "
            "with the state of the step before: dh_next = Σ_k W_kᵀ δ_k over all gates.",
            remark=f"no {', '.join(last_word(weight) for weight in each.missing)}",
        )


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
)

INVALID = (
    Invalid("the output gate left out", lstm(dz="W_f.T @ df + W_i.T @ di + W_g.T @ dg"), lines=(53,)),
    Invalid("a GRU's carry past its gates alone", _GRU.replace("PATHS", ""), lines=(37,)),
)
