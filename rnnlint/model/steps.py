"""Steps of time: loops that walk them, indices as affine functions of the step, conditions on it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from rnnlint.model.terms import Op, Term
from rnnlint.records import dataclass, field
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class Affine:
    """``constant + Σ coefficient · term``; the terms by their keys."""

    constant: int
    coefficients: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: Affine) -> Affine:
        if not other.coefficients:
            return Affine(self.constant + other.constant, self.coefficients)
        sums = dict(self.coefficients)
        for key, coefficient in other.coefficients.items():
            sums[key] = sums.get(key, 0) + coefficient
        return Affine(self.constant + other.constant, {key: c for key, c in sums.items() if c})

    def __mul__(self, factor: int) -> Affine:
        return Affine(self.constant * factor, {k: c * factor for k, c in self.coefficients.items() if factor})

    def __sub__(self, other: Affine) -> Affine:
        if self.coefficients == other.coefficients:  # the commonest: the same step, shifted
            return Affine(self.constant - other.constant)
        return self + other * -1

    @property
    def is_constant(self) -> bool:
        """No term is in it."""
        return not self.coefficients


def affine(term: Term) -> Affine | None:
    """``term`` as an affine function of terms; None for a literal that is no whole number."""
    match term.op, term.args:
        case Op.NUMBER, ():
            return Affine(term.data) if isinstance(term.data, int) else None
        case Op.ADD, (left, right):
            return _combined(left, right, 1)
        case Op.SUBTRACT, (left, right):
            return _combined(left, right, -1)
        case Op.NEGATE, (operand,):
            inner = affine(operand)
            return inner * -1 if inner else None
        case Op.MULTIPLY, (left, right):
            first, second = affine(left), affine(right)
            if first and second and first.is_constant:
                return second * first.constant
            if first and second and second.is_constant:
                return first * second.constant
    return Affine(0, {term.key: 1})


def _combined(left: Term, right: Term, sign: int) -> Affine | None:
    first, second = affine(left), affine(right)
    return first + second * sign if first and second else None


class Direction(StrEnum):
    """Which way a loop's variable walks."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(slots=True, eq=False)
