"""Which gradient belongs to which parameter: by name, then by shape and position."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from rnnlint.gradients.roles import Role, role_of
from rnnlint.records import dataclass, replace

Array = np.ndarray[Any, np.dtype[np.float64]]


class Source(IntEnum):
    """Where a gradient was found, best first."""

    STATED = -1  # where the configuration says
    RETURNED = 0
    STORED = 1  # attributes, globals
    OUTER_LOCAL = 2  # a local of the backward pass itself
    APPLIED = 3  # what the parameter lost
    INNER_LOCAL = 4  # a local of something it calls


@dataclass(frozen=True)
class Candidate:
    """An array that may be a gradient: the words on the way to it, the last one its own name."""

    words: tuple[str, ...]
    indices: tuple[int, ...]
    array: Array
    source: Source
    title: str


class Way(NamedTuple):
    """The words and indices that lead to an array: ``params[0]`` is ("params",), (0,)."""

    words: tuple[str, ...]
    indices: tuple[int, ...] = ()


@dataclass(frozen=True)
class Named:
    """A parameter, its name in the report and every way that leads to it."""

    name: str
    ways: tuple[Way, ...]
    shape: tuple[int, ...]
    value: Array


@dataclass(frozen=True)
class Pair:
    """A parameter with its gradient, brought to its shape, and what else might have been it."""

    parameter: Named
    candidate: Candidate
    gradient: Array
    others: tuple[Array, ...] = ()
    equal: tuple[tuple[Candidate, Array], ...] = ()  # those that its name fits as well, itself among them


_CONTAINERS = frozenset(
    "self params param parameters parameter weights weight grads grad gradients gradient "
    "model net network cell layer layers "
    "dparam dparams derived variables state kernel_dict p".split()
)
GRADIENT_CONTAINERS = frozenset(
    "grads grad gradients gradient dparam dparams derivatives deltas delta d g gs dw dp diff diffs".split()
)
OWN_NAME = 2.8
"""The least score of a name that says whose gradient it is, whole."""
VALUE_WORDS = frozenset("data value values val v tensor array param".split())
"""What a parameter object calls its array: ``Wf.value`` beside ``Wf.grad``, ``Wf.v`` beside ``Wf.d``."""
_PREFIX = re.compile(
    r"^(?:d_?L_?(?:by_)?d_?|dl_?d_?|d_?J_?d_?|dloss_?d?_?|grad(?:ient)?s?_?(?:of_)?(?:wrt_)?|delta_|del_|g_(?=[WUVb])|(?-i:g(?=[A-Z]|b[a-z]*$|b_))|d_?)",
    re.IGNORECASE,
)
_LESS_OF_ONE_STEP = 1.5
_INITIAL_STATE = re.compile(r"[hcas](0|init|initial|start|prev|previous)$")
"""``h_init`` and ``h0``: what a sequence begins with has many names, and one gradient."""
_OF_A_MATRIX = 2
_LEAST_OF_A_WORD = 4
_SUFFIX = re.compile(r"(?:_d|_grads?|_gradients?|_diff|_delta|_deriv|Grad)$")


def pair(
    parameters: Sequence[Named], candidates: Iterable[Candidate], reserved: frozenset[str] = frozenset()
) -> dict[str, Pair]:
    """A gradient for each parameter that has one, by the parameter's name."""
    found: dict[str, Pair] = {}
    usable = [(c, Way(c.words, c.indices)) for c in candidates if c.array.size and c.title not in reserved]
    for parameter in parameters:
        scored: list[tuple[tuple[float, float, float], Candidate, Array]] = []
        for candidate, named in usable:
            score = _name_score(parameter.ways, named)
            if score <= 0 and _has_its_name(parameter, candidate):
                score = 0.5
            if score <= 0 and _leaves_out_what_it_is(parameter, named):
                score = 0.4
            fitted = in_shape(candidate.array, parameter.shape) if score > 0 else None
            if fitted is None:
                continue
            gradient, cost = fitted
            source = Source.RETURNED if _lies_beside(parameter, named) else candidate.source
            scored.append(((source, -score, cost), candidate, gradient))
        if not scored:
            continue
        scored.sort(key=lambda item: item[0])
        best = scored[0]
        if not np.any(best[2]) and not _is_handed_over(best[0]):
            best = next((s for s in scored if np.any(s[2])), best)  # a buffer that something else fills
        others = tuple(s[2] for s in scored if s is not best and not np.array_equal(s[2], best[2]))
        equal = tuple((c, gradient) for key, c, gradient in scored if key == best[0])
        found[parameter.name] = Pair(parameter, best[1], best[2], others, equal)
    return _one_each(found)


