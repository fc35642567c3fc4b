"""Derivatives that owe nothing to the code under test, and the measure by which two are compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from reference_impl.arrays import Array, named

_STEP = 1e-30  # no subtraction takes place, so there is nothing that a smaller step could lose

Record = TypeVar("Record")


def complex_step(function: Callable[[Array], Array], at: Array) -> Array:
    """The gradient of a real analytic scalar function: Im f(x + iε) / ε, element by element."""
    gradient = np.empty(at.shape)
    for index in np.ndindex(at.shape):
        moved = at.astype(complex)
        moved[index] += 1j * _STEP
        gradient[index] = np.imag(function(moved)) / _STEP
    return gradient


def complex_step_parameters(function: Callable[[Any], Array], parameters: Any) -> dict[str, Array]:
    """The gradient of ``function`` with respect to every array of the record ``parameters``."""
    return {
        name: complex_step(lambda moved, name=name: function(replace(parameters, **{name: moved})), value)
        for name, value in named(parameters).items()
    }


def relative_error(got: Array, expected: Array) -> float:
    """‖g − ĝ‖ / max(‖g‖, ‖ĝ‖); shapes must agree, and zero against zero is refused: it proves nothing."""
    assert got.shape == expected.shape
    size = max(np.linalg.norm(got), np.linalg.norm(expected))
    assert size > 0, "zero against zero proves nothing"
    return float(np.linalg.norm(got - expected) / size)


def worst_error(got: dict[str, Array], expected: dict[str, Array]) -> float:
    """The largest relative error of two dictionaries with the same names."""
    assert got.keys() == expected.keys()
    return max(relative_error(got[name], expected[name]) for name in expected)


def drawn(record: type[Record], rng: np.random.Generator, **shapes: tuple[int, ...]) -> Record:
    """A parameter record whose named arrays are drawn at scale 0.7 and whose others are absent."""
    known = {field.name for field in fields(record)}  # type: ignore[arg-type]
    assert shapes.keys() <= known
    return record(**{name: rng.normal(scale=0.7, size=shape) for name, shape in shapes.items()})
