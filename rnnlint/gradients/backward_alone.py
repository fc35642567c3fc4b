"""A backward pass with no forward in sight: the reference's forward fills its arguments, under each
convention in turn.

The most charitable convention counts, and is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rnnlint.gradients.answers import ProbeFailedError
from rnnlint.gradients.callables import Parameter
from rnnlint.gradients.cells import Example, example, field_of, quantity_of
from rnnlint.gradients.draft import BACKWARD, Draft
from rnnlint.gradients.forms import Form, GivenForm
from rnnlint.gradients.holes import OPTIMIZER_CLASS, role_in_use
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.layouts import Item, Layout, Steps
from rnnlint.gradients.library import Library
from rnnlint.gradients.losses import Kind, Loss
from rnnlint.gradients.measure import Measurement, judge_pairs
from rnnlint.gradients.paired import paired
from rnnlint.gradients.pairing import Way
from rnnlint.gradients.passes import Pass
from rnnlint.gradients.places import Place
from rnnlint.gradients.probe import Probe, returned_codes
from rnnlint.gradients.roles import Role, role_of, size_axis
from rnnlint.gradients.supplied import supplied_helper
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import Failure, Ran, Value

Array = np.ndarray[Any, np.dtype[np.float64]]

_STORAGES = ("the initial state first", "no initial state", "the initial state at −1")
_MOST_SUPPLIED = 8


@dataclass(frozen=True)
class Convention:
    """How the arguments are laid out."""

    storage: str
    input_first: bool

    def __str__(self) -> str:
        order = "[x; h]" if self.input_first else "[h; x]"
        return f"column vectors, z = {order}, lists of states with {self.storage}"


def measure_alone(
    workshop: Workshop, library: Library, pass_: Pass, kind: str, seed: int
) -> tuple[Measurement, Convention, tuple[str, ...]] | None:
    """The pass run on the reference's forward; None where an argument or parameter has no place in the cell.

    Raises :class:`rnnlint.gradients.probe.ProbeFailedError` where no convention makes it run.
    """
    best: tuple[Measurement, Convention, tuple[str, ...]] | None = None
    failed: Ran | None = None
    for convention in _conventions(pass_):
        made = _probe(library, pass_, kind, convention, seed)
        if made is None:
            return None
        probe, truth = made
        ran, probe, notes = _run(workshop, probe)
        if ran.trouble is not None:
            failed = failed or ran
            continue
        pairs = paired(probe, ran)
        if not pairs:
            continue
        judged = judge_pairs(pairs, truth, {"T": 4, "V": 5, "H": 3})
        unpaired = tuple(p for p in probe.places if p.name not in pairs)
        loss = Loss(Kind.REFERENCE, BACKWARD, 0, ())
        measurement = Measurement(probe, ran, pairs, loss, truth, judged, unpaired)
        if best is None or (judged.agreeing, -judged.wrong) > (
            best[0].judged.agreeing,
            -best[0].judged.wrong,
        ):
            best = measurement, convention, notes
    if best is None and failed is not None:
        raise ProbeFailedError(failed.trouble)
    return best


def _conventions(pass_: Pass) -> Iterator[Convention]:
    stated = re.search(r"(size|length|shape)[^\n]*\+\s*1", pass_.backward.documentation)
    for storage in _STORAGES[:1] if stated else _STORAGES:
        for input_first in (False, True):
            yield Convention(storage, input_first)


def _probe(
    library: Library, pass_: Pass, kind: str, convention: Convention, seed: int
) -> tuple[Probe, Mapping[str, Array]] | None:
    cell = example(kind, np.random.default_rng(seed), input_first=convention.input_first)
    holes: dict[str, Value] = {}
    places: list[Place] = []
    truth: dict[str, Array] = {}
    given: list[str] = []
    for parameter in pass_.backward.parameters:
        hole = f"_in_{parameter.name}"
        usage = library.usage(pass_.backward, parameter.name)
        role = role_in_use(usage, parameter.name)
        if role is Role.BUNDLE and (usage.unpacked or usage.keys):
            names = usage.unpacked or usage.keys
            fields = [field_of(kind, n) for n in names]
            if any(f is None or f not in cell.parameters for f in fields):
                return None
            arrays = [cell.parameters[str(f)].copy() for f in fields]
            as_tuple = bool(usage.unpacked)
            holes[hole] = tuple(arrays) if as_tuple else dict(zip(names, arrays, strict=True))
            for position, (name, found) in enumerate(zip(names, fields, strict=True)):
                code = f"{hole}[{position if as_tuple else name!r}]"
                places.append(
                    Place(
                        code, name, (Way((parameter.name, name)), Way((name,))), arrays[position], True, True
                    )
                )
                truth[name] = cell.gradients[str(found)]
        else:
            value = _value(parameter, role, cell, convention)
            if value is None:
                if parameter.default is not None:
                    continue
                return None
            holes[hole] = value
            if role in (Role.WEIGHT, Role.BIAS) and isinstance(value, np.ndarray):
                places.append(Place(hole, parameter.name, (Way((parameter.name,)),), value, True, True))
                truth[parameter.name] = cell.gradients[str(field_of(kind, parameter.name))]
        given.append(f"{parameter.name}={hole}")
    forms: dict[str, Form] = {name: GivenForm(value) for name, value in holes.items()}
    draft = Draft(
        pass_,
        Layout(Item.COLUMN, Steps.LIST),
        (OPTIMIZER_CLASS,),
        (),
        (f"{BACKWARD} = {pass_.backward.name}({', '.join(given)})",),
        forms,
    )
    return Probe(draft, {"T": 4, "H": 3, "V": 5}, holes, tuple(places), secret=seed), truth


def _value(parameter: Parameter, role: Role, cell: Example, convention: Convention) -> Value:
    name = parameter.name
    if role is Role.SIZE:
        return _size(name, cell)
    field = field_of(cell.kind, name) if role in (Role.WEIGHT, Role.BIAS) else None
    if field is not None and field in cell.parameters and len(name) > 1:
        return cell.parameters[field].copy()
    quantity = quantity_of(cell.kind, name)
    if quantity is None or quantity not in cell.trace:
        return None
    steps: list[Value] = [step.copy() for step in cell.trace[quantity]]
    if quantity not in ("h", "C"):
        return steps
    first = (cell.h_0 if quantity == "h" else cell.C_0).copy()
    if convention.storage == _STORAGES[0]:
        return [first, *steps]
    if convention.storage == _STORAGES[1]:
        return steps
    return {-1: first, **dict(enumerate(steps))}


def _size(name: str, cell: Example) -> int:
    T, D, H = int(cell.inputs.shape[0]), int(cell.inputs.shape[1]), int(cell.h_0.shape[0])
    if size_axis(name) == "T":
        return T
    lowered = name.lower()
    if re.search(r"z_|concat", lowered):
        return H + D
    return D if re.search(r"vocab|in|out|^[dvkx]|n_[xy]", lowered) else H


def _run(workshop: Workshop, probe: Probe) -> tuple[Ran, Probe, tuple[str, ...]]:
    """The base run, with what is defined nowhere supplied: sizes, standard helpers, a clip left out."""
    notes: list[str] = []
    ran = Ran()
    for _ in range(_MOST_SUPPLIED):
        outcome = workshop.run([probe.scenario(returned_codes(probe.draft), frames=probe.draft.watched)])
        ran = outcome.runs[0] if outcome.runs else Ran(trouble=outcome.trouble)
        trouble = ran.trouble
        if trouble is None or trouble.failure not in (Failure.RAISED, Failure.STUB):
            break
        match = re.search(r"name '(\w+)' is not defined", trouble.message)
        if match is None:
            break
        code = _definition(match[1], probe)
        if code is None or code in probe.draft.setup:
            break
        notes.append(f"{match[1]} is defined nowhere; its standard meaning is supplied.")
        probe = replace(probe, draft=replace(probe.draft, setup=(code, *probe.draft.setup)))
    return ran, probe, tuple(notes)


def _definition(name: str, probe: Probe) -> str | None:
    helper = supplied_helper(name)
    if helper is not None:
        return helper
    if role_of(name) is Role.SIZE:
        cell_sizes = probe.sizes
        lowered = name.lower()
        size = cell_sizes["V"] if re.search(r"vocab|in|out|^[dvk]", lowered) else cell_sizes["H"]
        return f"{name} = {cell_sizes['T'] if size_axis(name) == 'T' else size}"
    return None