def _lies_beside(parameter: Named, candidate: Way) -> bool:
    """``layers[1].dU`` and ``layers[1].U``: no other place says as surely whose gradient it is."""
    held_in = candidate.words[:-1]
    return bool(held_in and candidate.indices) and any(
        way.words[:-1] == held_in and way.indices == candidate.indices for way in parameter.ways
    )


def _is_handed_over(key: tuple[float, float, float]) -> bool:
    """Whether a gradient was returned under the parameter's own name: zeros are then its answer."""
    source, score, _ = key
    return source <= Source.RETURNED and -score >= OWN_NAME


def _one_each(pairs: Mapping[str, Pair]) -> dict[str, Pair]:
    """Where two parameters of one name, ``enc.U`` and ``dec.U``, have the same gradient, each gets its own.

    What a gradient lies in (``ge``, ``gd``) goes with what its parameter lies in, as the other parameters
    beside it show; where they show nothing, the first goes with the first.
    """
    users = Counter(id(held.candidate) for held in pairs.values())
    doubtful = [name for name, held in pairs.items() if users[id(held.candidate)] > 1 and len(held.equal) > 1]
    beside = Counter(
        (_container(held.parameter), held.candidate.words[:-1])
        for name, held in pairs.items()
        if name not in doubtful
    )
    made, taken = dict(pairs), {id(held.candidate) for name, held in pairs.items() if name not in doubtful}
    for name in doubtful:
        held = pairs[name]
        free = [each for each in held.equal if id(each[0]) not in taken] or list(held.equal)
        candidate, gradient = max(
            free, key=lambda each: beside[_container(held.parameter), each[0].words[:-1]]
        )
        taken.add(id(candidate))
        beside[_container(held.parameter), candidate.words[:-1]] += 1
        made[name] = replace(held, candidate=candidate, gradient=gradient)
    return made


def _container(parameter: Named) -> tuple[str, ...]:
    return parameter.ways[0].words[:-1]


def _has_its_name(parameter: Named, candidate: Candidate) -> bool:
    """A returned dict of gradients under the parameters' own names (and not of the parameters themselves)."""
    return (
        candidate.source is Source.RETURNED
        and len(candidate.words) >= 2
        and role_of(candidate.words[0]) not in (Role.BUNDLE, Role.WEIGHT, Role.CACHE)
        and any(way.words and way.words[-1] == candidate.words[-1] for way in parameter.ways)
        and _without_ones(candidate.array.shape) == _without_ones(parameter.shape)
        and not np.array_equal(candidate.array, parameter.value)
    )


def _leaves_out_what_it_is(parameter: Named, candidate: Way) -> bool:
    """``grad_salida`` of ``pesos_salida``: a matrix by its name without the word for weights in any language.

    Of a vector that would be the adjoint of a layer's values rather than its bias's gradient.
    """
    if len(_without_ones(parameter.shape)) < _OF_A_MATRIX or not candidate.words:
        return False
    if not is_gradient_name(candidate.words[-1]):
        return False
    wanted = stem(candidate.words[-1])
    for way in parameter.ways:
        first, _, rest = way.words[-1].strip("_").partition("_") if way.words else ("", "", "")
        if len(first) >= _LEAST_OF_A_WORD and rest and _plain(rest) == wanted:
            return True
    return False


def stem(name: str) -> str:
    """What a gradient's name says it is the gradient of: ``dWf``, ``W_f_d`` and ``dL_dWf`` are all "wf"."""
    return _plain(_unmarked(name))


def is_gradient_name(name: str) -> bool:
    """Whether a name carries a gradient's mark at all."""
    return _unmarked(name) != name.strip("_")


def _unmarked(name: str) -> str:
    stripped = name.strip("_")
    suffix = _SUFFIX.sub("", stripped)
    if suffix != stripped and suffix:
        return suffix
    prefix = _PREFIX.sub("", stripped)
    return prefix if prefix and prefix != stripped else stripped


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


@lru_cache(maxsize=8192)
def _name_score(parameter: tuple[Way, ...], candidate: Way) -> float:
    """How well a candidate's name fits a parameter: 0 not at all. Every run asks for the same."""
    return max(_score_of_way(way, candidate) for way in parameter)


