"""One draft on its way to run: what is known of its sizes, how far it came, what was tried."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlint.gradients.draft import Draft
from rnnlint.gradients.forms import ArrayForm, arrays_in, dyed, sizes_of
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import HIDDEN, ONE, Size, Solution, is_of_the_state
from rnnlint.gradients.target_fit import OUTPUT_SHAPES, SHAPES
from rnnlint.records import dataclass, field, replace
from rnnlint.sandbox.job import Scenario, Trouble

LIKE = """def _like(value, as_row=False):
    if isinstance(value, dict):
        return {key: _like(item, as_row) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_like(item, as_row) for item in value]
    shape = __import__("numpy").shape(value)
    return __import__("numpy").full((1, *shape) if as_row else shape, 0.125)"""


_GATES = (frozenset("figo"), frozenset("fico"), frozenset("fiao"), frozenset("zrh"), frozenset("zrn"))


def tied(axes: Sequence[str]) -> Solution:
    """The weights of gates that differ by one letter are taken to have one shape: a guess that saves runs."""
    groups: dict[str, dict[str, str]] = {}
    for axis in axes:
        name, dot, number = axis.rpartition(".")
        letters = [(i, c.lower()) for i, c in enumerate(name) if c.lower() in "figcaozrhn"]
        for position, letter in letters:
            groups.setdefault(f"{name[:position]}?{name[position + 1 :]}.{number}", {})[letter] = (
                axis if dot else ""
            )
    solved: dict[str, Size] = {}
    for members in groups.values():
        if not any(gates <= members.keys() for gates in _GATES):
            continue
        first, *others = [a for a in members.values() if a and a not in solved]
        solved.update({other: Size.axis(first) for other in others if other != first})
    return Solution(solved)


@dataclass
class Attempt:
    order: int
    draft: Draft
    solution: Solution = field(default_factory=lambda: Solution({}))
    notes: tuple[str, ...] = ()
    dead: Trouble | None = None
    done: bool = False
    stage: int = 0  # 0: the forward alone, 1: with the backward
    seen: set[str] = field(default_factory=set)
    anchored: frozenset[str] = frozenset()
    divisible: bool = False
    is_tied: bool = False
    small: frozenset[str] = frozenset()  # axes of weights of which the code slices others in multiples
    narrowed: Trouble | None = None  # what only one single number made go away

    def __post_init__(self) -> None:
        self._begin(tied(self.axes))

    def untie(self) -> None:
        """From the start again, without the guess."""
        self._begin(Solution({}))

    def _begin(self, solution: Solution) -> None:
        self.solution, self.is_tied, self.stage = solution, bool(solution.solved), 0
        self.anchored, self.seen, self.divisible, self.narrowed = frozenset(), set(), False, None

    def with_single_targets(self) -> bool:
        """From the start again with one number for each target that was a vector, if there is one.

        What is taken away from a single output, ``prob[0] - label``, would else make everything one number.
        """
        single = {
            hole: ArrayForm(())
            for hole, form in self.draft.holes.items()
            if isinstance(form, ArrayForm)
            and len(form.axes) == 1
            and role_of(hole.removeprefix("_in_")) is Role.TARGET
        }
        if not single:
            return False
        self.draft = replace(self.draft, holes={**self.draft.holes, **single})
        self._begin(tied(self.axes))
        return True

    @property
    def open_weights(self) -> list[str]:
        """The axes of weights that nothing is known of yet."""
        return [a for a in self.axes if "." in a and self.solution.resolve(Size.axis(a)) == Size.axis(a)]

    @property
    def has_a_single_number(self) -> bool:
        """Whether a weight matrix or the state has come down to one number, in which no transpose is seen."""
        states = [axis for axis in self.axes if axis == HIDDEN or is_of_the_state(axis)]
        if any(self.solution.resolve(Size.axis(axis)) == ONE for axis in states):
            return True
        return any(
            isinstance(form, ArrayForm)
            and len(form.axes) > 1
            and all(size.terms and self.solution.resolve(size) == ONE for size in form.axes)
            for form in arrays_in(self.draft.holes.values())
        )

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(a for f in self.draft.holes.values() for s in sizes_of(f) for a in s.axes))

    def scenario(self) -> tuple[Scenario, dict[str, int]]:
        sizes = self.solution.dye(self.axes, self.divisible, self.small)
        holes = {name: dyed(form, sizes, self.anchored) for name, form in self.draft.holes.items()}
        lines = [LIKE, *self.draft.setup, *self.draft.forward]
        if self.stage == 0:
            wanted = (OUTPUT_SHAPES,) if self.draft.forward else ()
            return Scenario("\n".join([SHAPES, *lines]), holes, wanted), sizes
        lines += [f"{u.hole} = _like({u.output}, {u.as_row})" for u in self.draft.upstream]
        return Scenario("\n".join([*lines, *self.draft.backward]), holes), sizes
