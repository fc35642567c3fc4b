"""Passes that update their parameters on the spot: what a parameter lost is its gradient times a rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.pairing import Candidate, Named, Pair, Source
from rnnlint.gradients.verdict import median
from rnnlint.records import replace

Array = np.ndarray[Any, np.dtype[np.float64]]

FEWEST = 2
"""Parameters that lost one rate times their gradient, before what another one lost says anything."""
SAME = 1e-6


def with_applied(pairs: Mapping[str, Pair], candidates: Sequence[Candidate]) -> dict[str, Pair]:
    """The pairs, with what a parameter lost, its rate divided out, for a gradient that is nowhere else or is
    not what was applied.
    """
    lost = _lost(pairs, candidates)
    return _with_misapplied(_without_rates(pairs, lost), lost)


def _lost(pairs: Mapping[str, Pair], candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """What each parameter lost, by its name."""
    return {
        name: candidate
        for name, held in pairs.items()
        for candidate in candidates
        if candidate.source is Source.APPLIED and _is_of(held.parameter, candidate)
    }


def _without_rates(pairs: Mapping[str, Pair], lost: Mapping[str, Candidate]) -> dict[str, Pair]:
    """Beside gradients that were found as they are, the rate is divided out of the others, where those show
    it; what cannot be compared is left out.
    """
    applied = {name for name, held in pairs.items() if held.candidate.source is Source.APPLIED}
    if not applied or len(applied) == len(pairs):
        return dict(pairs)
    factors = (_factor_of(lost[name].array, pairs[name].gradient) for name in lost if name not in applied)
    rates = [factor for factor in factors if factor is not None]
    kept = {name: held for name, held in pairs.items() if name not in applied}
    if not rates or not np.allclose(rates, rates[0], rtol=SAME, atol=0.0):
        return kept
    return {
        name: held if name in kept else replace(held, gradient=held.gradient / rates[0], others=())
        for name, held in pairs.items()
    }


def _with_misapplied(pairs: Mapping[str, Pair], lost: Mapping[str, Candidate]) -> dict[str, Pair]:
    """In place of a gradient that is not the one applied, what was applied instead.

    Most parameters must have lost one and the same rate times their gradient: plain descent, in which another
    parameter's gradient, or a step upward, is a bug. Weight decay, momentum and adaptive rates are none.
    """
    factors = {
        name: _factor_of(candidate.array, pairs[name].gradient)
        for name, candidate in lost.items()
        if name in pairs
    }
    rates = [factor for factor in factors.values() if factor is not None and factor > 0]
    if len(rates) < FEWEST or 2 * len(rates) <= len(factors):
        return dict(pairs)
    rate = median(rates)
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
    factors = (_factor_of(lost.array, held.gradient) for other, held in pairs.items() if other != name)
    return any(factor is not None and abs(factor - rate) <= SAME * rate for factor in factors)


def _is_of(parameter: Named, candidate: Candidate) -> bool:
    """Whether a candidate is what this parameter lost."""
    return any(
        way.words
        and candidate.words == (*way.words[:-1], f"d{way.words[-1]}")
        and candidate.indices == way.indices
        for way in parameter.ways
    )


def _factor_of(array: Array, of: Array) -> float | None:
    """What ``of`` is multiplied with in ``array``; None where it is no multiple of it."""
    if array.shape != of.shape or not np.any(of):
        return None
    factor = float(np.sum(array * of) / np.sum(of * of))
    return factor if factor and np.allclose(array, factor * of, rtol=SAME, atol=1e-12) else None
