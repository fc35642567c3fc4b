"""The loss that the project itself writes beside its two calls, and how it differs from the gradient's.

A training loop averages over the vocabulary where the backward pass sums: every gradient is then off by one
factor, which is harmless and worth a sentence. The loss is only read off the caller and evaluated; the
verdicts do not depend on it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from rnnlint.gradients.answers import ProbeFailedError, first_run
from rnnlint.gradients.draft import FORWARD
from rnnlint.gradients.glue import Joint, Output, SameAs, joint_of, joint_statements
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.library import Library
from rnnlint.gradients.losses import Kind
from rnnlint.gradients.measure import Measurement
from rnnlint.gradients.passes import Pass
from rnnlint.records import replace

_LOSS = re.compile(r"loss|cost|err|total|nll|objective|^[jl]$", re.IGNORECASE)
_FUNCTION = "_written_loss"
_PROVIDED = frozenset("np numpy range len zip enumerate sum float int abs reversed".split())
_SAME = 1e-6
"""Two ratios closer than this are one constant."""


def factor_to_written_loss(workshop: Workshop, library: Library, pass_: Pass, m: Measurement) -> float | None:
    """By what the gradient exceeds that of the loss the caller writes: V where that is a mean over V.

    None where no loss stands beside the calls, where it is the measured one, or no constant multiple of it.
    """
    if m.loss.kind in (Kind.SCALAR, Kind.COTANGENT, Kind.REFERENCE) or not m.probe.draft.forward:
        return None
    lines = _definition(library, pass_, frozenset(m.probe.holes))
    if lines is None:
        return None
    ratios = [_ratio(workshop, m, lines, shrunk) for shrunk in (1.0, 0.5)]
    first, second = ratios
    if first is None or second is None or abs(first - second) > _SAME * abs(first):
        return None
    return None if abs(first - 1.0) <= _SAME else first


def _ratio(workshop: Workshop, m: Measurement, definition: str, shrunk: float) -> float | None:
    """Measured loss / written loss, with all weights ``shrunk``."""
    draft = m.probe.draft
    weights = [place.code for place in m.probe.places if place.in_hole and place.is_weight]
    smaller = [f"{code}[...] = {code} * {shrunk!r}" for code in weights]
    changed = replace(draft, setup=(*draft.setup, *smaller, definition))
    probe = replace(m.probe, draft=changed)
    codes = (m.loss.code, f"{_FUNCTION}()")
    try:
        values = first_run(workshop.run([probe.scenario(codes, backward=FORWARD not in m.loss.code)])).values
    except ProbeFailedError:
        return None
    written = values[1]
    if not isinstance(written, float | int | np.ndarray) or np.size(written) != 1:
        return None
    measured = replace(m.loss, position=0, keys=()).of(values)
    number = float(np.reshape(written, ()))
    if not np.isfinite(number) or number == 0.0 or not np.isfinite(measured):
        return None
    return measured / number


def _definition(library: Library, pass_: Pass, holes: frozenset[str]) -> str | None:
    """A function without arguments that computes the caller's loss from the scenario's own names."""
    joint = joint_of(library, pass_)
    if joint is None:
        return None
    bound = dict(_bindings(joint, holes))
    for block in joint_statements(library, pass_):
        for name in dict.fromkeys(n for s in block for n in _stored(s) if _LOSS.search(n)):
            body = _body(block, name, bound)
            if body is not None:
                return "\n    ".join([f"def {_FUNCTION}():", *body, f"return {name}"])
    return None


def _body(block: Sequence[ast.stmt], name: str, bound: Mapping[str, str]) -> list[str] | None:
    """The statements of ``block`` that make up ``name``, in the scenario's terms; None where more goes in."""
    found = [s for s in block if name in _stored(s) and isinstance(s, ast.Assign | ast.AugAssign | ast.For)]
    free = {n for s in found for n in _loaded(s)} - {n for s in found for n in _stored(s)} - {name}
    given = sorted(free & bound.keys())
    if not given or not free <= bound.keys() | _PROVIDED:
        return None
    begins = [] if isinstance(found[0], ast.Assign) else [f"{name} = 0.0"]
    made = [line for statement in found for line in ast.unparse(statement).split("\n")]
    return [*(f"{n} = {bound[n]}" for n in given), *begins, *made]


def _bindings(joint: Joint, holes: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The caller's variables in the scenario's terms."""
    for parameter, variable in joint.caller_names.items():
        match joint.origins.get(parameter):
            case Output(position=None):
                yield variable, FORWARD
            case Output(position=position):
                yield variable, f"{FORWARD}[{position}]"
            case SameAs(name=name) if f"_in_{name}" in holes:
                yield variable, f"_in_{name}"
            case None if f"_in_{parameter}" in holes:
                yield variable, f"_in_{parameter}"


def _stored(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _loaded(statement: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
