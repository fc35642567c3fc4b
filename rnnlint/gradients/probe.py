"""A solved scenario with tiny random values in its holes: the program that is run, perturbed and judged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rnnlint.gradients.forms import SCALE, ArrayForm, BundleForm, Form, drawn
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.pairing import Named, split, titles
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, HIDDEN, INPUT, OUTPUT, TIME
from rnnlint.gradients.solve import Solved
from rnnlint.gradients.synthesis import BACKWARD, FORWARD, MODEL, Draft
from rnnlint.gradients.trees import Leaf, leaves, like
from rnnlint.sandbox.job import Outcome, Ran, Scenario, Trouble, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

LEAST = {TIME: 4, BATCH: 2, HIDDEN: 3, INPUT: 4, OUTPUT: 5}
"""The probe's sizes where nothing else is demanded."""
MOST_NUMBERS = 400
"""The most elements that are perturbed one by one."""


class ProbeFailedError(Exception):
    """The solved scenario does not run on random values."""

    def __init__(self, trouble: Trouble | None) -> None:
        super().__init__(trouble.message if trouble else "")
        self.trouble = trouble


@dataclass(frozen=True)
class Place:
    """An array of the scenario that can be perturbed: Python for it, and what it is called."""

    code: str
    name: str
    words: tuple[str, ...]
    indices: tuple[int, ...]
    array: Array
    in_hole: bool
    is_weight: bool  # false for inputs and initial states

    @property
    def named(self) -> Named:
        return Named(self.name, self.words, self.indices, tuple(self.array.shape))


@dataclass(frozen=True)
class Probe:
    """The scenario with everything filled in."""

    draft: Draft
    sizes: Mapping[str, int]
    holes: Mapping[str, Value]
    places: tuple[Place, ...]
    fills: Mapping[str, Array] = field(default_factory=dict)  # Python for an array -> its value
    upstream: Mapping[str, Value] = field(default_factory=dict)

    def scenario(
        self,
        returns: Sequence[str],
        *,
        backward: bool = True,
        perturbed: tuple[Place, int, float] | None = None,
        passes: int = 1,
        frames: tuple[str, ...] = (),
        steps: tuple[int, ...] = (),
    ) -> Scenario:
        """The program as text; ``perturbed`` adds a step to one element of one place."""
        holes: dict[str, Value] = {**self.holes, **self.upstream}
        before: list[str] = []
        after: list[str] = []
        for number, (code, value) in enumerate(self.fills.items()):
            holes[f"_fill_{number}"] = value
            after.append(f"{code}[...] = _fill_{number}")
        if perturbed is not None:
            place, index, step = perturbed
            holes["_index"], holes["_step"] = index, step
            (before if place.in_hole else after).append(f"{place.code}.flat[_index] += _step")
        lines = [*before, *self.draft.setup, *after]
        for _ in range(passes):
            lines += self.draft.forward
            if backward:
                lines += self.draft.backward
        return Scenario("\n".join(lines), holes, tuple(returns), frames, steps)


def probe_of(workshop: Workshop, solved: Solved, rng: np.random.Generator) -> Probe:
    """Draw values, find the arrays that matter, fill them. Raises :class:`ProbeFailedError`."""
    draft = solved.draft
    sizes = solved.solution.small(solved.axes, LEAST)
    holes = {name: drawn(form, sizes, rng) for name, form in draft.holes.items()}
    probe = Probe(draft, sizes, holes, tuple(_hole_places(draft, holes)))
    state = _state_places(workshop, probe)
    probe = _filled(workshop, probe, state, rng)
    return _with_upstream(workshop, probe, rng)


def returned_codes(draft: Draft) -> tuple[str, ...]:
    """What a base run returns: the forward's and backward's results, the instance, the globals."""
    codes = [FORWARD] if draft.forward else []
    codes += [BACKWARD]
    if draft.has_model:
        codes.append(MODEL)
    return (*codes, *draft.globals_)


def first_run(outcome: Outcome, position: int = 0) -> Ran:
    """A run that went well. Raises :class:`ProbeFailedError`."""
    if position >= len(outcome.runs):
        raise ProbeFailedError(outcome.trouble)
    ran = outcome.runs[position]
    if ran.trouble is not None:
        raise ProbeFailedError(ran.trouble)
    return ran


def _hole_places(draft: Draft, holes: Mapping[str, Value]) -> Iterable[Place]:
    for hole, form in draft.holes.items():
        name = hole.removeprefix("_in_")
        if isinstance(form, BundleForm):
            for key, index in _members(form):
                code = f"{hole}[{index!r}]"
                value = holes[hole][index]
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    yield Place(code, key, (name, key), (), value, True, True)
        elif isinstance(form, ArrayForm) and isinstance(holes[hole], np.ndarray):
            role = role_of(name)
            if role is Role.TARGET:
                continue
            weight = role in (Role.WEIGHT, Role.BIAS, Role.BUNDLE)
            yield Place(hole, name, (name,), (), holes[hole], True, weight)


