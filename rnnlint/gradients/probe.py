"""A solved scenario with tiny random values in its holes: the program that is run, perturbed and judged."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.draft import BACKWARD, FORWARD, MODEL, Draft
from rnnlint.gradients.forms import SCALE, ArrayForm, BundleForm, Form, drawn
from rnnlint.gradients.jobs import SECONDS, Workshop
from rnnlint.gradients.pairing import VALUE_WORDS, Named, Way, is_gradient_name, split, titles
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, HIDDEN, INPUT, OUTPUT, TIME
from rnnlint.gradients.solve import Solved
from rnnlint.gradients.trees import Leaf, leaves, like
from rnnlint.records import dataclass, field, replace
from rnnlint.sandbox.job import Failure, Outcome, Ran, Scenario, Trouble, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

LEAST = {TIME: 4, BATCH: 2, HIDDEN: 3, INPUT: 4, OUTPUT: 5}
"""The probe's sizes where nothing else is demanded."""
MOST_NUMBERS = 500
"""The most elements that are perturbed one by one."""


class ProbeFailedError(Exception):
    """The solved scenario does not run on random values."""

    def __init__(self, trouble: Trouble | None) -> None:
        super().__init__(trouble.message if trouble else "")
        self.trouble = trouble

    @property
    def is_of_time(self) -> bool:
        """Whether it might run on a machine that is less busy."""
        return self.trouble is not None and self.trouble.failure is Failure.TIMEOUT


