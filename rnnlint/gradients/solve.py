"""Solving a scenario's unknowns by running it: the error names what is wrong, it is set, and the scenario
runs again."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rnnlint.gradients.asserted import asserted_equations
from rnnlint.gradients.callables import Library
from rnnlint.gradients.forms import (
    FAR,
    ArrayForm,
    BundleForm,
    Form,
    IndicesForm,
    NumberForm,
    StepsForm,
    dyed,
    sizes_of,
)
from rnnlint.gradients.holes import UnknownArgumentError, form_of, weight_form
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.layouts import Item
from rnnlint.gradients.passes import Style
from rnnlint.gradients.roles import Role, is_certain_size, role_of, size_axis
from rnnlint.gradients.shape_errors import equations
from rnnlint.gradients.sizes import BATCH, DATA_AXES, INPUT, OUTPUT, TIME, Size, Solution
from rnnlint.gradients.supplied import supplied_helper
from rnnlint.gradients.synthesis import MODEL, Draft
from rnnlint.gradients.target_fit import OUTPUT_SHAPES, SHAPES, refitted
from rnnlint.sandbox.job import Failure, Ran, Scenario, Trouble

MOST_RUNS = 40
PATIENCE = 2
"""Rounds that other hypotheses get once one has been solved."""
MOST_ALIVE = 8
SECONDS_A_ROUND = 2.0
MOST_SECONDS = 4.0
"""A pass that takes longer to solve is given up: nobody waits for a hypothesis."""

LIKE = """def _like(value, as_row=False):
    if isinstance(value, dict):
        return {key: _like(item, as_row) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_like(item, as_row) for item in value]
    shape = __import__("numpy").shape(value)
    return __import__("numpy").full((1, *shape) if as_row else shape, 0.125)"""


@dataclass(frozen=True)
class Solved:
    """A draft that runs, with what is known of its sizes."""

    draft: Draft
    solution: Solution
    axes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """Equal for two drafts that give every hole the same shape."""
        resolved = {
            name: [str(self.solution.resolve(size)) for size in sizes_of(form)]
            for name, form in self.draft.holes.items()
        }
        return repr((resolved, self.draft.forward, self.draft.backward))

    @property
    def merged(self) -> int:
        """How many axes of data had to become equal, of data and weights constant.

        A hypothesis that forces less is a better one.
        """
        used = [a for a in DATA_AXES if a in self.axes]
        sizes = [self.solution.resolve(Size.axis(a)) for a in used]
        matrices = {a.rpartition(".")[0] for a in self.axes if a.endswith(".1")}
        weights = [self.solution.resolve(Size.axis(f"{name}.0")) for name in matrices]
        constant = sum(not size.terms for size in (*sizes, *weights))
        return len(sizes) - len(set(sizes)) + 2 * constant


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
class _Attempt:
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

    def __post_init__(self) -> None:
        self.solution = tied(self.axes)
        self.is_tied = bool(self.solution.solved)

    def untie(self) -> None:
        """From the start again, without the guess."""
        self.solution, self.is_tied, self.stage = Solution({}), False, 0
        self.anchored, self.seen, self.divisible = frozenset(), set(), False

    @property
    def open_weights(self) -> list[str]:
        """The axes of weights that nothing is known of yet."""
        return [a for a in self.axes if "." in a and self.solution.resolve(Size.axis(a)) == Size.axis(a)]

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


def solve(
    workshop: Workshop, library: Library, drafts: Sequence[Draft]
) -> tuple[list[Solved], list[Trouble]]:
    """The drafts that can be made to run, best first, and the troubles that ended the others."""
    attempts = [_Attempt(order, draft) for order, draft in enumerate(drafts)]
    patience = PATIENCE
    deadline = time.monotonic() + MOST_SECONDS
    late = False
    for _ in range(MOST_RUNS):
        alive = [a for a in attempts if not a.done and a.dead is None][:MOST_ALIVE]
        late = time.monotonic() > deadline
        if not alive or patience == 0 or late:
            break
        if any(a.done for a in attempts):
            patience -= 1
        made = [a.scenario() for a in alive]
        outcome = workshop.run([scenario for scenario, _ in made], SECONDS_A_ROUND)
        for position, (attempt, (_, sizes)) in enumerate(zip(alive, made, strict=True)):
            ran = outcome.runs[position] if position < len(outcome.runs) else Ran(trouble=outcome.trouble)
            _advance(library, attempt, ran, sizes)
    solved = [
        Solved(a.draft, a.solution, a.axes, a.notes)
        for a in sorted(attempts, key=lambda a: a.order)
        if a.done
    ]
    solved.sort(key=lambda s: s.merged)
    troubles = [a.dead for a in attempts if a.dead is not None]
    if late and not troubles:
        troubles = [Trouble(Failure.TIMEOUT, message=f"no scenario ran within {MOST_SECONDS:g} seconds")]
    return solved, troubles


def _advance(library: Library, attempt: _Attempt, ran: Ran, sizes: dict[str, int]) -> None:
    trouble = ran.trouble
    if trouble is None:
        if attempt.stage == 0:
            attempt.stage = 1
            if ran.values and attempt.draft.pass_.style is Style.PAIR:
                holes = refitted(attempt.draft, attempt.solution, sizes, ran.values[0])
                if holes is not None:
                    attempt.draft = replace(attempt.draft, holes=holes)
        else:
            attempt.done = True
        return
    state = sorted(attempt.solution.solved)
    too_large = _sliced_by(attempt, trouble, sizes)
    if too_large is not None:
        attempt.small = attempt.small | {too_large}
        return
    dyes = (attempt.divisible, sorted(attempt.small))
    key = f"{dyes}|{trouble.message}|{trouble.line}|{trouble.source}|{state}"
    if key in attempt.seen or not _repair(library, attempt, trouble, sizes):
        if attempt.is_tied and trouble.exception in ("ValueError", "IndexError", "AssertionError"):
            attempt.untie()
            return
        if attempt.divisible or trouble.exception not in ("ValueError", "IndexError"):
            attempt.dead = trouble
        attempt.divisible = True  # sizes that the code divides come out even in a second try
    attempt.seen.add(key)


def _sliced_by(attempt: _Attempt, trouble: Trouble, sizes: dict[str, int]) -> str | None:
    """The axis of a weight whose dye is too large: gates that are cut by it out of a stacked matrix, as in
    ``a[H:2 * H]``, came out shorter than it, or empty."""
    if trouble.exception != "ValueError" or "broadcast" not in trouble.message:
        return None
    numbers = {int(n) for n in re.findall(r"\d+", trouble.message)} - set(sizes.values())
    cutting = [axis for axis in attempt.open_weights if axis not in attempt.small]
    for axis in cutting[::-1]:
        rests = {sizes[a] - sizes[axis] * times for a in sizes if a != axis for times in (1, 2, 3)}
        if any(0 < n < sizes[axis] and n in rests for n in numbers) or 0 in numbers:
            return axis
    return None


def _repair(library: Library, attempt: _Attempt, trouble: Trouble, sizes: dict[str, int]) -> bool:
    """Change the attempt so that this trouble goes away; False where nothing is known to help."""
    if trouble.failure not in (Failure.RAISED, Failure.STUB):
        return False
    if _supply(attempt, trouble) or _as_numbers(attempt, trouble):
        return True
    match trouble.exception:
        case "KeyError":
            return _add_key(attempt, trouble)
        case "AttributeError":
            return _call_maker(library, attempt, trouble)
        case "AssertionError":
            pairs = asserted_equations(library, attempt.draft.holes, trouble, sizes)
            return _unify(attempt, pairs) or _as_row(attempt)
        case "ValueError" | "IndexError":
            return (
                _anchor(attempt, trouble, sizes)
                or _as_indices(attempt, trouble)
                or _unify(attempt, equations(trouble, sizes))
                or _as_row(attempt)
            )
        case _:
            return False


def _unify(attempt: _Attempt, pairs: list[tuple[Size, Size]]) -> bool:
    solution = attempt.solution
    changed = False
    for left, right in pairs:
        if solution.resolve(left) == solution.resolve(right):
            continue
        if _pins_a_batch(solution, left, right):
            return False
        for a, b in _split_sums(solution, left, right):
            found = solution.equate(a, b)
            if found is None:
                return False
            solution, changed = found, True
    attempt.solution = solution
    return changed


_HIDDEN_SIZE = re.compile(r"hid|mem|cell|unit|state|neuron|^size\.(n_?[ah]|h|h_dim|dim_h|h_size|size_h)$|^H$")


def _split_sums(solution: Solution, left: Size, right: Size) -> list[tuple[Size, Size]]:
    """D + H = input_size + hidden_size is two equations: hidden with hidden, the rest with the rest."""
    a, b = solution.resolve(left), solution.resolve(right)
    both = (
        [term for term in a.terms if term not in b.terms],
        [term for term in b.terms if term not in a.terms],
    )
    if a.constant or b.constant or any(len(terms) != 2 or any(c != 1 for _, c in terms) for terms in both):
        return [(left, right)]
    hidden = [[axis for axis, _ in terms if _HIDDEN_SIZE.search(axis)] for terms in both]
    if not all(len(found) == 1 for found in hidden):
        return [(left, right)]
    rest = [
        next(axis for axis, _ in terms if axis != found[0]) for terms, found in zip(both, hidden, strict=True)
    ]
    return [(Size.axis(hidden[0][0]), Size.axis(hidden[1][0])), (Size.axis(rest[0]), Size.axis(rest[1]))]


def _anchor(attempt: _Attempt, trouble: Trouble, sizes: dict[str, int]) -> bool:
    """An index far out of range: its bound is the axis that it indexes."""
    match = re.search(r"index (\d+) is out of bounds", trouble.message)
    if match is None or int(match[1]) < FAR:
        return False
    _unify(attempt, equations(trouble, sizes))
    below = {a for f in attempt.draft.holes.values() if isinstance(f, IndicesForm) for a in f.below.axes}
    wanted = {a for a in below if sizes.get(a) == int(match[1]) - FAR + 1}
    attempt.anchored |= wanted
    return bool(wanted)


def _pins_a_batch(solution: Solution, left: Size, right: Size) -> bool:
    """A batch of one is another layout's hypothesis."""
    a, b = solution.resolve(left), solution.resolve(right)
    return (a == Size.axis(BATCH) and not b.terms) or (b == Size.axis(BATCH) and not a.terms)


