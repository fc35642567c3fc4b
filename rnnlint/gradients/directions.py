"""A gradient by its derivatives along a few random directions: enough to tell whether one given is it.

An error e of a gradient shows in k orthonormal directions of n as a vector of about the length √(k/n)·‖e‖;
that it is 1e-6 of that in all three of them happens once in 10¹⁸ draws. Where the gradient given fits, the
true one is known without a difference for every element; where it does not, every element is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.places import Place

Array = np.ndarray[Any, np.dtype[np.float64]]

DIRECTIONS = 3


def directions_of(places: Sequence[Place], secret: int) -> dict[str, Array]:
    """Orthonormal directions for each place, by its code: (k, *shape), at most one an element.

    Drawn by a ``secret`` that the code which is judged is never told: who knew them could give a gradient
    that is right along them and nowhere else.
    """
    rng = np.random.default_rng(secret)
    return {place.code: _orthonormal(place.array.shape, rng) for place in places}


def projected(gradient: Array, directions: Array) -> Array:
    """The derivatives along the directions of what has this gradient: (k,)."""
    with np.errstate(invalid="ignore"):  # a gradient that is not finite is said to be so later
        return np.asarray(directions.reshape(len(directions), -1) @ gradient.reshape(-1))


def nearest(gradient: Array, directions: Array, slopes: Array) -> Array:
    """The gradient nearest to the one given that has these derivatives along the directions."""
    flat = directions.reshape(len(directions), -1)
    missing = slopes - flat @ gradient.reshape(-1)
    return gradient + (flat.T @ missing).reshape(gradient.shape)


def _orthonormal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    size = int(np.prod(shape))
    if size <= DIRECTIONS:
        return np.eye(size).reshape(size, *shape)
    columns, _ = np.linalg.qr(rng.normal(size=(size, DIRECTIONS)))
    return np.asarray(columns.T).reshape(DIRECTIONS, *shape)