@dataclass(frozen=True)
class Place:
    """An array of the scenario that can be perturbed: Python for it, and what it is called."""

    code: str
    name: str
    ways: tuple[Way, ...]
    array: Array
    in_hole: bool
    is_weight: bool  # false for inputs and initial states

    @property
    def named(self) -> Named:
        return Named(self.name, self.ways, tuple(self.array.shape), self.array)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its first way."""
        return self.ways[0].words


@dataclass(frozen=True)
class Probe:
    """The scenario with everything filled in."""

    draft: Draft
    sizes: Mapping[str, int]
    holes: Mapping[str, Value]
    places: tuple[Place, ...]
    secret: int  # stays with the judge, who draws by it what the child must not foresee
    fills: Mapping[str, Array] = field(default_factory=dict)  # Python for an array -> its value
    upstream: Mapping[str, Value] = field(default_factory=dict)
    earlier: Mapping[str, Value] = field(default_factory=dict)  # other arguments, for a pass before

    def with_earlier_arguments(self) -> Probe:
        """The same probe on the other arguments."""
        holes = {name: self.earlier.get(name, value) for name, value in self.holes.items()}
        upstream = {name: self.earlier.get(name, value) for name, value in self.upstream.items()}
        return replace(self, holes=holes, upstream=upstream)

    def scenario(
        self, returns: Sequence[str], *, backward: bool = True, passes: int = 1, frames: tuple[str, ...] = ()
    ) -> Scenario:
        """The program as text; with two ``passes`` the first runs on other arguments and leaves its objects
        behind."""
        lines = [*self._opening(), *self._body(backward)]
        for number in range(1, passes):
            lines += self._refreshed(f"_given_{number}") + self._body(backward)
        return Scenario("\n".join(lines), self._given(passes), tuple(returns), frames)

    def sweep(
        self,
        places: Sequence[Place],
        returns: Sequence[str],
        step: float,
        *,
        backward: bool,
        after: int = 0,
        early: frozenset[str] = frozenset(),
        along: Sequence[Array] = (),
    ) -> Scenario:
        """Every element of every place up and down by ``step``, in one program that replays the scenario
        each time; or every place ``along`` so many directions of its own, (k, *shape) each.

        It returns the unperturbed values, then those of each perturbed run, then the unperturbed ones again:
        equal values first and last show that a replay starts where the first one did. ``after`` passes go
        before the perturbation (state that survives is then a constant of the pass that is judged). What is
        ``early`` is read before the backward pass.
        """
        moved = "[...] += _by * _directions[_place][_index]" if along else ".flat[_index] += _by"
        made = self._replaying(
            returns,
            "def _replay(_place=-1, _index=0, _by=0.0):",
            between=[
                line
                for number, place in enumerate(places)
                for line in (f"if _place == {number}:", f"    {place.code}{moved}")
            ],
            backward=backward,
            after=after,
            early=early,
        )
        counts = [len(each) for each in along] or [place.array.size for place in places]
        program = [
            COPIED,
            *_definitions(self.draft.setup),
            *made,
            "_values = [_replay()]",
            f"for _place, _count in enumerate({counts!r}):",
            "    for _index in range(_count):",
            f"        _values += [_replay(_place, _index, {step!r}), _replay(_place, _index, {-step!r})]",
            "_values.append(_replay())",
        ]
        holes = {**self._given(1 + after), **({"_directions": list(along)} if along else {})}
        return Scenario("\n".join(program), holes, ("_values",))

    def replays(
        self, returns: Sequence[str], before: str, loop: Sequence[str], kept: str, *, backward: bool
    ) -> Scenario:
        """One program that defines ``before``, then runs ``loop``, which calls ``_replay()`` as often as it
        likes: the scenario from its start, with what it ``returns``. The program's value is ``kept``.
        """
        made = self._replaying(returns, "def _replay():", backward=backward)
        program = [COPIED, before, *_definitions(self.draft.setup), *made, *loop]
        return Scenario("\n".join(program), self._given(1), (kept,))

    def _replaying(
        self,
        returns: Sequence[str],
        head: str,
        between: Sequence[str] = (),
        *,
        backward: bool,
        after: int = 0,
        early: frozenset[str] = frozenset(),
    ) -> list[str]:
        """A function that runs the whole scenario, ``between`` its setup and its passes, and gives copies
        back."""
        made = [
            head,
            *_indented(self._declared(returns)),
            *_indented(
                ["_given_now = _copied(_given_0)", *self._assigned("_given_now"), *self._opening(bare=True)]
            ),
        ]
        for number in range(after):
            made += _indented([*self._body(True), *self._refreshed(f"_given_{number + 1}", copy=True)])
        made += _indented(between)
        kept = {code: f"_early_{number}" for number, code in enumerate(returns) if code in early}
        if not self.draft.forward:
            kept = {}
        read = [f"{name} = _copied({code})" for code, name in kept.items()]
        given = "".join(f"{kept.get(code, code)}, " for code in returns)
        backward_lines = self.draft.backward if backward else ()
        return made + _indented([*self.draft.forward, *read, *backward_lines, f"return _copied(({given}))"])

    def _given(self, passes: int) -> dict[str, Value]:
        last = {**self.holes, **self.upstream}
        before = {**last, **self.earlier}
        holes: dict[str, Value] = dict(before if passes > 1 else last)
        for number in range(passes):
            holes[f"_given_{number}"] = last if number == passes - 1 else before
        for number, value in enumerate(self.fills.values()):
            holes[f"_fill_{number}"] = value
        return holes

    def _opening(self, bare: bool = False) -> list[str]:
        setup = [line for line in self.draft.setup if not (bare and _is_definition(line))]
        seeded = ["__import__('numpy').random.seed(7)", "__import__('random').seed(7)"]
        return [*seeded, *setup, *self._fill_lines()]

    def _fill_lines(self) -> list[str]:
        return [f"{code}[...] = _fill_{number}" for number, code in enumerate(self.fills)]

    def _body(self, backward: bool) -> list[str]:
        return [*self.draft.forward, *(self.draft.backward if backward else ())]

    def _assigned(self, given: str) -> list[str]:
        return [f"{hole} = {given}[{hole!r}]" for hole in (*self.holes, *self.upstream)]

    def _refreshed(self, given: str, copy: bool = False) -> list[str]:
        """Fresh arguments for a next pass; parameters get their values back in place."""
        lines: list[str] = []
        if copy:
            lines, given = [f"_fresh = _copied({given})"], "_fresh"
        weights = {place.code for place in self.places if place.in_hole and place.is_weight}
        kept = {code.partition("[")[0] for code in weights}
        lines += [f"{MODEL}.{name}()" for name in self.draft.resets]
        lines += [f"{hole} = {given}[{hole!r}]" for hole in (*self.holes, *self.upstream) if hole not in kept]
        for code in weights:
            hole, bracket, rest = code.partition("[")
            lines.append(f"{code}[...] = {given}[{hole!r}]{bracket}{rest}")
        return lines + self._fill_lines()

    def _declared(self, returns: Sequence[str]) -> list[str]:
        """Names that the scenario binds in the module, so that the user's functions see them."""
        import ast

        names: dict[str, None] = dict.fromkeys((*self.holes, *self.upstream))
        for line in (*self.draft.setup, *self.draft.forward, *self.draft.backward, *returns):
            for node in ast.walk(ast.parse(line)):
                if (
                    isinstance(node, ast.Name)
                    and isinstance(node.ctx, ast.Store)
                    and not _is_definition(line)
                ):
                    names[node.id] = None
        return [f"global {', '.join(names)}"] if names else []


