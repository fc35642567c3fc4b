"""What makes a scenario's trouble go away: an equation of sizes, a key, a helper, another form of a hole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.gradients.asserted import asserted_equations
from rnnlint.gradients.attempt import Attempt
from rnnlint.gradients.draft import Draft
from rnnlint.gradients.forms import (
    FAR,
    ArrayForm,
    BundleForm,
    ClassesForm,
    Fill,
    Form,
    IndicesForm,
    NumberForm,
    StepsForm,
)
from rnnlint.gradients.holes import weight_form
from rnnlint.gradients.layouts import Item
from rnnlint.gradients.library import Library
from rnnlint.gradients.makers import NO_ARRAY, call_maker
from rnnlint.gradients.roles import Role, is_certain_size, role_of, size_axis
from rnnlint.gradients.shape_errors import equations
from rnnlint.gradients.sizes import BATCH, INPUT, OUTPUT, TIME, Size, Solution, is_of_the_state
from rnnlint.gradients.supplied import supplied_helper
from rnnlint.records import replace
from rnnlint.sandbox.job import Failure, Trouble


def sliced_by(attempt: Attempt, trouble: Trouble, sizes: dict[str, int]) -> str | None:
    """The axis of a weight whose dye is too large: gates that are cut by it out of a stacked matrix, as in
    ``a[H:2 * H]``, came out shorter than it, or empty."""
    if trouble.exception != "ValueError" or "broadcast" not in trouble.message:
        return None
    found = {int(n) for n in re.findall(r"\d+", trouble.message)}
    numbers = found - set(sizes.values())
    cutting = [axis for axis in attempt.open_weights if axis not in attempt.small]
    if _is_cut_by_too_much(trouble):
        return next((axis for axis in cutting[::-1] if sizes[axis] == max(found)), None)
    rests = {axis: numbers & set(_rests(axis, sizes)) for axis in cutting[::-1]}
    likely = max(rests, key=lambda axis: len(rests[axis]), default=None)
    if likely is not None and rests[likely]:
        return likely
    return cutting[-1] if cutting and 0 in numbers else None


def _rests(axis: str, sizes: dict[str, int]) -> Iterator[int]:
    """What is left of the other axes once so much is cut off them, once to three times."""
    for other in sizes:
        for times in (1, 2, 3):
            rest = sizes[other] - sizes[axis] * times
            if other != axis and 0 < rest < sizes[axis]:
                yield rest


def _is_cut_by_too_much(trouble: Trouble) -> bool:
    """Whether ``k[:n]`` came out as all of ``k``: what it is added to is longer, and n is."""
    shapes = {operand.text: operand.shape for operand in trouble.operands}
    return any(
        text.endswith("]") and ":" in text.rpartition("[")[2] and shapes.get(text.rpartition("[")[0]) == shape
        for text, shape in shapes.items()
    )


def repaired(library: Library, attempt: Attempt, trouble: Trouble, sizes: dict[str, int]) -> bool:
    """Change the attempt so that this trouble goes away; False where nothing is known to help."""
    if trouble.failure not in (Failure.RAISED, Failure.STUB):
        return False
    if _supply(attempt, trouble) or _as_numbers(attempt, trouble):
        return True
    match trouble.exception:
        case "KeyError":
            return _add_key(attempt, trouble) or call_maker(library, attempt, trouble)
        case "AttributeError" | "TypeError":
            return (
                _as_vocabulary(attempt, trouble)
                or (_ONE_INDEX in trouble.message and _as_indices(library, attempt, trouble))
                or call_maker(library, attempt, trouble)
            )
        case "AssertionError":
            pairs = asserted_equations(library, attempt.draft.holes, trouble, sizes)
            return _unify(attempt, pairs) or _as_one_hot(attempt, trouble) or _as_row(attempt)
        case "ValueError" if NO_ARRAY in trouble.message:
            return call_maker(library, attempt, trouble)
        case "ValueError" | "IndexError":
            return (
                _anchor(attempt, trouble, sizes)
                or _anchor_in_vocabulary(attempt, trouble, sizes)
                or _as_indices(library, attempt, trouble)
                or _as_series(attempt, trouble)
                or _unify(attempt, equations(trouble, sizes))
                or _as_row(attempt)
            )
        case _:
            return False


def _unify(attempt: Attempt, pairs: list[tuple[Size, Size]]) -> bool:
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


def _split_sums(solution: Solution, left: Size, right: Size) -> list[tuple[Size, Size]]:
    """D + H = input_size + hidden_size is two equations: hidden with hidden, the rest with the rest."""
    a, b = solution.resolve(left), solution.resolve(right)
    both = (
        [term for term in a.terms if term not in b.terms],
        [term for term in b.terms if term not in a.terms],
    )
    if a.constant or b.constant or any(len(terms) != 2 or any(c != 1 for _, c in terms) for terms in both):
        return [(left, right)]
    hidden = [[axis for axis, _ in terms if is_of_the_state(axis)] for terms in both]
    if not all(len(found) == 1 for found in hidden):
        return [(left, right)]
    rest = [
        next(axis for axis, _ in terms if axis != found[0]) for terms, found in zip(both, hidden, strict=True)
    ]
    return [(Size.axis(hidden[0][0]), Size.axis(hidden[1][0])), (Size.axis(rest[0]), Size.axis(rest[1]))]


def _anchor(attempt: Attempt, trouble: Trouble, sizes: dict[str, int]) -> bool:
    """An index far out of range: its bound is the axis that it indexes."""
    match = re.search(r"index (\d+) is out of bounds", trouble.message)
    if match is None or int(match[1]) < FAR:
        return False
    _unify(attempt, equations(trouble, sizes))
    below = {a for f in attempt.draft.holes.values() if isinstance(f, IndicesForm) for a in f.below.axes}
    wanted = {a for a in below if sizes.get(a) == int(match[1]) - FAR + 1}
    attempt.anchored |= wanted
    return bool(wanted)


def _as_one_hot(attempt: Attempt, trouble: Trouble) -> bool:
    """``assert x.sum() == len(x)``: every row of the input has one 1."""
    found = re.search(r"(\w+)\.sum\(|np\.sum\((\w+)", trouble.source)
    hole = f"_in_{found[1] or found[2]}" if found is not None else ""
    form = attempt.draft.holes.get(hole)
    match form:
        case ArrayForm(fill=Fill.NORMAL):
            made: Form = replace(form, fill=Fill.ONE_HOT_LAST)
        case StepsForm(item=ArrayForm(fill=Fill.NORMAL) as item):
            made = replace(form, item=replace(item, fill=_one_hot(item)))
        case _:
            return False
    attempt.draft = replace(attempt.draft, holes={**attempt.draft.holes, hole: made})
    return True


def _one_hot(item: ArrayForm) -> Fill:
    """Along the features' axis: of a column (D, 1) the first."""
    return Fill.ONE_HOT_FIRST if item.axes and item.axes[0] == Size.axis(INPUT) else Fill.ONE_HOT_LAST