def _supply(attempt: _Attempt, trouble: Trouble) -> bool:
    match = re.search(r"name '(\w+)' is not defined", trouble.message) or (
        re.search(r"\.(\w+)\(\.\.\.\)", trouble.message) if trouble.failure is Failure.STUB else None
    )
    if match is None:
        return False
    if _is_undefined_size(match[1], attempt.draft, trouble):
        return _open_size(attempt, match[1])
    code = supplied_helper(match[1])
    if code is None or code in attempt.draft.setup:
        return False
    attempt.draft = replace(attempt.draft, setup=(code, *attempt.draft.setup))
    attempt.notes += (f"{match[1]}() is defined nowhere; the standard one is supplied.",)
    return True


def _is_undefined_size(name: str, draft: Draft, trouble: Trouble) -> bool:
    """Whether a global that is defined nowhere (its cell does not parse) is certainly a size of the model."""
    here = {c.path.name for c in (draft.pass_.forward, draft.pass_.backward) if c is not None}
    return trouble.exception == "NameError" and is_certain_size(name) and len(here) == 1


def _open_size(attempt: _Attempt, name: str) -> bool:
    hole = f"_in_{name}"
    if hole in attempt.draft.holes:
        return False
    axis = size_axis(name) or f"size.{name}"
    holes = {**attempt.draft.holes, hole: NumberForm(Size.axis(axis))}
    attempt.draft = replace(attempt.draft, setup=(*attempt.draft.setup, f"{name} = {hole}"), holes=holes)
    attempt.notes += (f"{name} is defined nowhere; a size that fits is supplied.",)
    return True


