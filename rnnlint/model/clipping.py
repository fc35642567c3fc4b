"""Gradients that are clipped while they still flow from step to step."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.model.backward import BackwardPass
from rnnlint.model.code_blocks import last_word, place_of
from rnnlint.model.gradient_lifetimes import ADJOINT
from rnnlint.model.steps import Loop
from rnnlint.records import dataclass
from rnnlint.syntax import tree

_CLIP = re.compile(r"clip", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clipping:
    """A clip inside the loop over time, of what the loop carries or sums."""

    call: tree.Call
    name: str


def clippings_in_time(bptt: BackwardPass) -> Iterator[Clipping]:
    """The clips of adjoints and gradients in the body of a loop over the steps, not in a loop within it."""
    seen: set[int] = set()
    for loop in bptt.step_loops:
        for call in _calls_of(loop):
            if not bptt.module.holds(call) or id(call) in seen or not call.arguments:
                continue
            name = last_word(place_of(call.function) or "")
            clipped = _adjoint_in(call.arguments[0])
            if _CLIP.search(name) and clipped is not None:
                seen.add(id(call))
                yield Clipping(call, clipped)


def _adjoint_in(expression: tree.Expression) -> str | None:
    """The first adjoint or gradient that an expression names: ``dc`` of ``dc * f[t]``."""
    names = (last_word(place_of(node) or "") for node in expression.walk())
    return next((name for name in names if ADJOINT.search(name)), None)


def _calls_of(loop: Loop) -> Iterator[tree.Call]:
    for statement in loop.statement.body:
        yield from (node for node in statement.walk() if isinstance(node, tree.Call))
