"""The LSTM's backward pass with every equation in its right and its wrong forms, for many hypotheses at once.

The equations are those of :mod:`reference_impl.lstm`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impl.lstm import LSTMTrace
from rnnlint.diagnosis.hypotheses.equations import (
    SUMS,
    Bug,
    Choice,
    Equations,
    derivative_of,
    derivative_of_candidate,
    slopes_of_candidate,
    slopes_of_gate,
    summed,
)

Array = np.ndarray[Any, np.dtype[np.float64]]

EQUATIONS: Equations = {
    "slope_f": derivative_of("f"),
    "slope_i": derivative_of("i"),
    "slope_o": derivative_of("o"),
    "slope_g": derivative_of_candidate("g"),
    "slope_C": (
        Bug("RNN205", "missing-derivative", "dC lacks the factor 1 − tanh²(C)"),
        Bug("RNN201", "nonlinearity-twice", "dC has tanh′ taken at tanh(C), which applies tanh twice"),
        Bug("RNN204", "wrong-derivative", "dC has 1 − C² in the place of 1 − tanh²(C)"),
    ),
    "do": (
        Bug("RNN208", "wrong-partner", "do is dh ⊙ C in the place of dh ⊙ tanh(C)"),
        Bug("RNN102", "off-by-one-state", "do uses the cell state of the step before"),
    ),
    "df": (
        Bug("RNN102", "off-by-one-state", "df uses C of its own step in the place of the one before"),
        Bug("RNN101", "wrapped-previous-state", "df uses, at t = 0, the last cell state as the one before"),
        Bug("RNN101", "wrapped-previous-state", "df uses the cell state of two steps before, wrapped round"),
        Bug("RNN208", "wrong-partner", "df is dC ⊙ g in the place of dC ⊙ C of the step before"),
    ),
    "di": (Bug("RNN208", "wrong-partner", "di is dC ⊙ C of the step before in the place of dC ⊙ g"),),
    "dg": (Bug("RNN208", "wrong-partner", "dg is dC ⊙ f in the place of dC ⊙ i"),),
    "dC": (
        Bug("RNN207", "incomplete-cell-gradient", "dC lacks what the next step sends back, dC_next"),
        Bug("RNN207", "incomplete-cell-gradient", "dC lacks the factor o of dh ⊙ o ⊙ tanh′"),
    ),
    "dC_next": (
        Bug("RNN104", "dropped-carry", "dC_next is never set: no step hears of later cells"),
        Bug("RNN207", "incomplete-cell-gradient", "dC_next is dC, without the factor f"),
        Bug("RNN208", "wrong-partner", "dC_next is dC ⊙ i in the place of dC ⊙ f"),
    ),
    "dh_next": (
        Bug("RNN104", "dropped-carry", "dh_next is never set: no step hears of later states"),
        *(
            Bug("RNN210", "incomplete-carry", f"dh_next lacks the path through gate {gate}")
            for gate in "figo"
        ),
        Bug("RNN303", "missing-transpose", "dh_next goes through W in the place of Wᵀ"),
    ),
    "sums": SUMS,
}


def gradients(trace: LSTMTrace, dh_above: Array, choice: Choice) -> dict[str, Array]:
    """The parameters' gradients under each hypothesis, (n, ...); ``dh_above`` is (T, H, B)."""
    s, p = trace, trace.parameters
    T, H, _ = s.h.shape
    weights = {"f": p.W_f, "i": p.W_i, "g": p.W_g, "o": p.W_o}
    back = {gate: W[:, :H] for gate, W in weights.items() if W is not None}
    n = len(choice.forms["sums"])
    deltas = {gate: np.zeros((T, n, *s.h.shape[1:])) for gate in back}
    nothing = np.zeros((n, *s.h.shape[1:]))
    dh_next = dC_next = nothing
    for t in reversed(range(T)):
        dh = dh_above[t] + dh_next
        before = s.tanh_C[t - 1] if t else np.tanh(s.C_previous[0])
        do = dh * choice.of("do", s.tanh_C[t], s.C[t], before)
        slope = choice.of(
            "slope_C",
            1 - s.tanh_C[t] ** 2,
            np.ones_like(s.C[t]),
            1 - np.tanh(s.tanh_C[t]) ** 2,
            1 - s.C[t] ** 2,
        )
        own = dh * s.o[t] * slope
        dC = choice.of("dC", dC_next + own, own, dC_next + dh * slope)
        wrapped = s.C[-1] if t == 0 else s.C_previous[t]
        earlier = s.C[-1] if t == 0 else s.C_previous[t - 1]
        df = dC * choice.of("df", s.C_previous[t], s.C[t], wrapped, earlier, s.g[t])
        di = dC * choice.of("di", s.g[t], s.C_previous[t])
        dg = dC * choice.of("dg", s.i[t], s.f[t])
        delta = {
            "f": df * choice.of("slope_f", *slopes_of_gate(s.f[t])),
            "i": di * choice.of("slope_i", *slopes_of_gate(s.i[t])),
            "g": dg * choice.of("slope_g", *slopes_of_candidate(s.g[t])),
            "o": do * choice.of("slope_o", *slopes_of_gate(s.o[t])),
        }
        for gate, each in delta.items():
            deltas[gate][t] = each
        paths = {gate: np.einsum("kh,nkb->nhb", back[gate], delta[gate]) for gate in "figo"}
        turned = sum(np.einsum("hk,nkb->nhb", back[gate], delta[gate]) for gate in "figo")
        whole = sum(paths.values())
        lacking = [whole - paths[gate] for gate in "figo"]
        dh_next = choice.of("dh_next", whole, nothing, *lacking, turned)
        dC_next = choice.of("dC_next", dC * s.f[t], nothing, dC, dC * s.i[t])
    return dict(summed(choice, deltas, s.z, s.h))