COPIED = """def _copied(value):
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copied(item) for item in value)
    if hasattr(value, "dtype"):
        return value.copy()
    return value if isinstance(value, (int, float, str)) else __import__("copy").deepcopy(value)"""


def _is_definition(line: str) -> bool:
    return line.startswith(("class ", "def ", "from ", "import "))


def _definitions(lines: Iterable[str]) -> list[str]:
    return [line for line in lines if _is_definition(line)]


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {part}" for line in lines for part in line.split("\n")]


def probe_of(
    workshop: Workshop, solved: Solved, rng: np.random.Generator, least: Mapping[str, int] = LEAST
) -> Probe:
    """Draw values, find the arrays that matter, fill them. Raises :class:`ProbeFailedError`."""
    draft = solved.draft
    sizes = solved.solution.small(solved.axes, least)
    holes = {name: drawn(form, sizes, rng) for name, form in draft.holes.items()}
    places = tuple(_hole_places(draft, holes))
    weights = {place.code.partition("[")[0] for place in places if place.is_weight}
    earlier = {name: drawn(form, sizes, rng) for name, form in draft.holes.items() if name not in weights}
    probe = Probe(draft, sizes, holes, places, secret=_secret(rng), earlier=earlier)
    held, state = _state_places(workshop, probe)
    probe = _filled(workshop, replace(probe, places=tuple(held)), state, rng)
    return _with_upstream(workshop, probe, rng)


def _secret(rng: np.random.Generator) -> int:
    """A number of its own, which the values drawn beside it do not tell."""
    return int(rng.spawn(1)[0].integers(2**63))


def returned_codes(draft: Draft) -> tuple[str, ...]:
    """What a base run returns: the forward's and backward's results, the instance, the globals before and
    after."""
    codes = [FORWARD] if draft.forward else []
    codes += [BACKWARD]
    if draft.has_model:
        codes.append(MODEL)
    if draft.gradients:
        codes.append(draft.stated_gradients)
    return (*codes, *draft.globals_, *draft.left)


def first_run(outcome: Outcome, position: int = 0) -> Ran:
    """A run that went well. Raises :class:`ProbeFailedError`."""
    if position >= len(outcome.runs):
        raise ProbeFailedError(outcome.trouble)
    ran = outcome.runs[position]
    if ran.trouble is not None:
        raise ProbeFailedError(ran.trouble)
    return ran


def rows_of(ran: Ran, count: int, width: int) -> list[tuple[Value, ...]]:
    """The run's only value, for which this many rows were asked. Raises :class:`ProbeFailedError`."""
    rows = ran.values[0]
    if (
        not isinstance(rows, list)
        or len(rows) != count
        or not all(isinstance(row, list | tuple) and len(row) == width for row in rows)
    ):
        raise ProbeFailedError(_TAMPERED)
    return [tuple(row) for row in rows]


def identities_of(ran: Ran, count: int) -> list[int]:
    """The run's only value, for which so many whole numbers were asked. Raises :class:`ProbeFailedError`."""
    numbers = ran.values[0]
    if (
        not isinstance(numbers, list)
        or len(numbers) != count
        or not all(type(each) is int for each in numbers)
    ):
        raise ProbeFailedError(_TAMPERED)
    return numbers


_TAMPERED = Trouble(Failure.VIOLATION, message="what came back is no answer to what was asked")
"""The questions are the judge's own: what answers them otherwise is code that changes what runs beside it."""


def _hole_places(draft: Draft, holes: Mapping[str, Value]) -> Iterable[Place]:
    for hole, form in draft.holes.items():
        name = hole.removeprefix("_in_")
        if isinstance(form, BundleForm):
            weights = role_of(name) not in (Role.HIDDEN_STATE, Role.CELL_STATE)
            for key, index in _members(form):
                code = f"{hole}[{index!r}]"
                value = holes[hole][index]
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    ways: tuple[Way, ...] = (Way((name, key)),)
                    if isinstance(index, int):
                        ways += (Way((name,), (index,)),)
                    yield Place(code, key, ways, value, True, weights)
        elif isinstance(form, ArrayForm) and isinstance(holes[hole], np.ndarray):
            role = role_of(name)
            if role is Role.TARGET:
                continue
            weight = role in (Role.WEIGHT, Role.BIAS, Role.BUNDLE) and hole not in draft.data
            yield Place(hole, name, (Way((name,)),), holes[hole], True, weight)


