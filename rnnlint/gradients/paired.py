"""A run's gradients, each with the parameter, the input or the initial state that it is of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnnlint.gradients.applied import with_applied
from rnnlint.gradients.draft import MODEL, Draft
from rnnlint.gradients.gradients_found import candidates_of
from rnnlint.gradients.pairing import Pair, Source, pair
from rnnlint.gradients.passed_down import pair_of_input
from rnnlint.gradients.places import Place
from rnnlint.gradients.probe import Probe
from rnnlint.sandbox.job import Ran


def paired(probe: Probe, base: Ran) -> dict[str, Pair]:
    """The base run's gradients for the probe's places; inputs and states only by what the code returns."""
    found = candidates_of(probe, base)
    moved = {c.title for c in found if c.source is Source.APPLIED}
    weights = [
        p.named for p in probe.places if p.is_weight or (_is_lasting(probe.draft, p) and _lost(p) in moved)
    ]
    if probe.draft.data:  # among all variables of a driver are the parameters themselves
        found = [c for c in found if not any(np.array_equal(c.array, p.array) for p in probe.places)]
    pairs = with_applied(pair(weights, found), found)
    if probe.draft.data:  # one iteration of a driver: its inputs' gradients are nobody's
        return pairs
    returned = [c for c in found if c.source is Source.RETURNED]
    others = [p.named for p in probe.places if not p.is_weight and p.in_hole]
    taken = {id(p.candidate) for p in pairs.values()}
    pairs.update(pair(others, [c for c in returned if id(c) not in taken]))
    passed_down = pair_of_input(probe, base)
    if passed_down is not None:
        pairs.setdefault(passed_down.parameter.name, passed_down)
    # A bias called c looks like a cell state. But no state is in a dict of gradients that is returned, and a
    # state that the object or the module keeps is set by the passes.
    kept = [p for p in probe.places if not p.is_weight and not p.in_hole and p.name not in pairs]
    lasting = [p.named for p in kept if _is_lasting(probe.draft, p)]
    pairs.update(pair([p.named for p in kept], [c for c in returned if len(c.words) > 1]))
    pairs.update(pair(lasting, returned))
    if _keeps_gradients_beside(pairs):
        beside = [c for c in found if c.source is Source.STORED]
        pairs = {**pair([named for named in lasting if named.name not in pairs], beside), **pairs}
    return pairs


def _keeps_gradients_beside(pairs: Mapping[str, Pair]) -> bool:
    """Whether the object keeps the gradient of every parameter: what lasts like one, and has one, is one."""
    stored = [held for held in pairs.values() if held.candidate.source is Source.STORED]
    weights = [held for held in pairs.values() if held.candidate.source is not Source.RETURNED]
    return len(stored) > 1 and len(stored) == len(weights)


def _lost(place: Place) -> str:
    return f"what {place.name} lost"


def _is_lasting(draft: Draft, place: Place) -> bool:
    """Whether the object or the module keeps an array that no pass puts another in the place of."""
    if place.code == f"{MODEL}.{place.name}":
        return place.name not in draft.pass_.attributes_replaced
    return place.code in draft.globals_ and place.code not in draft.pass_.globals_declared