def _as_vocabulary(attempt: Attempt, trouble: Trouble) -> bool:
    """What was taken for the vocabulary's size is the vocabulary: ``vocab.index(token)``, ``vocab[i]``."""
    found = re.search(
        r"'int' object (?:has no attribute 'index'|is not (?:subscriptable|iterable))", trouble.message
    )
    hole = f"_in_{(re.match(r'[A-Za-z_0-9]*', trouble.source) or [''])[0]}"
    form = attempt.draft.holes.get(hole)
    if found is None or not isinstance(form, NumberForm):
        return False
    holes = {**attempt.draft.holes, hole: ClassesForm(form.size)}
    attempt.draft = replace(attempt.draft, holes=holes)
    return True


def _anchor_in_vocabulary(attempt: Attempt, trouble: Trouble, sizes: dict[str, int]) -> bool:
    """A token that is not in the vocabulary: it is one of as many as the vocabulary holds."""
    match = re.search(r"(\d+) is not in list", trouble.message)
    forms = attempt.draft.holes.values()
    held = next((form.count for form in forms if isinstance(form, ClassesForm)), None)
    if match is None or held is None or int(match[1]) < FAR:
        return False
    below = {f.below for f in forms if isinstance(f, IndicesForm) and set(f.below.axes) - attempt.anchored}
    meant = [size for size in below if size.value(sizes) == int(match[1]) - FAR + 1]
    attempt.anchored |= {axis for size in meant for axis in size.axes}
    return bool(meant) and _unify(attempt, [(size, held) for size in meant])


def _pins_a_batch(solution: Solution, left: Size, right: Size) -> bool:
    """A batch of one is another layout's hypothesis."""
    a, b = solution.resolve(left), solution.resolve(right)
    return (a == Size.axis(BATCH) and not b.terms) or (b == Size.axis(BATCH) and not a.terms)


def _supply(attempt: Attempt, trouble: Trouble) -> bool:
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


def _open_size(attempt: Attempt, name: str) -> bool:
    hole = f"_in_{name}"
    if hole in attempt.draft.holes:
        return False
    axis = size_axis(name) or f"size.{name}"
    holes = {**attempt.draft.holes, hole: NumberForm(Size.axis(axis))}
    attempt.draft = replace(attempt.draft, setup=(*attempt.draft.setup, f"{name} = {hole}"), holes=holes)
    attempt.notes += (f"{name} is defined nowhere; a size that fits is supplied.",)
    return True


