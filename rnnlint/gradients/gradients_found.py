"""Everything a base run left behind that may be a gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from rnnlint.gradients.callables import Callable
from rnnlint.gradients.draft import BACKWARD, FORWARD, MODEL, Draft
from rnnlint.gradients.labels import own_nodes
from rnnlint.gradients.pairing import Candidate, Source, split, stem
from rnnlint.gradients.passes import Pass
from rnnlint.gradients.probe import Probe, returned_codes
from rnnlint.gradients.trees import leaves
from rnnlint.sandbox.job import Opaque, Ran, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

_UNNAMED = "returned"
"""What a returned dict or object without a name is called."""


def candidates_of(probe: Probe, ran: Ran) -> list[Candidate]:
    """Candidates from the returned values, the instance, the globals, the locals, and what the parameters
    lost."""
    codes = returned_codes(probe.draft)
    found: list[Candidate] = []
    known = {place.code for place in probe.places}
    for code, value in zip(codes, ran.values, strict=True):
        if code == FORWARD:
            continue
        if code == probe.draft.stated_gradients:
            found += _stated(probe.draft, value)
        elif code == BACKWARD:
            found += _returned(probe.draft.pass_, value)
        else:
            found += _stored(code, value, known)
    found += _locals(probe, ran)
    found += _applied(probe, dict(zip(codes, ran.values, strict=True)))
    return found


def _returned(pass_: Pass, value: Value) -> Iterator[Candidate]:
    backward = pass_.backward
    names = _in_order_of_arguments(pass_)
    if names == ("self",):  # its attributes are found where they are
        return
    for leaf in leaves(value, BACKWARD):
        keys: list[str | int] = list(leaf.keys)
        if len(names) > 1 and keys and isinstance(keys[0], int) and keys[0] < len(names):
            unnamed = _UNNAMED if len(keys) > 1 and isinstance(keys[1], str) else ""
            keys[0] = names[keys[0]] or unnamed
        elif len(names) == 1:
            keys.insert(0, names[0] or (_UNNAMED if isinstance(value, Mapping | Opaque) else ""))
        keys = [k for k in keys if k != ""]
        inner = _inner_names(backward, keys)
        words, indices = split(inner)
        if words:
            yield Candidate(words, indices, leaf.array, Source.RETURNED, _shown(inner))


def _in_order_of_arguments(pass_: Pass) -> tuple[str, ...]:
    """The names of what the backward returns. Of as many gradients as the forward has arguments, half of them
    named after the one in their place, an expression is that of the argument in its own: ``df.sum(axis=0)``.
    """
    returned, forward = pass_.backward.returned, pass_.forward
    parameters = [p.name for p in forward.parameters] if forward is not None else []
    if len(parameters) != len(returned):
        return returned
    pairs = list(zip(returned, parameters, strict=True))
    if 2 * sum(stem(name) == stem(f"d{parameter}") for name, parameter in pairs) < len(pairs):
        return returned
    expressions = _returned_expressions(pass_.backward, len(returned))
    return tuple(f"d{p}" if k in expressions else name for k, (name, p) in enumerate(pairs))


def _returned_expressions(backward: Callable, count: int) -> frozenset[int]:
    """The places in what is returned where no variable stands."""
    import ast

    for node in own_nodes(backward.node):
        match node:
            case ast.Return(value=ast.Tuple(elts=parts)) if len(parts) == count:
                return frozenset(k for k, part in enumerate(parts) if isinstance(part, ast.Call))
            case _:
                pass
    return frozenset()


def _stated(draft: Draft, value: Value) -> Iterator[Candidate]:
    """The gradients that the configuration names, each under its parameter's name."""
    for name, code in draft.gradients.items():
        array = value[name]
        if isinstance(array, np.ndarray | float):
            yield Candidate((f"d{name}",), (), np.asarray(array), Source.STATED, code)


def _inner_names(backward: Callable, keys: list[str | int]) -> list[str | int]:
    """``grads[2]`` by the name that stands there, where ``grads`` is a list or tuple written out in the
    callable."""
    if len(keys) >= 2 and isinstance(keys[0], str) and isinstance(keys[1], int):
        names = _written_out(backward, keys[0])
        if 0 <= keys[1] < len(names) and names[keys[1]]:
            return [names[keys[1]], *keys[2:]]
    return keys


@lru_cache(maxsize=64)
def _written_out(backward: Callable, name: str) -> list[str]:
    import ast

    from rnnlint.gradients.labels import label

    for node in ast.walk(backward.node):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple | ast.List)):
            continue
        if any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            return [label(e) for e in node.value.elts]
    return []


def _stored(code: str, value: Value, known: set[str]) -> Iterator[Candidate]:
    keys: tuple[str, ...] = () if code == MODEL else (code,)
    for leaf in leaves(value, code, keys):
        if leaf.code in known or leaf.is_number:
            continue
        words, indices = split(leaf.keys)
        if words:
            yield Candidate(words, indices, leaf.array, Source.STORED, _shown(leaf.keys))


def _locals(probe: Probe, ran: Ran) -> Iterator[Candidate]:
    own = probe.draft.pass_.backward.title
    latest = {(frame.path, frame.function): frame for frame in ran.frames if not frame.line}
    forward = probe.draft.pass_.forward
    for (_, function), frame in latest.items():
        if forward is not None and function == forward.title and forward.title != own:
            continue
        outer = function == own
        for name, value in frame.variables.items():
            if name == "self":
                continue
            for leaf in leaves(value, name, (name,)):
                words, indices = split(leaf.keys)
                source = Source.OUTER_LOCAL if outer else Source.INNER_LOCAL
                yield Candidate(words, indices, leaf.array, source, _shown(leaf.keys))


def _applied(probe: Probe, values: dict[str, Value]) -> Iterator[Candidate]:
    """What each parameter lost in the pass: its gradient times a rate."""
    after: dict[str, Array] = {}
    for code in (MODEL, *probe.draft.globals_):
        if code in values:
            keys: tuple[str, ...] = () if code == MODEL else (code,)
            after.update({leaf.code: leaf.array for leaf in leaves(values[code], code, keys)})
    for place in probe.places:
        now = after.get(place.code)
        if now is None or place.in_hole or now.shape != place.array.shape:
            continue
        if np.array_equal(now, place.array):
            continue
        lost = place.array - now
        for way in place.ways:
            if way.words:
                words = (*way.words[:-1], f"d{way.words[-1]}")
                yield Candidate(words, way.indices, lost, Source.APPLIED, f"what {place.name} lost")


def _shown(keys: Sequence[str | int]) -> str:
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else (f".{key}" if text else str(key))
    return text