class Loop:
    """A loop, run once on a step in the middle.

    ``variable`` is what counts; its smallest value is ``lowest``, it takes ``count`` values (None: unknown).
    ``carried`` maps a place to what it held before, ``next`` to what it holds when a step ends.
    """

    number: int
    statement: tree.For | tree.While
    variable: Term | None
    direction: Direction
    lowest: Affine | None
    count: Affine | None
    outer: Loop | None = None
    carried: dict[str, Term] = field(default_factory=dict)
    initial: dict[str, Term] = field(default_factory=dict)
    next: dict[str, Term] = field(default_factory=dict)

    def steps_from(self, index: Affine) -> Offset | None:
        """Where ``index`` points, seen from the step: ``t - 1`` is one before, ``T - a - 1`` walks back."""
        if self.variable is None or self.lowest is None:
            return None
        slope = index.coefficients.get(self.variable.key, 0)
        if slope == 1 and not self.lowest.is_constant:
            own = index - Affine(0, {self.variable.key: 1})
            if own.is_constant:  # from max(0, t - 5) on, it counts the steps themselves; to −1, from the end
                return Offset(own.constant, forward=True, from_end=self._ends_below_zero)
        step = Affine(0, {self.variable.key: 1}) - self.lowest + Affine(self.skipped)
        if slope == 1:
            rest = index - step
            return Offset(rest.constant, forward=True) if rest.is_constant else None
        if slope == -1:
            level = index + step
            if level.is_constant and level.constant < self.skipped:  # a[-(k + 1)]: negative from the first on
                return Offset(level.constant + 1, forward=False, from_end=True)
            if self.count is not None:
                mirrored = self.count + Affine(self.skipped - 1) - step
                back = index - mirrored
                return Offset(back.constant, forward=False) if back.is_constant else None
        return None

    @property
    def _ends_below_zero(self) -> bool:
        """Whether its variable is negative at every step: ``range(-1, -T - 1, -1)``."""
        highest = self.lowest + self.count if self.lowest is not None and self.count is not None else None
        return highest is not None and highest.is_constant and highest.constant <= 0

    @property
    def skipped(self) -> int:
        """How many first steps are left out: one by ``range(1, T)``; ``range(1, T + 1)`` counts from one."""
        if self.lowest is None or self.count is None or not self.lowest.is_constant:
            return 0
        highest = self.lowest + self.count - Affine(1)
        ends_like_zero_based = highest.constant == -1 and list(highest.coefficients.values()) == [1]
        return self.lowest.constant if ends_like_zero_based and self.lowest.constant > 0 else 0

    def holds_at(self, condition: Term, where: Where) -> bool | None:
        """Whether a condition on the variable holds at its lowest, a middle or its highest value."""
        if condition.op is Op.NUMBER:
            return bool(condition.data)
        if condition.op is Op.CALL and condition.data == "not":
            inner = self.holds_at(condition.args[0], where)
            return None if inner is None else not inner
        if condition.op is Op.CALL and condition.data in ("and", "or"):
            sides = [self.holds_at(each, where) for each in condition.args]
            decisive = condition.data == "or"
            return decisive if decisive in sides else None if None in sides else not decisive
        difference, operator = _difference(condition)
        value = self._value_at(difference, where) if difference else None
        return None if value is None else _COMPARISONS[operator](value)

    def misses_by(self, condition: Term, where: Where) -> int | None:
        """By how much the left side of ``==`` or ``!=`` is larger than the right one at a step; None for
        other conditions, and where that is not known."""
        if condition.op is not Op.COMPARE or condition.data not in ("==", "!="):
            return None
        difference, _ = _difference(condition)
        return self._value_at(difference, where) if difference else None

    def _value_at(self, form: Affine, where: Where) -> int | None:
        """``form``'s value in a loop of many steps; None where it rests on more than variable and count."""
        if self.variable is None or self.lowest is None:
            return None
        slope = form.coefficients.get(self.variable.key, 0)
        if not slope:
            return None
        step = {Where.LOWEST: 0, Where.MIDDLE: _MANY // 2, Where.HIGHEST: _MANY - 1}[where]
        rest = form - Affine(0, {self.variable.key: slope}) + self.lowest * slope
        if rest.is_constant:
            return rest.constant + slope * step
        if self.count is None or len(self.count.coefficients) != 1:
            return None
        ((key, unit),) = self.count.coefficients.items()
        times, left = divmod(rest.coefficients.get(key, 0), unit)
        scaled = rest - self.count * times
        return scaled.constant + times * _MANY + slope * step if scaled.is_constant and not left else None


class Where(StrEnum):
    """A step, by the value of the loop's variable."""

    LOWEST = "lowest"
    MIDDLE = "middle"
    HIGHEST = "highest"


_MANY = 1000
_COMPARISONS = {
    "==": lambda value: value == 0,
    "!=": lambda value: value != 0,
    "<": lambda value: value < 0,
    "<=": lambda value: value <= 0,
    ">": lambda value: value > 0,
    ">=": lambda value: value >= 0,
    "is": lambda value: value == 0,
    "is not": lambda value: value != 0,
}


def _difference(condition: Term) -> tuple[Affine | None, str]:
    if condition.op is Op.COMPARE and str(condition.data) in _COMPARISONS:
        left, right = condition.args
        return _combined(left, right, -1), str(condition.data)
    return affine(condition), "!="


@dataclass(frozen=True, slots=True)
class Offset:
    """``steps`` after (negative: before) the step; not ``forward`` where the loop's count runs against time.

    ``from_end``: counted from the end of the sequence, whatever its length.
    """

    steps: int
    forward: bool
    from_end: bool = False