def _add_key(attempt: Attempt, trouble: Trouble) -> bool:
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


def _as_indices(library: Library, attempt: Attempt, trouble: Trouble) -> bool:
    """Targets, or else inputs, that are used as indices after all, or looked up in a vocabulary: targets
    where the function that fails is given them.
    """
    if not _WANTS_INDICES.search(trouble.message) and not _looks_up(trouble):
        return False
    read = set(re.findall(r"\w+", trouble.source)) if _looks_up(trouble) else set[str]()
    roles = {name: role_of(name.removeprefix("_in_")) for name in attempt.draft.holes}
    given = (roles.keys() & _given_to(library, trouble)) or roles.keys()
    first = Role.TARGET if Role.TARGET in {roles[name] for name in given} else Role.INPUT
    likely = [name for wanted in (first, Role.INPUT) for name, role in roles.items() if role is wanted]
    named = [name for name in roles if name.removeprefix("_in_") in read]
    for name in [*named, *likely]:
        made = _indices_for(attempt.draft.holes[name], OUTPUT if roles[name] is Role.TARGET else INPUT)
        if made is not None:
            attempt.draft = replace(attempt.draft, holes={**attempt.draft.holes, name: made})
            return True
    return False


def _given_to(library: Library, trouble: Trouble) -> set[str]:
    """The holes that go by the names of the failing function's parameters; empty where it is not known."""
    failing = next((c for c in library.callables if c.title == trouble.function), None)
    return {f"_in_{parameter.name}" for parameter in failing.parameters} if failing is not None else set()


_ONE_INDEX = "only integer scalar arrays can be converted to a scalar index"
"""Of ``eye[:, ix:ix + 1]``."""
_WANTS_INDICES = re.compile(f"used as indices must be of integer|indices must be integers|{_ONE_INDEX}")


def _looks_up(trouble: Trouble) -> bool:
    """``vocab.index(x)`` of numbers that are no tokens."""
    told = re.search(r"is not in list|truth value of an array", trouble.message)
    return told is not None and re.search(r"\.index\(", trouble.source) is not None


def _indices_for(form: Form, axis: str) -> Form | None:
    """What holds indices along ``axis`` where ``form`` holds features along it."""
    feature = Size.axis(axis)
    if isinstance(form, ArrayForm) and feature in form.axes:
        return IndicesForm(tuple(a for a in form.axes if a != feature), feature, listed=False)
    if isinstance(form, StepsForm) and isinstance(form.item, ArrayForm):
        return IndicesForm((form.length,), feature)
    return None


_RANKS = re.compile(r"index 0 has (\d+) dimension\(s\) and the array at index 1 has (\d+) dimension")
_WANTS_A_NUMBER = re.compile(
    r"setting an array element with a sequence|only (length-1|0-dimensional|size-1)|array of size 1 to a"
)


def _as_numbers(attempt: Attempt, trouble: Trouble) -> bool:
    """Targets that are single numbers: the code puts them where only one fits."""
    if not _WANTS_A_NUMBER.search(trouble.message):
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


def _as_series(attempt: Attempt, trouble: Trouble) -> bool:
    """Inputs of which each step is one number, put beside the state: ``np.vstack((h, [[x[t]]]))``."""
    match = _RANKS.search(trouble.message)
    if match is None:
        return False
    surplus = int(match[2]) - int(match[1])
    for name, form in attempt.draft.holes.items():
        single = _one_number_a_step(form) if role_of(name.removeprefix("_in_")) is Role.INPUT else None
        if single is not None and single[1] == surplus:
            attempt.draft = replace(attempt.draft, holes={**attempt.draft.holes, name: single[0]})
            return True
    return False


def _one_number_a_step(form: Form) -> tuple[Form, int] | None:
    """The form with one number for each step's array, and how many axes that array had."""
    time = Size.axis(TIME)
    match form:
        case StepsForm(item=ArrayForm(axes=axes)) if axes:
            return replace(form, item=ArrayForm(())), len(axes)
        case ArrayForm(axes=(first, *rest)) if first == time and rest:
            return ArrayForm((time,)), len(rest)
        case _:
            return None


def _as_row(attempt: Attempt) -> bool:
    """An upstream gradient that is wanted as a row (1, H) where the state itself is 1-D."""
    if attempt.stage == 0 or attempt.draft.layout.item is not Item.VECTOR:
        return False
    if not attempt.draft.upstream or any(u.as_row for u in attempt.draft.upstream):
        return False
    attempt.draft = replace(
        attempt.draft, upstream=tuple(replace(u, as_row=True) for u in attempt.draft.upstream)
    )
    return True