def _add_key(attempt: _Attempt, trouble: Trouble) -> bool:
    key = trouble.message.strip("'\"")
    if not key.isidentifier():
        return False
    for name, form in attempt.draft.holes.items():
        if isinstance(form, BundleForm) and form.container == "dict" and key not in form.items:
            items = {**form.items, key: weight_form(key, attempt.draft.layout)}
            holes = {**attempt.draft.holes, name: BundleForm(items, "dict")}
            attempt.draft = replace(attempt.draft, holes=holes)
            return True
    return False


def _call_maker(library: Library, attempt: _Attempt, trouble: Trouble) -> bool:
    """An attribute that no constructor sets: call the method of the class that does (``initialize``,
    ``build``)."""
    match = re.search(r"'(\w+)' object has no attribute '(\w+)'", trouble.message)
    owner = attempt.draft.pass_.backward.owner
    if match is None or owner is None or match[1] != owner.name or not attempt.draft.has_model:
        return False
    for callable_ in library.callables:
        if callable_.owner is not owner or callable_.name == "__init__":
            continue
        if callable_ in (attempt.draft.pass_.forward, attempt.draft.pass_.backward):
            continue
        sets = any(
            isinstance(n, ast.Attribute) and n.attr == match[2] and isinstance(n.ctx, ast.Store)
            for n in ast.walk(callable_.node)
        )
        if not sets or any(f"{MODEL}.{callable_.name}(" in line for line in attempt.draft.setup):
            continue
        holes = dict(attempt.draft.holes)
        given: list[str] = []
        try:
            for parameter in callable_.parameters:
                if parameter.default is not None:
                    continue
                holes.setdefault(
                    f"_in_{parameter.name}",
                    form_of(library, callable_, parameter, attempt.draft.layout, True),
                )
                given.append(f"{parameter.name}=_in_{parameter.name}")
        except UnknownArgumentError:
            continue
        line = f"{MODEL}.{callable_.name}({', '.join(given)})"
        attempt.draft = replace(attempt.draft, setup=(*attempt.draft.setup, line), holes=holes)
        return True
    return False


