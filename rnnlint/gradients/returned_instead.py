"""Gradients that were found in a pass's locals, where it returns something else in their place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnlint.gradients.draft import BACKWARD
from rnnlint.gradients.measure import Measurement
from rnnlint.gradients.pairing import Source
from rnnlint.gradients.probe import returned_codes


def returned_instead(m: Measurement) -> Iterator[str]:
    """What is said of each: which array was judged, and which of its shape is returned under another name."""
    value = m.base.values[returned_codes(m.probe.draft).index(BACKWARD)]
    names = m.probe.draft.pass_.backward.returned
    if not isinstance(value, list | tuple) or len(value) != len(names):
        return
    items = [(name, item) for name, item in zip(names, value, strict=True) if isinstance(item, np.ndarray)]
    known = [pair.candidate.array for pair in m.pairs.values()] + [place.array for place in m.probe.places]
    others = [(name, item) for name, item in items if not any(np.array_equal(item, one) for one in known)]
    for parameter, pair in m.pairs.items():
        if pair.candidate.source is Source.OUTER_LOCAL:
            for name, item in others:
                if item.shape == pair.gradient.shape:
                    yield (
                        f"Of {parameter} the local {pair.candidate.title} was judged, which is not returned; "
                        f"{name or 'another array'}, of the same shape, is, and differs."
                    )
                    break


__all__ = ["returned_instead"]
