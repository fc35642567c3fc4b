"""What a layer's backward pass hands down to the layer below: its input's gradient, whatever the name."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlint.gradients.draft import BACKWARD
from rnnlint.gradients.pairing import Candidate, Pair, Source, stem
from rnnlint.gradients.passes import Style
from rnnlint.gradients.places import Place
from rnnlint.gradients.probe import Probe, returned_codes
from rnnlint.gradients.roles import Role, role_of
from rnnlint.sandbox.job import Ran

Array = np.ndarray[Any, np.dtype[np.float64]]


def pair_of_input(probe: Probe, base: Ran) -> Pair | None:
    """The input with the one array that the pass returns, where nothing else can be meant by it.

    That is: the pass takes one upstream gradient, its forward one array that is no state, and what comes back
    is of that array's shape, is not called a state's gradient and is not the upstream gradient itself.
    """
    place = _only_input(probe)
    backward = probe.draft.pass_.backward
    if place is None or len(backward.returned) != 1:
        return None
    returned = base.values[returned_codes(probe.draft).index(BACKWARD)]
    if not isinstance(returned, np.ndarray) or returned.shape != place.array.shape:
        return None
    (name,) = backward.returned
    if role_of(stem(name)) in (Role.HIDDEN_STATE, Role.CELL_STATE):
        return None
    gradient: Array = np.asarray(returned, dtype=np.float64)
    if any(np.array_equal(gradient, given) for given in probe.upstream.values()):
        return None
    title = name or "what it returns"
    return Pair(place.named, Candidate((title,), (), gradient, Source.RETURNED, title), gradient)


def _only_input(probe: Probe) -> Place | None:
    draft = probe.draft
    if draft.pass_.style is not Style.PAIR or len(draft.upstream) != 1:
        return None
    given = [place for place in probe.places if place.in_hole and not place.is_weight]
    inputs = [place for place in given if role_of(place.name) is Role.INPUT]
    return inputs[0] if len(inputs) == 1 else None
