"""Unknown array sizes as linear expressions over named axes, dyed with primes and solved by equations.

Every unknown axis carries its own large prime while shapes are being solved, so that a size in NumPy's error
message names the axis it came from: 211 is the hidden size, 312 the hidden size plus the input's, 844 four
times the hidden size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import combinations

from rnnlint.records import dataclass, field

TIME = "T"
BATCH = "B"
HIDDEN = "H"
INPUT = "D"
OUTPUT = "K"

DATA_AXES = (TIME, BATCH, HIDDEN, INPUT, OUTPUT)
"""The axes of inputs and states. Weights and sizes yield to them when an equation is solved."""

_NEVER_STACKED = (TIME, BATCH)
"""Gates lie side by side along the hidden axis: what is twice the batch is the rest of something else."""
_TIME_DYE = 5
"""Steps are looped over in Python, so their dye is small."""
_LEAST_OTHER = 3
_FEATURES_IN_THE_CODE = (2, 3)
"""How many features a step may have by its text alone: ``np.hstack(([[a[t], b[t]]], h))`` is H + 2 wide."""
_LARGEST_MULTIPLE = 4
"""Gates stacked into one matrix: at most four."""


@dataclass(frozen=True, slots=True)
class Size:
    """A size: Σ coefficient · axis + constant. Fractions stand for what code divides: ``d = W.shape[1] //
    4``."""

    terms: tuple[tuple[str, int | Fraction], ...] = ()
    constant: int | Fraction = 0

    @staticmethod
    def axis(name: str) -> Size:
        """The size of one axis."""
        return Size(((name, 1),))

    @staticmethod
    def of(terms: Mapping[str, int | Fraction], constant: int | Fraction = 0) -> Size:
        """The sum in canonical order, zero terms left out."""
        return Size(tuple(sorted((a, c) for a, c in terms.items() if c)), constant)

    def __add__(self, other: Size) -> Size:
        terms = dict(self.terms)
        for axis, coefficient in other.terms:
            terms[axis] = terms.get(axis, 0) + coefficient
        return Size.of(terms, self.constant + other.constant)

    def times(self, factor: int | Fraction) -> Size:
        """``factor`` · self."""
        return Size.of({a: c * factor for a, c in self.terms}, self.constant * factor)

    def value(self, sizes: Mapping[str, int]) -> int:
        """The number, once every axis has one."""
        return int(sum(c * sizes[a] for a, c in self.terms) + self.constant)

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes it depends on."""
        return tuple(a for a, _ in self.terms)


ONE = Size(constant=1)


