"""A scenario before its sizes are known: a short program with typed holes, under one layout."""

from __future__ import annotations

from collections.abc import Mapping

from rnnlint.gradients.forms import Form
from rnnlint.gradients.layouts import Layout
from rnnlint.gradients.passes import Pass
from rnnlint.records import dataclass, field

FORWARD = "_forward_result"
BACKWARD = "_backward_result"
MODEL = "_model"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A hole that takes a cotangent: an array shaped like an output of the forward."""

    hole: str
    output: str  # Python for the forward's output
    as_row: bool = False  # (1, H) for an output of (H,)
    is_stated: bool = False  # item by item the output's, by the word of whoever states the scenario


@dataclass(frozen=True)
class Draft:
    """A program under one layout, its sizes unknown."""

    pass_: Pass
    layout: Layout
    setup: tuple[str, ...]
    forward: tuple[str, ...]
    backward: tuple[str, ...]
    holes: Mapping[str, Form]
    upstream: tuple[Upstream, ...] = ()
    globals_: tuple[str, ...] = ()
    left: tuple[str, ...] = ()  # variables of the module that the backward binds
    has_model: bool = False
    watched: tuple[str, ...] = ("*",)  # functions whose locals are recorded
    resets: tuple[str, ...] = ()  # methods that a caller calls between two passes
    parameters: tuple[str, ...] = ()  # the only arrays that are weights, where that is stated by hand
    gradients: Mapping[str, str] = field(default_factory=dict)  # parameter -> Python for its stated gradient

    @property
    def stated_gradients(self) -> str:
        """Python for a dict of the stated gradients by parameter."""
        return f"{{{', '.join(f'{name!r}: {code}' for name, code in self.gradients.items())}}}"

    guesses: bool = False  # an argument of the backward is told by its role alone
    data: tuple[str, ...] = ()  # holes that are no parameters, whatever their names say
    unpacked: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # made tuple -> what its items are called where it is taken apart

    @property
    def whole(self) -> tuple[str, ...]:
        return (*self.setup, *self.forward, *self.backward)
