"""The nonlinearities of gates as numbers: their values and their derivatives, by argument and by value."""

from __future__ import annotations

import math

from rnnlint.model.activations import activation_of
from rnnlint.model.helpers import Computes, sigmoid
from rnnlint.model.terms import Term


def activation_kind(applied: Term) -> Computes:
    """σ, tanh or relu, for a term that :func:`rnnlint.model.activations.activation_of` knows."""
    found = activation_of(applied)
    if found is None:
        raise ValueError(f"{applied.op} is no nonlinearity")
    return found[0]


def value_of(kind: Computes, x: float) -> float:
    """φ(x)."""
    return sigmoid(x) if kind is Computes.SIGMOID else math.tanh(x) if kind is Computes.TANH else max(x, 0.0)


def slope(kind: Computes, x: float) -> float:
    """φ′(x)."""
    return slope_of_output(kind, value_of(kind, x))


def slope_of_output(kind: Computes, y: float) -> float:
    """φ′ from φ's value: y(1−y), 1−y², or 1 where y is positive."""
    if kind is Computes.SIGMOID:
        return y * (1 - y)
    return 1 - y * y if kind is Computes.TANH else float(y > 0)