@dataclass(frozen=True, slots=True)
class Solution:
    """What is known of the axes so far: each is free or an expression of free ones."""

    solved: Mapping[str, Size]
    _known: dict[str, Size] = field(default_factory=dict, compare=False, repr=False)

    def resolve(self, size: Size) -> Size:
        """``size`` in free axes only."""
        terms: dict[str, int | Fraction] = {}
        constant = size.constant
        for axis, coefficient in size.terms:
            known = self._resolved(axis)
            for name, times in known.terms:
                terms[name] = terms.get(name, 0) + times * coefficient
            constant += known.constant * coefficient
        return Size.of(terms, constant)

    def _resolved(self, axis: str) -> Size:
        if axis not in self._known:
            size = self.solved.get(axis)
            self._known[axis] = Size.axis(axis) if size is None else self.resolve(size)
        return self._known[axis]

    def equate(self, left: Size, right: Size) -> Solution | None:
        """With ``left`` = ``right`` too, or None where that is impossible."""
        difference = self.resolve(left) + self.resolve(right).times(-1)
        if not difference.terms:
            return self if difference.constant == 0 else None
        for axis, coefficient in sorted(difference.terms, key=lambda term: _yields(term[0])):
            rest = Size.of({a: c for a, c in difference.terms if a != axis}, difference.constant)
            expression = rest.times(-coefficient if abs(coefficient) == 1 else -1 / Fraction(coefficient))
            if _is_whole(expression) and _could_be_positive(expression):
                return Solution({**self.solved, axis: expression})
        return None

    def dye(
        self, axes: Iterable[str], divisible: bool = False, small: frozenset[str] = frozenset()
    ) -> dict[str, int]:
        """A size for every axis: a number of its own for each free one.

        Primes, or where the code divides sizes (``d = W.shape[1] // 4``) multiples of 12. The axes ``small``
        get less than a quarter of what the other weights' axes have.
        """
        free: dict[str, None] = {}
        wanted = list(axes)
        for axis in wanted:
            for name in self._resolved(axis).axes:
                free[name] = None
        dyes = _dyes(sorted(free, key=_dye_order), divisible, small)
        self._lift_differences(wanted, dyes)
        return {axis: self._resolved(axis).value(dyes) for axis in [*wanted, *free]}

    def _lift_differences(self, axes: Iterable[str], dyes: dict[str, int]) -> None:
        """Enlarge the dyes of which another is taken away, D + H − I, until something is left."""
        spare = [n for n in _large(False) if n > max(dyes.values(), default=0)]
        for axis in axes:
            size = self._resolved(axis)
            grows = next((a for a, c in size.terms if c > 0), None)
            while grows is not None and spare and size.value(dyes) < _LEAST_OTHER:
                dyes[grows] = spare.pop(0)

    def small(self, axes: Iterable[str], least: Mapping[str, int]) -> dict[str, int]:
        """Small distinct sizes: each at least 2 unless solved to a constant, free ones as ``least`` says."""
        wanted = list(axes)
        free = sorted({n for a in wanted for n in self.resolve(Size.axis(a)).axes}, key=_dye_order)
        chosen: dict[str, int] = {}
        for axis in free:
            size = least.get(axis, _LEAST_OTHER)
            while size in chosen.values() and axis != BATCH:
                size += 1
            chosen[axis] = size
        for _ in range(12):  # an expression such as I − H needs a larger I
            values = {axis: self._resolved(axis) for axis in wanted}
            single = {axis for axis in free if least.get(axis) == 1}
            short = [
                v for v in values.values() if v.terms and v.value(chosen) < 2 and not single & set(v.axes)
            ]
            if not short:
                break
            for axis, coefficient in short[0].terms:
                if coefficient > 0:
                    chosen[axis] += 2 - short[0].value(chosen)
                    break
        return {axis: self._resolved(axis).value(chosen) for axis in [*wanted, *free]}


def decode(number: int, sizes: Mapping[str, int]) -> Size | None:
    """Which expression a number in an error message stands for, given the dyes it was run with.

    One axis, a small multiple of one, one off by one, or a sum or difference of two: whatever fits first,
    data axes first.
    """
    if number <= 2:
        return Size(constant=number)
    axes = sorted(sizes, key=_dye_order)
    for axis in axes:
        if sizes[axis] == number:
            return Size.axis(axis)
    for axis in axes:
        for multiple in range(2, _LARGEST_MULTIPLE + 1):
            if multiple * sizes[axis] == number and axis not in _NEVER_STACKED:
                return Size.of({axis: multiple})
    for axis in axes:
        for divisor in range(2, _LARGEST_MULTIPLE + 1):
            for times in range(1, divisor):
                if times * sizes[axis] == number * divisor:
                    return Size.of({axis: Fraction(times, divisor)})
    data = [a for a in axes if _is_data(a)]
    for chosen in (data, axes):
        for a, b in combinations(chosen, 2):
            if sizes[a] + sizes[b] == number:
                return Size.of({a: 1, b: 1})
        for a, b in combinations(chosen, 2):
            if sizes[a] + sizes[b] + 1 == number:
                return Size.of({a: 1, b: 1}, 1)
    for axis in axes:
        for offset in (1, -1):
            if sizes[axis] + offset == number:
                return Size.of({axis: 1}, offset)
    for multiple, constant in ((1, 0), (1, -1), *((times, 0) for times in range(2, _LARGEST_MULTIPLE + 1))):
        for b in sorted(axes, key=lambda name: name != HIDDEN):  # mostly what is left after slices of H
            for a in axes:
                if a != b and sizes[a] - multiple * sizes[b] + constant == number:
                    return Size.of({a: 1, b: -multiple}, constant)
    for axis in axes:
        if number - sizes[axis] in _FEATURES_IN_THE_CODE:
            return Size.of({axis: 1}, number - sizes[axis])
    return None