def _score_of_way(parameter: Way, candidate: Way) -> float:
    object_ = _of_object(parameter.words)
    if object_ != parameter.words:
        plain = _score_of_words(parameter, parameter.words, candidate)
        return max(plain, _score_of_words(parameter, object_, candidate))
    return _score_of_words(parameter, parameter.words, candidate)


def _score_of_words(parameter: Way, words: tuple[str, ...], candidate: Way) -> float:
    if not candidate.words:
        return 0.0
    own = [w for w in words if w.lower() not in _CONTAINERS]
    theirs_all = list(candidate.words)
    marked = any(is_gradient_name(w) or w.lower() in GRADIENT_CONTAINERS for w in theirs_all)
    theirs = [
        w for w in (_unmarked(w) for w in theirs_all) if w.lower() not in _CONTAINERS | GRADIENT_CONTAINERS
    ]
    if not own:
        in_order = parameter.indices == candidate.indices and _same_list(parameter, candidate)
        return 2.0 if in_order and marked else 0.0
    if not marked or not theirs:
        return 0.0
    a, b = _plain(own[-1]), _plain(theirs[-1])
    rest = _common([_plain(w) for w in own[:-1]], [_plain(w) for w in theirs[:-1]])
    indices = 0.3 if parameter.indices and parameter.indices == candidate.indices else 0.0
    if parameter.indices and candidate.indices and parameter.indices != candidate.indices:
        return 0.0
    if a == b or (_INITIAL_STATE.match(a) and _INITIAL_STATE.match(b) and a[0] == b[0]):
        return (
            3.0 + 0.4 * rest + indices - (_LESS_OF_ONE_STEP if _is_of_one_step(parameter, candidate) else 0)
        )
    joined = _plain("".join(own))
    if joined == b or _plain("".join(theirs)) == a:
        return OWN_NAME + indices
    if re.sub(r"^(weights?|kernel|w|matrix)(?=.)", "", a) == b:
        return 1.5 + indices
    if len(own) > 1 and rest == 0 and b in (_plain(own[0]),):
        return 0.0
    if _abbreviates(own[-1], theirs[-1]):
        return 1.0 + indices
    return 0.0


def _is_of_one_step(parameter: Way, candidate: Way) -> bool:
    """``layers[0].dW`` for a ``W`` that all of them share: a part of its gradient, where there is a whole."""
    held_in = candidate.words[0].lower()
    in_one_of_many = bool(candidate.indices) and len(candidate.words) > 1
    return in_one_of_many and not parameter.indices and held_in not in GRADIENT_CONTAINERS


def _of_object(words: tuple[str, ...]) -> tuple[str, ...]:
    """The way to a parameter object, where its last word only says that the array is the object's value."""
    return words[:-1] if len(words) > 1 and words[-1] in VALUE_WORDS else words


def _same_list(parameter: Way, candidate: Way) -> bool:
    """``params[0]`` and ``grads[0]``."""
    lists = [w.lower() for w in candidate.words]
    return any(w.startswith(("grad", "dparam", "d_param")) for w in lists) and bool(parameter.indices)


def _common(left: list[str], right: list[str]) -> int:
    return len(set(left) & set(right))


def _abbreviates(long: str, short: str) -> bool:
    """``r_kernel`` for ``recurrent_kernel``, ``b`` for ``bias``: word by word the beginning of the other."""
    a = [w for w in re.split(r"_+", long.lower()) if w]
    b = [w for w in re.split(r"_+", short.lower()) if w]
    if len(a) != len(b) or a == b:
        return False
    return all(x.startswith(y) or y.startswith(x) for x, y in zip(a, b, strict=True)) and (
        len(a) > 1 or (min(len(long), len(short)) >= 1 and max(len(long), len(short)) >= 4)
    )


def in_shape(array: Array, shape: tuple[int, ...]) -> tuple[Array, float] | None:
    """The array in the parameter's shape: as it is, with axes of one added or left out, or summed over the
    steps."""
    if array.shape == shape:
        return array, 0.0
    if array.size == prod(shape) and _without_ones(array.shape) == _without_ones(shape):
        return array.reshape(shape), 0.1
    if array.ndim == len(shape) + 1 and array.shape[1:] == shape:
        return array.sum(axis=0), 0.5
    return None


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def titles(words: Sequence[str | int]) -> str:
    """A short name for the report: the last word, with its index where it is in a list."""
    text = ""
    for word in words:
        text = f"{text}[{word}]" if isinstance(word, int) else word
    return text


def split(keys: Sequence[str | int]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The words and the indices on a way."""
    return tuple(k for k in keys if isinstance(k, str)), tuple(k for k in keys if isinstance(k, int))