def _members(form: BundleForm) -> Iterable[tuple[str, str | int]]:
    for position, key in enumerate(form.items):
        yield key, key if form.container == "dict" else position


def _state_places(workshop: Workshop, probe: Probe) -> list[Place]:
    """Arrays of the instance and of the module after construction, each once."""
    draft = probe.draft
    codes = ([MODEL] if draft.has_model else []) + list(draft.globals_)
    if not codes:
        return []
    only_setup = replace(probe, draft=replace(draft, forward=(), backward=()))
    ran = first_run(workshop.run([only_setup.scenario(codes)]))
    found: list[Leaf] = []
    for code, value in zip(codes, ran.values, strict=True):
        keys: tuple[str, ...] = () if code == MODEL else (code,)
        found += [leaf for leaf in leaves(value, code, keys) if not leaf.is_number and leaf.array.size]
    if not found:
        return []
    ids = "[" + ", ".join(f"id({leaf.code})" for leaf in found) + "]"
    ran = first_run(workshop.run([only_setup.scenario([ids])]))
    places: list[Place] = []
    seen: set[int] = set()
    for leaf, identity in zip(found, ran.values[0], strict=True):
        if identity in seen:
            continue
        seen.add(identity)
        words, indices = split(leaf.keys)
        places.append(Place(leaf.code, _title(leaf.keys), words, indices, leaf.array, False, True))
    return places


_HOLDERS = frozenset({"param", "params", "parameters", "weight", "weights", "value", "data", "layers", "self", "W"})


def _title(keys: Sequence[str | int]) -> str:
    telling = [k for k in keys if not (isinstance(k, str) and k in _HOLDERS)]
    shown = telling if any(isinstance(k, str) for k in telling) else list(keys)
    words = [k for k in shown if isinstance(k, str)]
    if len(words) <= 1:
        return titles(shown)
    text = ""
    for key in shown:
        text += f"[{key}]" if isinstance(key, int) else (f".{key}" if text else key)
    return text


def _filled(workshop: Workshop, probe: Probe, state: list[Place], rng: np.random.Generator) -> Probe:
    """Which of the places the forward's result depends on, and random values for them."""
    if not state:
        return probe
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
    old = [leaf.array for leaf in leaves(before, "")]
    live: list[Place] = []
    fills: dict[str, Array] = {}
    for place, ran in zip(state, outcome.runs[1:], strict=False):
        if ran.trouble is not None:
            continue
        new = [leaf.array for leaf in leaves(ran.values[0], "")]
        same = len(new) == len(old) and all(
            a.shape == b.shape and np.array_equal(a, b, equal_nan=True) for a, b in zip(new, old, strict=True)
        )
        if not same:
            value = rng.normal(0.0, SCALE, place.array.shape)
            fills[place.code] = value
            live.append(replace(place, array=value, is_weight=_looks_like_weight(place)))
    return replace(probe, places=(*probe.places, *live), fills=fills)


def _observed(draft: Draft) -> str:
    """Python for what the loss is made of: the forward's result, or the instance where it has none."""
    if not draft.forward:
        return f"({BACKWARD},)"
    return f"({FORWARD}, {MODEL})" if draft.has_model and _is_silent(draft) else f"({FORWARD},)"


def _is_silent(draft: Draft) -> bool:
    forward = draft.pass_.forward
    return forward is not None and not forward.returns_value


def _looks_like_weight(place: Place) -> bool:
    last = place.words[-1] if place.words else ""
    state = role_of(last) in (Role.HIDDEN_STATE, Role.CELL_STATE, Role.INPUT, Role.CACHE)
    return not state and not re.search(r"state|cache|mask|hidden_?(?!to|w)", last, re.IGNORECASE) or len(
        place.words
    ) > 1 and place.words[-2].lower() in _HOLDERS


def _with_upstream(workshop: Workshop, probe: Probe, rng: np.random.Generator) -> Probe:
    if not probe.draft.upstream:
        return probe
    codes = [u.output for u in probe.draft.upstream]
    ran = first_run(workshop.run([probe.scenario(codes, backward=False)]))

    def make(shape: tuple[int, ...]) -> Array:
        return rng.normal(0.0, SCALE, shape)

    drawn_: dict[str, Value] = {
        u.hole: like(value, make) for u, value in zip(probe.draft.upstream, ran.values, strict=True)
    }
    return replace(probe, upstream=drawn_)


def is_open(form: Form) -> bool:
    """Whether a form is of arrays."""
    return isinstance(form, ArrayForm)