def _members(form: BundleForm) -> Iterable[tuple[str, str | int]]:
    for position, key in enumerate(form.items):
        yield key, key if form.container == "dict" else position


def _state_places(workshop: Workshop, probe: Probe) -> tuple[list[Place], list[Place]]:
    """The places of the holes with every way to them, and the arrays of instance and module after
    construction, each once."""
    draft = probe.draft
    codes = ([MODEL] if draft.has_model else []) + list(draft.globals_)
    if not codes:
        return list(probe.places), []
    only_setup = replace(probe, draft=replace(draft, forward=(), backward=()))
    ran = first_run(workshop.run([only_setup.scenario(codes)], seconds=SECONDS))
    found: list[Leaf] = []
    for code, value in zip(codes, ran.values, strict=True):
        keys: tuple[str, ...] = () if code == MODEL else (code,)
        found += [leaf for leaf in leaves(value, code, keys) if not leaf.is_number and leaf.array.size]
    if not found:
        return list(probe.places), []
    ids = [f"id({code})" for code in (*(p.code for p in probe.places), *(leaf.code for leaf in found))]
    ran = first_run(workshop.run([only_setup.scenario([f"[{', '.join(ids)}]"])]))
    identities = identities_of(ran, len(ids))
    in_holes = dict(zip(identities, probe.places, strict=False))
    made: dict[int, Place] = {}
    for leaf, identity in zip(found, identities[len(probe.places) :], strict=True):
        named = _taken_apart(draft, leaf.keys)
        ways = tuple(dict.fromkeys((Way(*split(named)), Way(*split(_without_mark(leaf.keys))))))
        if identity in in_holes:
            held = in_holes[identity]
            in_holes[identity] = replace(held, ways=(*held.ways, *ways))
        elif identity in made:
            made[identity] = replace(made[identity], ways=(*made[identity].ways, *ways))
        else:
            made[identity] = Place(leaf.code, _title(named), ways, leaf.array, False, True)
    return list(in_holes.values()), _told_apart([*made.values()], [p.name for p in in_holes.values()])


def _told_apart(places: list[Place], taken: Sequence[str]) -> list[Place]:
    """Two layers have a ``params[0]`` each: those go by their whole way, ``layers[1].params[0]``; a variable
    of the module that has an argument's name says so.
    """
    counts = Counter([*taken, *(place.name for place in places)])
    found: list[Place] = []
    for place in places:
        whole = place.code.removeprefix(f"{MODEL}.")
        name = f"{whole} of the module" if whole in taken else whole
        found.append(replace(place, name=name) if counts[place.name] > 1 else place)
    return found


def _taken_apart(draft: Draft, keys: Sequence[str | int]) -> tuple[str | int, ...]:
    """``params[2]`` by the name that the code gives it: ``Wx, Wh, b = params``."""
    match keys:
        case [str(held), int(index), *rest] if index < len(draft.unpacked.get(held, ())):
            return (held, draft.unpacked[held][index], *rest)
        case _:
            return tuple(keys)


def _without_mark(keys: Sequence[str | int]) -> tuple[str | int, ...]:
    """``_object_params[2]`` is ``params[2]`` in the code."""
    return tuple(key.removeprefix("_object_") if isinstance(key, str) else key for key in keys)


_HOLDERS = frozenset("param params parameters weight weights value data layers self p W".split())


def _title(keys: Sequence[str | int]) -> str:
    """A parameter's name in the report: without what only holds it, and without ``.value`` behind it."""
    kept = list(keys[:-1]) if len(keys) > 1 and keys[-1] in VALUE_WORDS else list(keys)
    last = max((i for i, k in enumerate(kept) if isinstance(k, str)), default=0)
    shown = [
        k
        for i, k in enumerate(kept)
        if i >= last or not (k in _HOLDERS or (isinstance(k, str) and k.startswith("_object_")))
    ]
    words = [k for k in shown if isinstance(k, str)]
    if len(words) <= 1:
        return titles(shown)
    text = ""
    for key in shown:
        text += f"[{key}]" if isinstance(key, int) else (f".{key}" if text else key)
    return text


def _filled(workshop: Workshop, probe: Probe, state: list[Place], rng: np.random.Generator) -> Probe:
    """Which of the places the forward's result depends on, and random values for them.

    Behind a weight that starts from zero nothing shows: what looks like a weight and seems to have no effect
    is tried once more when the others have their values.
    """
    probe, silent = _with_live(workshop, probe, state, rng)
    hidden = [place for place in silent if _looks_like_weight(place) and not _is_called_a_gradient(place)]
    return _with_live(workshop, probe, hidden, rng)[0] if probe.fills else probe


