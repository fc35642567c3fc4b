"""The GRU's backward pass with every equation in its right and its wrong forms, for many hypotheses at once.

The equations are those of :mod:`reference_impl.gru`, with the reset gate before or after the product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_impl.gru import GRUTrace, Reset, Update
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
    "slope_z": derivative_of("z"),
    "slope_r": derivative_of("r"),
    "slope_n": derivative_of_candidate("n"),
    "dz": (
        Bug("RNN207", "incomplete-cell-gradient", "dz lacks the part of the candidate n"),
        Bug("RNN207", "incomplete-cell-gradient", "dz lacks the part of the state before"),
        Bug("RNN208", "wrong-partner", "dz has the difference of n and the state before the other way round"),
    ),
    "dn": (
        Bug("RNN208", "wrong-partner", "dn has z and 1 − z exchanged"),
        Bug("RNN207", "incomplete-cell-gradient", "dn lacks the factor of the update gate"),
    ),
    "dr": (Bug("RNN207", "incomplete-cell-gradient", "dr lacks the factor that the reset gate meets"),),
    "dh_next": (
        Bug("RNN104", "dropped-carry", "dh_next is never set: no step hears of later ones"),
        Bug("RNN210", "incomplete-carry", "dh_next lacks the direct path past the candidate"),
        Bug("RNN210", "incomplete-carry", "dh_next lacks the path through the update gate"),
        Bug("RNN210", "incomplete-carry", "dh_next lacks the path through the reset gate"),
        Bug("RNN210", "incomplete-carry", "dh_next lacks the path through the candidate"),
        Bug("RNN210", "incomplete-carry", "dh_next has only the direct path, none through the gates"),
    ),
    "sums": SUMS,
}


def gradients(trace: GRUTrace, dh_above: Array, choice: Choice) -> dict[str, Array]:
    """The parameters' gradients under each hypothesis, (n, ...); ``dh_above`` is (T, H, B)."""
    s, p = trace, trace.parameters
    T, H, _ = s.h.shape
    W_z, W_r, W_n = p.W_z[:, :H], p.W_r[:, :H], p.W_n[:, :H]
    n = len(choice.forms["sums"])
    nothing = np.zeros((n, *s.h.shape[1:]))
    deltas = {gate: np.zeros((T, *nothing.shape)) for gate in ("z", "r", "n", "q")}
    dh_next = nothing
    for t in reversed(range(T)):
        dh = dh_above[t] + dh_next
        before, z, r, q, new = s.h_previous[t], s.z[t], s.r[t], s.q[t], s.n[t]
        sign = 1.0 if s.update is Update.KEEP else -1.0
        kept, entered = (z, 1 - z) if s.update is Update.KEEP else (1 - z, z)
        both = sign * (before - new)
        dz = dh * choice.of("dz", both, sign * before, -sign * new, -both)
        dn = dh * choice.of("dn", entered, kept, np.ones_like(z))
        delta_z = dz * choice.of("slope_z", *slopes_of_gate(z))
        delta_n = dn * choice.of("slope_n", *slopes_of_candidate(new))
        before_product = s.reset is Reset.BEFORE
        drq = np.einsum("kh,nkb->nhb", W_n, delta_n) if before_product else delta_n
        dr = drq * choice.of("dr", q, np.ones_like(q))
        delta_r = dr * choice.of("slope_r", *slopes_of_gate(r))
        dq = drq * r
        through = dq if before_product else np.einsum("kh,nkb->nhb", W_n, dq)
        direct = dh * kept
        by_z = np.einsum("kh,nkb->nhb", W_z, delta_z)
        by_r = np.einsum("kh,nkb->nhb", W_r, delta_r)
        whole = direct + by_z + by_r + through
        dh_next = choice.of(
            "dh_next", whole, nothing, whole - direct, whole - by_z, whole - by_r, whole - through, direct
        )
        for gate, delta in (("z", delta_z), ("r", delta_r), ("n", delta_n), ("q", dq)):
            deltas[gate][t] = delta
    found = dict(summed(choice, {gate: deltas[gate] for gate in ("z", "r")}, s.s, s.h))
    met = s.r * s.q if s.reset is Reset.BEFORE else s.h_previous
    of_inputs = dict(summed(choice, {"n": deltas["n"]}, np.concatenate([met, s.s[:, H:]], axis=1), s.h))
    of_state = of_inputs if s.reset is Reset.BEFORE else dict(summed(choice, {"n": deltas["q"]}, s.s, s.h))
    found["W_n"] = np.concatenate([of_state["W_n"][:, :, :H], of_inputs["W_n"][:, :, H:]], axis=2)
    found["b_n"] = of_inputs["b_n"]
    if p.b_nh is not None:
        found["b_nh"] = of_state["b_n"]
    return found
