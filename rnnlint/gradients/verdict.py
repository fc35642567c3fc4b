"""The verdict on each parameter, and the one factor that all of them may share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from rnnlint.records import dataclass
from rnnlint.verdicts import Elements, ParameterVerdict, Verdict, WorstElement

Array = np.ndarray[Any, np.dtype[np.float64]]

TOLERANCE = 1e-6
_SAID = {"K": "V"}
"""The output size is the vocabulary's to whoever reads of it."""
_NOTHING = 1e-9
"""Norms below this are zero to central differences."""
MOST_ELEMENTS = 1024
"""Larger gradients are told by their norm alone: nobody looks at a picture of them."""


@dataclass(frozen=True)
class Measured:
    """A gradient of the user's and the true one."""

    name: str
    gradient_name: str
    got: Array
    true: Array


@dataclass(frozen=True)
class Judged:
    """All verdicts under one oracle and loss."""

    verdicts: tuple[ParameterVerdict, ...]
    scale: float
    scale_name: str | None
    agreeing: int  # nonzero parameters that agree
    informative: int

    @property
    def is_explained(self) -> bool:
        """Whether the common factor is none, or one that the sizes explain."""
        return self.scale == 1.0 or self.scale_name is not None

    @property
    def wrong(self) -> int:
        return sum(v.verdict in (Verdict.WRONG, Verdict.NOT_FINITE) for v in self.verdicts)


def judge(measured: list[Measured], sizes: Mapping[str, int], tolerance: float = TOLERANCE) -> Judged:
    """Compare every gradient with the truth, after the factor common to all is divided out."""
    scale = common_scale(measured, sizes, tolerance)
    axes = _axes(sizes)
    verdicts = tuple(_verdict(m, scale, tolerance, axes) for m in measured)
    informative = [v for v in verdicts if v.verdict is not Verdict.UNINFORMATIVE]
    agreeing = [v for v in informative if v.verdict in (Verdict.RIGHT, Verdict.SCALED)]
    return Judged(verdicts, scale, scale_name(scale, sizes), len(agreeing), len(informative))


def relative_error(got: Array, true: Array) -> float:
    """‖g − ĝ‖ / max(‖g‖, ‖ĝ‖): 0 right, 1 no better than zeros, 2 reversed."""
    largest = max(norm(got), norm(true))
    return norm(got - true) / largest if largest > 0 else 0.0


def norm(array: Array) -> float:
    """‖a‖ of all of an array's numbers, as :func:`numpy.linalg.norm` has it, in a third of its time."""
    flat = array.ravel()
    return math.sqrt(flat.dot(flat))


def median(values: Sequence[float]) -> float:
    """The middle one, or the mean of the two in the middle. NumPy's imports all of ``numpy.ma`` first."""
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def common_scale(measured: list[Measured], sizes: Mapping[str, int], tolerance: float) -> float:
    """The factor that the most parameters share, 1 where none is shared or it is a coincidence."""
    factors: list[float] = []
    for m in measured:
        true_norm = norm(m.true)
        if true_norm <= _NOTHING or not np.all(np.isfinite(m.got)) or not np.any(m.got):
            continue
        factor = float(np.sum(m.got * m.true)) / true_norm**2
        if factor and relative_error(m.got / factor, m.true) <= tolerance and m.true.size > 1:
            factors.append(factor)
    if not factors:
        return 1.0
    groups: list[list[float]] = []
    for factor in factors:
        group = next((g for g in groups if abs(g[0] - factor) <= 10 * tolerance * abs(factor)), None)
        if group is None:
            groups.append([factor])
        else:
            group.append(factor)
    groups.sort(key=lambda g: (-len(g), abs(g[0] - 1.0)))
    best = groups[0]
    if any(abs(g[0] - 1.0) <= 10 * tolerance and len(g) == len(best) for g in groups):
        return 1.0
    factor = median(best)
    if abs(factor - 1.0) <= 10 * tolerance:
        return 1.0
    if scale_name(factor, sizes) is None and len(best) < 2:
        return 1.0
    return factor


def scale_name(scale: float, sizes: Mapping[str, int]) -> str | None:
    """The factor in the sizes of the probe: "-1", "T", "1/(B·T)", or None where it is no product of them."""
    if abs(scale - 1.0) < 1e-9:
        return None
    magnitude, sign = abs(scale), "-" if scale < 0 else ""
    named = {_SAID.get(name, name): value for name, value in sizes.items() if value > 1 and len(name) <= 2}
    named["2"] = 2
    options: dict[str, float] = {"1": 1.0}
    for count in (1, 2, 3):
        for chosen in combinations_with_replacement(sorted(named), count):
            product = float(np.prod([named[n] for n in chosen]))
            options.setdefault("·".join(chosen), product)
    for text, value in options.items():
        if abs(magnitude - value) <= 1e-5 * value:
            return sign + text
        if abs(magnitude * value - 1.0) <= 1e-5:
            return f"{sign}1/{text}" if "·" not in text else f"{sign}1/({text})"
    for a, x in options.items():
        for b, y in options.items():
            if abs(magnitude - x / y) <= 1e-5 * magnitude:
                return f"{sign}{a}/{b}" if "·" not in b else f"{sign}{a}/({b})"
    return None


def _verdict(m: Measured, scale: float, tolerance: float, axes: Mapping[int, str]) -> ParameterVerdict:
    shape = tuple(m.true.shape)
    if not np.all(np.isfinite(m.got)):
        return ParameterVerdict(m.name, m.gradient_name, shape, Verdict.NOT_FINITE)
    got_norm, true_norm = norm(m.got), norm(m.true)
    if got_norm <= _NOTHING and true_norm <= _NOTHING:
        return ParameterVerdict(m.name, m.gradient_name, shape, Verdict.UNINFORMATIVE, 0.0)
    got = m.got / scale
    error = relative_error(got, m.true)
    cosine = (
        float(np.sum(got * m.true)) / (got_norm / abs(scale) * true_norm) if got_norm and true_norm else None
    )
    right = error <= tolerance or norm(got - m.true) <= _NOTHING
    verdict = Verdict.WRONG
    if right:
        verdict = Verdict.RIGHT if abs(scale - 1.0) <= 1e-9 else Verdict.SCALED
    ratio = None
    if cosine is not None and abs(abs(cosine) - 1.0) < 1e-9:
        ratio = float(np.sum(m.got * m.true)) / true_norm**2
    index = np.unravel_index(int(np.argmax(np.abs(got - m.true))), shape) if shape else ()
    worst = WorstElement(tuple(int(i) for i in index), float(got[index]), float(m.true[index]))
    elements = _elements(got, m.true, axes) if verdict is Verdict.WRONG else None
    return ParameterVerdict(m.name, m.gradient_name, shape, verdict, error, cosine, ratio, worst, elements)


def _axes(sizes: Mapping[str, int]) -> dict[int, str]:
    """What lengths are called: sizes of one letter, gates stacked (``4H``), and [h; x] (``H+D``)."""
    named = {size: _SAID.get(name, name) for name, size in sizes.items() if len(name) == 1}
    hidden, inputs = sizes.get("H"), sizes.get("D")
    for gates in (4, 3):
        if hidden:
            named.setdefault(gates * hidden, f"{gates}H")
    if hidden and inputs:
        named.setdefault(hidden + inputs, "H+D")
    return named


def _elements(got: Array, true: Array, axes: Mapping[int, str]) -> Elements | None:
    if true.size > MOST_ELEMENTS:
        return None
    names = tuple(axes.get(length, "") for length in true.shape)
    return Elements(tuple(got.ravel().tolist()), tuple(true.ravel().tolist()), names)
