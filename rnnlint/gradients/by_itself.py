"""A derivative by runs that know of no other run: what remembers its runs cannot bend these.

The perturbed runs of a sweep are made in one process, one after the other. A program that keeps what it was
given where no restoring reaches it may tell a perturbed run from the first one, and give the outputs of
which a wrong gradient would be the derivative. In a process of its own, a run at a point that it has not seen
before is a run like any other. Where the forward pass is a known cell, the cell's own gradient tells.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlint.gradients.answers import ProbeFailedError, first_run
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.measure import Measurement
from rnnlint.gradients.own_loss import STEP, evaluated, read_early
from rnnlint.records import replace
from rnnlint.sandbox.job import Scenario

Array = np.ndarray[Any, np.dtype[np.float64]]

AGREEMENT = 1e-4
"""How closely the derivative along one line through all parameters must be that of the sweep, of the largest
that it could be: the share of an error that shows along one line is seldom smaller."""


def holds_by_itself(workshop: Workshop, m: Measurement) -> bool:
    """Whether the loss has the true gradient's derivative along a line, each end run in a new process."""
    rng = np.random.default_rng([m.probe.secret, 1])
    codes = [place.code for place in m.probe.places if place.name in m.truth]
    true = {place.code: m.truth[place.name] for place in m.probe.places if place.name in m.truth}
    along = {code: _unit(np.asarray(rng.normal(size=true[code].shape))) for code in codes}
    expected = sum(float(np.sum(true[code] * along[code])) for code in codes)
    largest = float(np.sqrt(sum(float(np.sum(gradient**2)) for gradient in true.values())))
    try:
        up, down = (
            _loss_at(workshop, m, {c: np.asarray(by * along[c]) for c in codes}) for by in (STEP, -STEP)
        )
    except ProbeFailedError as failed:
        return failed.is_of_time
    return bool(abs((up - down) / (2 * STEP) - expected) <= AGREEMENT * largest)


def _loss_at(workshop: Workshop, m: Measurement, moves: dict[str, Array]) -> float:
    """The loss with every place moved, in a process that runs nothing else. Raises
    :class:`ProbeFailedError`."""
    codes, (loss,), backward = evaluated(m.probe, [m.loss])
    draft = m.probe.draft
    moved = tuple(f"{code}[...] += _moves[{number}]" for number, code in enumerate(moves))
    if draft.forward:
        draft = replace(draft, forward=(*moved, *draft.forward))
        backward = backward and not read_early([loss])
    else:
        draft = replace(draft, backward=(*moved, *draft.backward))
    made = replace(m.probe, draft=draft).scenario(codes, backward=backward)
    alone = Scenario(made.program, {**made.holes, "_moves": list(moves.values())}, made.returns)
    return loss.of(first_run(workshop.run([alone], fresh=True)).values)


def _unit(direction: Array) -> Array:
    return np.asarray(direction / np.linalg.norm(direction))


__all__ = ["holds_by_itself"]