_OF_THE_STATE = re.compile(
    r"hid|mem|cell|unit|state|neuron|^size\.(n_?[ah]|h|h_dim|dim_h|h_size|size_h)$|^H$"
)


def is_of_the_state(axis: str) -> bool:
    """Whether an axis is, by its name, that of the hidden state: how many units there are."""
    return _OF_THE_STATE.search(axis) is not None


def _yields(axis: str) -> tuple[int, str]:
    """Which axis an equation is solved for first: those of weights, then sizes, then data."""
    if axis.startswith("size."):
        return 1, axis
    return (2 + DATA_AXES[::-1].index(axis), axis) if axis in DATA_AXES else (0 if "." in axis else 1, axis)


def _dye_order(axis: str) -> tuple[int, str]:
    return (DATA_AXES.index(axis) if axis in DATA_AXES else len(DATA_AXES), axis)


def _is_data(axis: str) -> bool:
    return axis in DATA_AXES or "." not in axis or axis.startswith("size.")


def _could_be_positive(size: Size) -> bool:
    return size.constant > 0 or any(c > 0 for _, c in size.terms)


def _is_whole(size: Size) -> bool:
    return all(c.denominator == 1 for c in (size.constant, *(c for _, c in size.terms)))


_SMALL = (11, 13, 19, 29, 37, 43, 53)
_SMALL_OF_WEIGHTS = (14, 17, 20, 23)
_ROOMY = 4 * 29 + 3 * 23


def _dyes(axes: list[str], divisible: bool, small_of_weights: frozenset[str]) -> dict[str, int]:
    small, large = list(_SMALL), list(_large(divisible))
    chosen = dict(zip(sorted(small_of_weights & set(axes)), _SMALL_OF_WEIGHTS, strict=False))
    if chosen:  # what slices leave over is then no multiple of a data axis either
        large = _apart([n for n in large if n > _ROOMY], [*chosen.values(), *_SMALL[:2]])
    for axis in axes:
        if axis in chosen:
            continue
        if axis == TIME:
            chosen[axis] = _TIME_DYE
        elif axis != OUTPUT:
            chosen[axis] = small.pop(0) if axis in DATA_AXES else large.pop(0)
    if OUTPUT in axes:  # the largest: a class index that is out of bounds then names the axis that it indexes
        chosen[OUTPUT] = next(number for number in large if number > max(chosen.values(), default=0))
    return chosen


def _apart(numbers: list[int], dyes: Iterable[int]) -> list[int]:
    """First those of which no two leave the same rest once multiples of ``dyes`` are cut off: W − 2 · H is
    not U − 2 · D. Then the others."""
    cut = {times * dye for dye in dyes for times in range(_LARGEST_MULTIPLE)}
    equal = {a - b for a in cut for b in cut}
    chosen: list[int] = []
    for number in numbers:
        if all(number - other not in equal for other in chosen):
            chosen.append(number)
    return chosen + [number for number in numbers if number not in chosen]


@lru_cache(maxsize=2)
def _large(divisible: bool) -> tuple[int, ...]:
    """Numbers for the axes of weights: more than four times a data axis, so that ``A[:, 3 * H:]`` is never
    empty.

    None is a multiple of a data axis, the sum of two, or next to either.
    """
    data = _SMALL[:4]
    taken = {k * p + e for p in data for k in range(1, _LARGEST_MULTIPLE + 1) for e in (-1, 0, 1)}
    taken |= {p + q + e for p, q in combinations(data, 2) for e in (-1, 0, 1)}
    factor, first = (12, 5) if divisible else (1, 61)
    found = (factor * p for p in range(first, 600) if all(p % d for d in range(2, int(p**0.5) + 1)))
    return tuple(n for n in found if n not in taken)
