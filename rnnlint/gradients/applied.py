"""Whether a pass that updates its parameters applies to each the gradient it computed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rnnlint.gradients.pairing import Candidate, Pair, Source, belongs_to, factor_of
from rnnlint.records import replace

FEWEST = 2
"""Parameters that lost one rate times their gradient, before what another one lost says anything."""
SAME = 1e-6


def with_misapplied(pairs: Mapping[str, Pair], candidates: Sequence[Candidate]) -> dict[str, Pair]:
    """The pairs; in place of a gradient that is not the one applied, what was applied instead.

    Most parameters must have lost one and the same rate times their gradient: plain descent, in which another
    parameter's gradient, or a step upward, is a bug. Weight decay, momentum and adaptive rates are none.
    """
    lost = {
        name: candidate
        for name, held in pairs.items()
        for candidate in candidates
        if candidate.source is Source.APPLIED and belongs_to(held.parameter, candidate)
    }
    factors = {name: factor_of(lost[name].array, pairs[name].gradient) for name in lost}
    rates = [factor for factor in factors.values() if factor is not None and factor > 0]
    if len(rates) < FEWEST or 2 * len(rates) <= len(lost):
        return dict(pairs)
    rate = float(np.median(rates))
    if any(abs(each - rate) > SAME * rate for each in rates):
        return dict(pairs)
    made = dict(pairs)
    for name, factor in factors.items():
        upward = factor is not None and factor < 0
        if upward or (factor is None and _is_of_another(name, lost[name], pairs, rate)):
            applied = lost[name].array / rate
            made[name] = replace(pairs[name], candidate=lost[name], gradient=applied, others=())
    return made


def _is_of_another(name: str, lost: Candidate, pairs: Mapping[str, Pair], rate: float) -> bool:
    factors = (factor_of(lost.array, held.gradient) for other, held in pairs.items() if other != name)
    return any(factor is not None and abs(factor - rate) <= SAME * rate for factor in factors)