def _as_indices(attempt: _Attempt, trouble: Trouble) -> bool:
    """Targets that are used as indices after all."""
    if (
        "used as indices must be of integer" not in trouble.message
        and "indices must be integers" not in trouble.message
    ):
        return False
    roles = {name: role_of(name.removeprefix("_in_")) for name in attempt.draft.holes}
    wanted = Role.TARGET if Role.TARGET in roles.values() else Role.INPUT
    for name, form in attempt.draft.holes.items():
        if roles[name] is not wanted:
            continue
        feature = Size.axis(OUTPUT if wanted is Role.TARGET else INPUT)
        made: Form | None = None
        if isinstance(form, ArrayForm) and feature in form.axes:
            made = IndicesForm(tuple(a for a in form.axes if a != feature), feature, listed=False)
        elif isinstance(form, StepsForm) and isinstance(form.item, ArrayForm):
            made = IndicesForm((form.length,), feature)
        if made is not None:
            attempt.draft = replace(attempt.draft, holes={**attempt.draft.holes, name: made})
            return True
    return False


_WANTS_A_NUMBER = re.compile(r"setting an array element with a sequence|only (length-1|0-dimensional|size-1)")


def _as_numbers(attempt: _Attempt, trouble: Trouble) -> bool:
    """Targets that are single numbers: the code puts them where only one fits."""
    if not re.search(
        r"setting an array element with a sequence|only (length-1|0-dimensional|size-1)", trouble.message
    ):
        return False
    holes = dict(attempt.draft.holes)
    for name, form in attempt.draft.holes.items():
        if role_of(name.removeprefix("_in_")) is not Role.TARGET:
            continue
        if isinstance(form, StepsForm) and form.item != ArrayForm(()):
            holes[name] = replace(form, item=ArrayForm(()))
        elif isinstance(form, ArrayForm) and Size.axis(OUTPUT) in form.axes:
            holes[name] = ArrayForm(tuple(axis for axis in form.axes if axis == Size.axis(TIME)))
    changed = holes != dict(attempt.draft.holes)
    attempt.draft = replace(attempt.draft, holes=holes)
    return changed


def _as_row(attempt: _Attempt) -> bool:
    """An upstream gradient that is wanted as a row (1, H) where the state itself is 1-D."""
    if attempt.stage == 0 or attempt.draft.layout.item is not Item.VECTOR:
        return False
    if not attempt.draft.upstream or any(u.as_row for u in attempt.draft.upstream):
        return False
    attempt.draft = replace(
        attempt.draft, upstream=tuple(replace(u, as_row=True) for u in attempt.draft.upstream)
    )
    return True
