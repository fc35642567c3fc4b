"""Bugs as changes of single equations: which there are, and how many at once are supposed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np

from rnnlint.records import dataclass

Array = np.ndarray[Any, np.dtype[np.float64]]
Whole = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Bug:
    """One wrong form of an equation: its code in the catalogue and what it says, as a clause."""

    code: str
    name: str
    clause: str


Equations = Mapping[str, tuple[Bug, ...]]
"""The equations of a backward pass by name, each with its wrong forms; form 0 is the right one."""


@dataclass(frozen=True)
class Choice:
    """For each of n hypotheses the form of every equation."""

    forms: Mapping[str, Whole]

    def of(self, equation: str, *forms: Array) -> Array:
        """The hypotheses' values of an equation whose forms have these: (n, ...)."""
        shapes = [np.broadcast_to(form, np.broadcast_shapes(*(f.shape for f in forms))) for form in forms]
        stacked = np.stack(shapes)
        chosen = self.forms[equation]
        if stacked.ndim > 3:  # already one value a hypothesis
            return np.asarray(stacked[chosen, np.arange(len(chosen))])
        return np.asarray(stacked[chosen])


def hypotheses(equations: Equations, at_once: int) -> tuple[Choice, list[tuple[Bug, ...]]]:
    """Every way to have up to so many bugs, each in an equation of its own; none at all is the first."""
    supposed: list[dict[str, int]] = [{}]
    for count in range(1, at_once + 1):
        for names in combinations(equations, count):
            forms = product(*(range(1, len(equations[name]) + 1) for name in names))
            supposed += [dict(zip(names, chosen, strict=True)) for chosen in forms]
    forms_of = {name: np.array([each.get(name, 0) for each in supposed]) for name in equations}
    bugs = [tuple(equations[name][form - 1] for name, form in each.items()) for each in supposed]
    return Choice(forms_of), bugs


def derivative_of(gate: str) -> tuple[Bug, ...]:
    """The wrong forms of a gate's σ′."""
    return (
        Bug("RNN205", "missing-derivative", f"the factor {gate}(1 − {gate}) of δ{gate} is left out"),
        Bug("RNN202", "activation-for-derivative", f"δ{gate} has {gate} in the place of {gate}(1 − {gate})"),
        Bug("RNN203", "derivative-of-activation", f"δ{gate} has σ′ taken at {gate}, which is an activation"),
    )


def derivative_of_candidate(name: str) -> tuple[Bug, ...]:
    """The wrong forms of a candidate's tanh′."""
    return (
        Bug("RNN205", "missing-derivative", f"the factor 1 − {name}² of δ{name} is left out"),
        Bug("RNN202", "activation-for-derivative", f"δ{name} has {name} in the place of 1 − {name}²"),
        Bug("RNN203", "derivative-of-activation", f"δ{name} has tanh′ taken at {name}, an activation"),
        Bug("RNN204", "wrong-derivative", f"δ{name} has {name}(1 − {name}) in the place of 1 − {name}²"),
    )


def slopes_of_gate(s: Array) -> Sequence[Array]:
    """σ′ from s = σ(a), then its wrong forms."""
    twice = 1 / (1 + np.exp(-s))
    return s * (1 - s), np.ones_like(s), s, twice * (1 - twice)


def slopes_of_candidate(g: Array) -> Sequence[Array]:
    """tanh′ from g = tanh(a), then its wrong forms."""
    return 1 - g**2, np.ones_like(g), g, 1 - np.tanh(g) ** 2, g * (1 - g)


SUMS = (
    Bug("RNN301", "overwritten-gradient", "only step 0's part is left of every gradient: = for +="),
    Bug("RNN211", "misaligned-pair", "every δ meets the state of its own step, not the one before"),
)
"""Wrong ways to sum δ_t z_tᵀ over the steps."""


def summed(choice: Choice, deltas: Mapping[str, Array], seen: Array, h: Array) -> Iterator[tuple[str, Array]]:
    """The gradients of the weights on ``seen`` (T, H + D, B) and of the biases, from δ (T, n, H, B) of each
    gate.
    """
    later = np.concatenate([h, seen[:, h.shape[1] :]], axis=1)
    for gate, delta in deltas.items():
        steps = np.einsum("tnhb,tzb->tnhz", delta, seen)
        shifted = np.einsum("tnhb,tzb->nhz", delta, later)
        yield f"W_{gate}", choice.of("sums", steps.sum(axis=0), steps[0], shifted)
        biases = delta.sum(axis=3, keepdims=True)
        yield f"b_{gate}", choice.of("sums", biases.sum(axis=0), biases[0], biases.sum(axis=0))
