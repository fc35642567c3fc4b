"""Where a forward pass leaves the cell that it nearly is: the first line whose inputs are that cell's
quantities and whose result is none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnlint.diagnosis.tracing.adjoints import fingerprint
from rnnlint.diagnosis.tracing.judged import Judge, Made, State
from rnnlint.diagnosis.tracing.trace import forward_events
from rnnlint.diagnosis.tracing.truths import Quantity, Table, Truths
from rnnlint.findings import Confidence, Finding, Severity
from rnnlint.gradients.nearest import TOLD_BY, Nearest, nearest
from rnnlint.records import dataclass
from rnnlint.sentences import listed
from rnnlint.verdicts import GradientCheck, Status

if TYPE_CHECKING:
    from rnnlint.gradients.trials import Trials
    from rnnlint.model.project import Project

Array = np.ndarray[Any, np.dtype[np.float64]]

EQUATIONS: Mapping[str, Mapping[str, str]] = {
    "lstm": {
        "f": "f = σ(W_f z + b_f)",
        "i": "i = σ(W_i z + b_i)",
        "g": "g = tanh(W_g z + b_g)",
        "o": "o = σ(W_o z + b_o)",
        "C": "C_t = f ⊙ C_{t-1} + i ⊙ g",
        "h": "h_t = o ⊙ tanh(C_t)",
    },
    "gru": {
        "z": "z = σ(W_z [h_{t-1}; x_t] + b_z)",
        "r": "r = σ(W_r [h_{t-1}; x_t] + b_r)",
        "n": "n = tanh(W_n [r ⊙ h_{t-1}; x_t] + b_n)",
        "h": "h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}",
    },
    "rnn": {"a": "a_t = W_hh h_{t-1} + W_xh x_t + b", "h": "h_t = tanh(a_t)"},
}
INGREDIENTS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "lstm": {
        **dict.fromkeys("figo", frozenset({"z", "h_previous"})),
        "C": frozenset({"f", "i", "g", "f C_previous", "i g"}),
        "h": frozenset({"o", "C", "tanh_C"}),
    },
    "gru": {
        **dict.fromkeys("zr", frozenset({"s", "h_previous"})),
        "n": frozenset({"r", "r q", "a_n"}),
        "h": frozenset({"z", "n", "z h", "(1 - z) h", "z n", "(1 - z) n"}),
    },
    "rnn": {"a": frozenset({"z", "h_previous"}), "h": frozenset({"a"})},
}
"""Of which a line must be made, one at least, to be the line of an equation."""
NONSTANDARD = "RNN902", "nonstandard-forward"
_CALLED = {"lstm": "LSTM", "gru": "GRU", "rnn": "vanilla RNN"}


@dataclass(frozen=True)
class Mismatch:
    """The first result of a forward pass that its nearest cell does not have, and all that the pass made.

    ``missing`` is the first of the cell's own quantities that the program does not have at that step.
    """

    first: Made
    cell: Nearest
    made: Sequence[Made]
    missing: str

    @property
    def equation(self) -> str:
        """What the cell computes there."""
        return EQUATIONS[self.cell.cell.kind][self.missing]

    @property
    def called(self) -> str:
        """``LSTM``"""
        return _CALLED[self.cell.cell.kind]


def forward_mismatches(project: Project, check: GradientCheck, trials: Trials) -> list[Mismatch]:
    """Where the forward pass leaves the cell that it nearly is, for each that it may be; none where it is
    one that is known, or where that cannot be told of one of them."""
    if check.status is Status.NOT_CHECKED or check.forward != "unknown":
        return []
    found = forward_events(project, check, trials)
    if found is None:
        return []
    events, table = found
    computed = Table(Quantity("", 0, event.value) for event in events)
    mismatches = []
    for cell in nearest(trials.measurement, check.kind, [event.value for event in events]):
        known = _Known.of(cell, trials)
        mismatches.append(_first(Judge(known, table, {}).made(events), cell, known, computed))
    return [each for each in mismatches if each is not None]


def _first(made: Sequence[Made], cell: Nearest, known: _Known, computed: Table) -> Mismatch | None:
    kind = cell.cell.kind
    for each in made:
        if each.is_first and _is_of_the_cell(each, cell, known):
            # From the second step on, wrong gates may only be weights in another order than was tried.
            if each.step and _missing(cell, TOLD_BY[kind][0], each.step, computed):
                return None
            missing = _missing(cell, EQUATIONS[kind], each.step, computed)
            if not missing or not _read_in(each, known) & INGREDIENTS[kind][missing[0]]:
                return None
            return Mismatch(each, cell, made, missing[0])
    return None


def _read_in(made: Made, known: _Known) -> set[str]:
    """The cell's quantities that a statement reads, by name."""
    return {quantity.of for read in made.reads for quantity in known.adjoints.find(read.value)}


