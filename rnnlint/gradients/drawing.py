"""Random values for a solved scenario: in its holes, in the parameters that it makes, for its cotangents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnnlint.gradients.answers import ProbeFailedError, first_run, identities_of
from rnnlint.gradients.built import built_before_use
from rnnlint.gradients.draft import BACKWARD, FORWARD, MODEL, Draft
from rnnlint.gradients.forms import SCALE, drawn
from rnnlint.gradients.jobs import SECONDS, Workshop
from rnnlint.gradients.pairing import stem
from rnnlint.gradients.places import Place, hole_places, title, told_apart, ways_to
from rnnlint.gradients.probe import Probe
from rnnlint.gradients.sizes import BATCH, HIDDEN, INPUT, OUTPUT, TIME
from rnnlint.gradients.solve import Solved
from rnnlint.gradients.trees import Leaf, leaves, like
from rnnlint.records import replace
from rnnlint.sandbox.job import Failure, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

LEAST = {TIME: 4, BATCH: 2, HIDDEN: 3, INPUT: 4, OUTPUT: 5}
"""The probe's sizes where nothing else is demanded."""


def probe_of(
    workshop: Workshop, solved: Solved, rng: np.random.Generator, least: Mapping[str, int] = LEAST
) -> Probe:
    """Draw values, find the arrays that matter, fill them. Raises :class:`ProbeFailedError`."""
    draft = solved.draft
    sizes = solved.solution.small(solved.axes, least)
    holes = {name: drawn(form, sizes, rng) for name, form in draft.holes.items()}
    places = tuple(hole_places(draft, holes))
    weights = {place.code.partition("[")[0] for place in places if place.is_weight}
    earlier = {name: drawn(form, sizes, rng) for name, form in draft.holes.items() if name not in weights}
    probe = Probe(draft, sizes, holes, places, secret=_secret(rng), earlier=earlier)
    built = built_before_use(workshop, probe)
    probe = replace(probe, draft=built.draft)
    held, state = _state_places(workshop, probe)
    state = [place for place in state if place.code not in built.left]
    probe = _filled(workshop, replace(probe, places=tuple(held)), state, rng)
    return _with_upstream(workshop, probe, rng)


def _secret(rng: np.random.Generator) -> int:
    """A number of its own, which the values drawn beside it do not tell."""
    return int(rng.spawn(1)[0].integers(2**63))


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
        ways = ways_to(draft, leaf.keys)
        if identity in in_holes:
            held = in_holes[identity]
            in_holes[identity] = replace(held, ways=(*held.ways, *ways))
        elif identity in made:
            made[identity] = replace(made[identity], ways=(*made[identity].ways, *ways))
        else:
            made[identity] = Place(leaf.code, title(draft, leaf.keys), ways, leaf.array, False, True)
    return list(in_holes.values()), told_apart([*made.values()], [p.name for p in in_holes.values()])


def _filled(workshop: Workshop, probe: Probe, state: list[Place], rng: np.random.Generator) -> Probe:
    """Which of the places the forward's result depends on, and random values for them.

    Behind a weight that starts from zero nothing shows: what looks like a weight and seems to have no effect
    is tried once more when the others have their values.
    """
    probe, silent = _with_live(workshop, probe, state, rng)
    hidden = [place for place in silent if place.looks_like_weight and not place.is_called_a_gradient]
    return _with_live(workshop, probe, hidden, rng)[0] if probe.fills else probe


def _with_live(
    workshop: Workshop, probe: Probe, state: list[Place], rng: np.random.Generator
) -> tuple[Probe, list[Place]]:
    """The probe with those of the places filled that move the forward's result, and the others."""
    if not state:
        return probe, []
    code = _observed(probe.draft)
    needs_backward = BACKWARD in code
    if needs_backward:  # what it sums up from round to round moves it, too
        state = _without_sums(state)
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
        is_weight = place.looks_like_weight or _is_updated(probe.draft, place)
        live.append(replace(place, array=value, is_weight=is_weight))
    return replace(probe, places=(*probe.places, *live), fills=fills), silent


def _without_sums(state: list[Place]) -> list[Place]:
    """Those that are not, by their names, the gradient of another: ``dW`` beside ``W``."""
    names = {place.words[-1].replace("_", "").lower() for place in state if place.words}
    return [
        place
        for place in state
        if not (place.is_called_a_gradient and place.words and stem(place.words[-1]) in names)
    ]


def _is_updated(draft: Draft, place: Place) -> bool:
    """Whether the class takes something away from it: a bias called c, which looks like a cell state."""
    return place.code == f"{MODEL}.{place.name}" and place.name in draft.pass_.attributes_updated


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