def _with_live(
    workshop: Workshop, probe: Probe, state: list[Place], rng: np.random.Generator
) -> tuple[Probe, list[Place]]:
    """The probe with those of the places filled that move the forward's result, and the others."""
    if not state:
        return probe, []
    code = _observed(probe.draft)
    needs_backward = BACKWARD in code
    base = probe.scenario([code], backward=needs_backward)
    runs = [base]
    for place in state:
        noise = rng.normal(0.0, 0.1, place.array.shape)
        line = f"{place.code}[...] = {place.code} + _noise"
        setup = (*probe.draft.setup, line)
        changed = replace(probe, draft=replace(probe.draft, setup=setup))
        made = changed.scenario([code], backward=needs_backward)
        runs.append(replace(made, holes={**made.holes, "_noise": noise}))
    outcome = workshop.run(runs)
    before = first_run(outcome).values[0]
    if outcome.trouble is not None and outcome.trouble.failure is Failure.TIMEOUT:
        raise ProbeFailedError(outcome.trouble)  # a parameter not tried would never be missed
    old = [leaf.array for leaf in leaves(before, "")]
    live: list[Place] = []
    silent: list[Place] = []
    fills = dict(probe.fills)
    for place, ran in zip(state, outcome.runs[1:], strict=False):
        if ran.trouble is not None:
            continue
        new = [leaf.array for leaf in leaves(ran.values[0], "")]
        same = len(new) == len(old) and all(
            a.shape == b.shape and np.array_equal(a, b, equal_nan=True) for a, b in zip(new, old, strict=True)
        )
        if same:
            silent.append(place)
            continue
        value: Array = np.asarray(rng.normal(0.0, SCALE, place.array.shape))
        fills[place.code] = value
        live.append(replace(place, array=value, is_weight=_looks_like_weight(place)))
    return replace(probe, places=(*probe.places, *live), fills=fills), silent


def _is_called_a_gradient(place: Place) -> bool:
    return any(is_gradient_name(word) for way in place.ways for word in way.words[-1:])


def _observed(draft: Draft) -> str:
    """Python for what the loss is made of: the forward's result, or the instance where it has none."""
    if not draft.forward:
        return f"({BACKWARD},)"
    if not _is_silent(draft):
        return f"({FORWARD},)"
    if draft.upstream:
        return f"({''.join(u.output + ', ' for u in draft.upstream)})"
    return f"({FORWARD}, {MODEL})" if draft.has_model else f"({FORWARD},)"


def _is_silent(draft: Draft) -> bool:
    forward = draft.pass_.forward
    return forward is not None and not forward.returns_value


def _looks_like_weight(place: Place) -> bool:
    for way in place.ways:
        held_in = way.words[-2] if len(way.words) > 1 else ""
        if held_in.lower() in _HOLDERS or role_of(held_in) in (Role.WEIGHT, Role.BIAS):
            return True  # ``self.b["c"]`` is a bias
    if place.array.ndim >= 2 and np.any(place.array):
        return True  # states start from zeros
    words = place.words[:-1] if len(place.words) > 1 and place.words[-1] in VALUE_WORDS else place.words
    last = words[-1] if words else ""
    state = role_of(last) in (Role.HIDDEN_STATE, Role.CELL_STATE, Role.INPUT, Role.CACHE)
    return not state and not re.search(r"state|cache|mask", last, re.IGNORECASE)


def _with_upstream(workshop: Workshop, probe: Probe, rng: np.random.Generator) -> Probe:
    if not probe.draft.upstream:
        return probe
    codes = [u.output for u in probe.draft.upstream]
    ran = first_run(workshop.run([probe.scenario(codes, backward=False)]))

    def make(shape: tuple[int, ...]) -> Array:
        return rng.normal(0.0, SCALE, shape)

    drawn_: dict[str, Value] = {}
    earlier = dict(probe.earlier)
    for upstream, value in zip(probe.draft.upstream, ran.values, strict=True):
        form = (lambda shape: make((1, *shape))) if upstream.as_row else make
        drawn_[upstream.hole] = like(value, form)
        earlier[upstream.hole] = like(value, form)
    return replace(probe, upstream=drawn_, earlier=earlier)


def is_open(form: Form) -> bool:
    """Whether a form is of arrays."""
    return isinstance(form, ArrayForm)