def told(mismatch: Mismatch, severity: Severity) -> Finding:
    """The finding of a mismatch that nothing is known to mend."""
    first = mismatch.first
    statement = first.watched.statement
    target = listed([f"`{statement.program.source(target)}`" for target in statement.targets])
    true = dict.fromkeys(f"`{read.text}`" for read in first.reads if read.state is State.TRUE)
    message = (
        f"{target or 'What is computed here'} is none of the quantities of a standard {mismatch.called} on "
        f"the same weights and inputs, although {listed(list(true))} {'is' if len(true) == 1 else 'are'}"
        f"; there {mismatch.equation}. If that is meant, nothing is wrong: the gradients are judged by what "
        "the program computes."
    )
    node = first.watched.node if first.watched.node is not None else statement.value
    span = statement.program.span(node if node is not None else statement.node)
    return Finding(*NONSTANDARD, severity, Confidence.LIKELY, message, statement.path, span)


@dataclass(frozen=True)
class _Known(Truths):
    """The reference cell's quantities in the place of adjoints: what a forward pass is judged by."""

    reference: tuple[Quantity, ...] = ()
    weights: tuple[Array, ...] = ()

    @staticmethod
    def of(cell: Nearest, trials: Trials) -> _Known:
        places = trials.measurement.probe.places
        given = (*(place.array for place in places), cell.inputs, *cell.inputs)
        weights = tuple(place.array for place in places if place.is_weight)
        return _Known((), given, {}, {}, 1.0, reference=tuple(_quantities(cell)), weights=weights)

    @cached_property
    def adjoints(self) -> Table:
        return Table(self.reference)


def _quantities(cell: Nearest) -> Iterator[Quantity]:
    """Every quantity at every step; those that may lie side by side in one array, so."""
    for name, whole in cell.quantities.items():
        yield Quantity(name, 0, whole, whole=True)
        for step, value in enumerate(whole):
            yield Quantity(name, step, value)
    gates = tuple(cell.cell.order)
    preactivations = [cell.quantities[f"a_{k}"] for k in gates if f"a_{k}" in cell.quantities]
    activations = [cell.quantities[k] for k in gates if k in cell.quantities]
    for together in (preactivations, activations):
        for chosen in (together, [each for each in together if each is not cell.quantities.get("g")]):
            if len(chosen) > 1:
                for step, value in enumerate(np.concatenate(chosen, axis=1)):
                    yield Quantity("the gates", step, value)


def _is_of_the_cell(made: Made, cell: Nearest, known: _Known) -> bool:
    """Whether a result is made of the cell's quantities, and of no weights but its own."""
    states = {read.state for read in made.reads}
    if made.value.size < 2 or State.TRUE not in states or State.OTHER in states:
        return False
    weights = {fingerprint(array): array for array in known.weights}
    read = (weights.get(fingerprint(each.value)) for each in made.reads)
    return all(cell.has(each) for each in read if each is not None)


def _missing(cell: Nearest, names: Iterable[str], step: int, computed: Table) -> list[str]:
    """Which of these quantities the program does not have at a step."""
    held = ((name, cell.quantities[name]) for name in names)
    return [name for name, steps in held if step < len(steps) and not computed.find(steps[step])]
