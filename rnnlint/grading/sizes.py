"""The sizes of the probes: those of the public one, and others for a hidden one, so that a program that is
written for certain sizes is right on the public probe alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from rnnlint.gradients.sizes import BATCH, DATA_AXES, HIDDEN, INPUT, OUTPUT, TIME

PUBLIC = {TIME: 4, BATCH: 2, HIDDEN: 3, INPUT: 5, OUTPUT: 6}
"""The sizes where the code leaves them open: all different, and the same in every task."""
_POOL = range(7, 12)
"""None is a public size: where an axis has to keep its own, it still differs from all others."""
_MOST_STEPS = 8
"""Steps cost the most time, and units: of each weight whoever takes differences runs it anew."""
_MOST_UNITS = 9
_OF_WEIGHTS = 12
"""For axes that are none of the data's."""
_SAID = {TIME: "steps", BATCH: "sequences", HIDDEN: "units", INPUT: "features"}


def others(seed: int) -> dict[str, int]:
    """Sizes drawn by a seed: all different and none a public one; more steps than there, and more units than
    features, where there it is fewer.
    """
    rng = np.random.default_rng([seed])
    while True:
        drawn = dict(zip(DATA_AXES, rng.choice(_POOL, len(DATA_AXES), replace=False).tolist(), strict=True))
        if drawn[TIME] <= _MOST_STEPS and drawn[INPUT] < drawn[HIDDEN] <= _MOST_UNITS:
            return drawn


def choices(drawn: Mapping[str, int], axes: Iterable[str]) -> Iterator[dict[str, int]]:
    """Sizes to be tried for a task's axes, in their order: all other, then one as in the public probe."""
    every = {**dict.fromkeys(axes, _OF_WEIGHTS), **drawn}
    yield every
    for axis in DATA_AXES:
        yield {**every, axis: PUBLIC[axis]}


def kept(public: Mapping[str, int], other: Mapping[str, int]) -> list[str]:
    """What the sizes are called that are the same in both, other than 1."""
    return [_SAID[axis] for axis, size in public.items() if size > 1 and other.get(axis) == size]
