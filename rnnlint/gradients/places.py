"""The arrays of a scenario that can be perturbed: how they are reached, and what they are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlint.gradients.draft import MODEL, Draft
from rnnlint.gradients.forms import ArrayForm, BundleForm
from rnnlint.gradients.pairing import VALUE_WORDS, Named, Way, is_gradient_name, split, titles
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import TIME
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Value

Array = np.ndarray[Any, np.dtype[np.float64]]

_HOLDERS = frozenset("param params parameters weight weights value data layers self p W".split())


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
    def is_called_a_gradient(self) -> bool:
        return any(is_gradient_name(word) for way in self.ways for word in way.words[-1:])

    @property
    def looks_like_weight(self) -> bool:
        """Whether its name, its holder or its values are a parameter's rather than a state's."""
        for way in self.ways:
            held_in = way.words[-2] if len(way.words) > 1 else ""
            if held_in.lower() in _HOLDERS or role_of(held_in) in (Role.WEIGHT, Role.BIAS):
                return True  # ``self.b["c"]`` is a bias
        if self.array.ndim >= 2 and np.any(self.array):
            return True  # states start from zeros
        words = self.words[:-1] if len(self.words) > 1 and self.words[-1] in VALUE_WORDS else self.words
        last = words[-1] if words else ""
        state = role_of(last) in (Role.HIDDEN_STATE, Role.CELL_STATE, Role.INPUT, Role.CACHE)
        return not state and not re.search(r"state|cache|mask", last, re.IGNORECASE)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its first way."""
        return self.ways[0].words


def hole_places(draft: Draft, holes: Mapping[str, Value]) -> Iterable[Place]:
    """The arrays in a scenario's holes, but for targets."""
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
            is_sequence = any(TIME in size.axes for size in form.axes)
            weight = role in (Role.WEIGHT, Role.BIAS, Role.BUNDLE) and hole not in draft.data
            yield Place(hole, name, (Way((name,)),), holes[hole], True, weight and not is_sequence)


def _members(form: BundleForm) -> Iterable[tuple[str, str | int]]:
    for position, key in enumerate(form.items):
        yield key, key if form.container == "dict" else position


def ways_to(draft: Draft, keys: Sequence[str | int]) -> tuple[Way, ...]:
    """The ways to an array of instance or module: by the names that the code gives to a tuple's items too."""
    return tuple(dict.fromkeys((Way(*split(_taken_apart(draft, keys))), Way(*split(_without_mark(keys))))))


def told_apart(places: list[Place], taken: Sequence[str]) -> list[Place]:
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
        case [str(held), int(index), *rest] if 0 <= index < len(draft.unpacked.get(held, ())):
            return (held, draft.unpacked[held][index], *rest)
        case _:
            return tuple(keys)


def _without_mark(keys: Sequence[str | int]) -> tuple[str | int, ...]:
    """``_object_params[2]`` is ``params[2]`` in the code."""
    return tuple(key.removeprefix("_object_") if isinstance(key, str) else key for key in keys)


def title(draft: Draft, keys: Sequence[str | int]) -> str:
    """A parameter's name in the report: without what only holds it, and without ``.value`` behind it."""
    keys = _taken_apart(draft, keys)
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
