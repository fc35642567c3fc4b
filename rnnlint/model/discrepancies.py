"""What may be wrong with a factor of a derivative."""

from __future__ import annotations

from enum import StrEnum

from rnnlint.model.forward import Factor, Gate
from rnnlint.model.terms import Term
from rnnlint.records import dataclass


class Wrong(StrEnum):
    """What is wrong with a factor: a rule each."""

    NESTED = "nonlinearity twice"
    ACTIVATION = "activation for derivative"
    OF_ACTIVATION = "derivative of activation"
    OTHER = "wrong derivative"
    MISSING = "missing derivative"
    GATE = "wrong gate"
    PARTNER = "wrong partner"
    NODE = "carry added at the wrong node"
    SPURIOUS = "spurious factor"
    STEP = "another step"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A factor that is not the one the forward pass asks for.

    ``observed`` are the factors at fault (empty for a missing one), ``expected`` the right one, ``gate`` the
    gate whose δ it is found in, ``delta`` that δ, ``use`` where it is used, ``beside`` a factor next to a
    missing one. ``steps`` (STEP only): what must be added to the index of ``read``. ``other_gate`` (GATE
    only): whose δ it is."""

    wrong: Wrong
    gate: Gate
    delta: Term
    observed: tuple[Term, ...] = ()
    expected: Factor | None = None
    read: Term | None = None
    steps: int = 0
    expected_steps: int = 0
    use: Term | None = None
    beside: Term | None = None
    other_gate: Gate | None = None
