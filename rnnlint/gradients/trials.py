"""Many texts of the backward pass tried in one solved scenario: one job, the truth known once.

The forward pass, the values and the true gradients stay; only the code of the changed functions is exchanged.
So a trial costs about what the user's own passes cost.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rnnlint.findings import Edit
from rnnlint.fixes import apply_edits
from rnnlint.gradients.answers import ProbeFailedError
from rnnlint.gradients.draft import BACKWARD, FORWARD
from rnnlint.gradients.drawing import LEAST, probe_of
from rnnlint.gradients.driver import Lifted
from rnnlint.gradients.gradients_found import candidates_of
from rnnlint.gradients.jobs import Workshop, shown_path
from rnnlint.gradients.measure import Measurement, measure
from rnnlint.gradients.pairing import Source, in_shape
from rnnlint.gradients.probe import returned_codes
from rnnlint.gradients.sizes import HIDDEN, TIME
from rnnlint.gradients.solve import Solved
from rnnlint.gradients.verdict import TOLERANCE, relative_error
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace
from rnnlint.sandbox.job import PATCH_OWNER, Patch, Ran, Scenario

Array = np.ndarray[Any, np.dtype[np.float64]]
Errors = Mapping[str, float]
"""The relative error of each parameter, or of each gate's block of a stacked one, after the factor that all
share.

A gradient that is not finite has 2; what should be zero is left out.
"""

SECONDS = 20.0
NOTHING = 1e-9
"""Norms below this are zero to central differences."""


@dataclass(frozen=True)
class Trials:
    """One solved scenario, ready to be run on other texts of its functions."""

    workshop: Workshop
    measurement: Measurement

    moved: bool = False  # to other texts than those that were measured
    lifted: Lifted | None = None  # whose text is run, where it is not the file's own

    @cached_property
    def errors(self) -> Errors:
        """Those of the text as it is; every parameter's is 2 where it does not run."""
        if not self.moved:
            return _errors(self.measurement, self.measurement.base)
        (errors,) = self.run([()])
        return (
            errors
            if errors is not None
            else dict.fromkeys(_errors(self.measurement, self.measurement.base), 2.0)
        )

    def run(self, variants: Sequence[Sequence[Edit]]) -> list[Errors | None]:
        """The errors of each variant, given as edits of the project's texts; None where it does not run.

        An edit outside functions and methods cannot be tried this way: None.
        """
        probe = self.measurement.probe
        frames = probe.draft.watched if self._needs_frames else ()
        plain = probe.scenario(self._returns(), frames=frames)
        return [_errors_of(self.measurement, ran) for ran in self.runs(variants, plain)]

    def runs(self, variants: Sequence[Sequence[Edit]], scenario: Scenario) -> list[Ran | None]:
        """``scenario`` run on each variant; None where it cannot be tried this way or time ran out."""
        patches = [self._patches(variant) for variant in variants]
        scenarios = [replace(scenario, patches=patch) for patch in patches if patch is not None]
        ran = iter(self.workshop.run(scenarios, SECONDS).runs if scenarios else ())
        return [next(ran, None) if patch is not None else None for patch in patches]

    def rebased(self, project: Project) -> Trials:
        """The same scenario with ``project``'s texts to start from."""
        lifted = self.lifted.rebased(project) if self.lifted is not None else None
        workshop = replace(self.workshop, project=lifted.project if lifted is not None else project)
        return Trials(workshop, self.measurement, True, lifted)

    @cached_property
    def _sources(self) -> frozenset[Source]:
        """Where the gradients are taken from."""
        return frozenset(pair.candidate.source for pair in self.measurement.pairs.values())

    @property
    def _needs_frames(self) -> bool:
        return bool(self._sources & {Source.OUTER_LOCAL, Source.INNER_LOCAL})

    def _returns(self) -> list[str]:
        """What a run returns, in its usual order, with None for what no gradient is taken from."""
        draft = self.measurement.probe.draft
        sources = {FORWARD: frozenset[Source](), BACKWARD: frozenset({Source.RETURNED})}
        sources[draft.stated_gradients] = frozenset({Source.STATED})
        kept = frozenset({Source.STORED, Source.APPLIED})
        return [c if self._sources & sources.get(c, kept) else "None" for c in returned_codes(draft)]

    @cached_property
    def _files(self) -> dict[Path, _Functions]:
        return {}

    def _patches(self, variant: Sequence[Edit]) -> tuple[Patch, ...] | None:
        made: list[Patch] = []
        for path in {edit.path for edit in variant}:
            if path not in self._files:
                project = self.workshop.project
                self._files[path] = _Functions.of(shown_path(project, path), project.files[path].text)
            edits = [edit for edit in variant if edit.path == path]
            if self.lifted is not None and path == self.lifted.driver.path:
                moved = self.lifted.moved(edits)
                if moved is not None:
                    found = self._files[path].patches(moved)
                else:
                    found = self._files[path].differences(self.lifted.edited(edits))
            else:
                found = self._files[path].patches(edits)
            if found is None:
                return None
            made += found
        return tuple(made)


def trials_over(
    steps: int, workshop: Workshop, solved: Solved, measurement: Measurement, seed: int
) -> Trials | None:
    """The same scenario over so many steps. Over one, nothing flows back: a wrong δ shows in its own weights.

    Parameters that get no gradient over so few steps are left out. None where it does not run that way.
    """
    try:
        probe = probe_of(workshop, solved, np.random.default_rng(seed), {**LEAST, TIME: steps})
        short = measure(workshop, probe)
    except ProbeFailedError:
        return None
    if short is None or short.loss.code != measurement.loss.code:
        return None
    telling = {name for name, true in short.truth.items() if np.linalg.norm(true) > NOTHING}
    pairs = {
        name: pair for name, pair in short.pairs.items() if name in measurement.pairs and name in telling
    }
    return Trials(workshop, replace(short, pairs=pairs)) if pairs else None


@dataclass(frozen=True)
class _Functions:
    """The functions and methods of one file, by their lines."""

    shown: str
    text: str
    places: tuple[tuple[int, int, str], ...]

    @staticmethod
    def of(shown: str, text: str) -> _Functions:
        places = [
            (
                min([node.lineno, *(d.lineno for d in node.decorator_list)]),
                node.end_lineno or node.lineno,
                name,
            )
            for name, node in _functions(ast.parse(text))
        ]
        return _Functions(shown, text, tuple(places))

    def patches(self, edits: Sequence[Edit]) -> list[Patch] | None:
        """The functions that ``edits`` change, with their new texts; None where one lies outside."""
        changes: dict[tuple[int, int, str], list[Edit]] = {}
        for edit in edits:
            place = next(
                (p for p in self.places if p[0] <= edit.span.line and edit.span.end_line <= p[1]), None
            )
            if place is None:
                return None
            changes.setdefault(place, []).append(edit)
        return [self._patch(*place, inside) for place, inside in changes.items()]

    def differences(self, text: str | None) -> list[Patch] | None:
        """The functions that another text of the file has otherwise; None where it differs in none."""
        if text is None:
            return None
        before, after = self.text.split("\n"), text.split("\n")
        bodies = {name: before[start - 1 : end] for start, end, name in self.places}
        changed = [
            self._made(start, name, after[start - 1 : end])
            for start, end, name in _Functions.of(self.shown, text).places
            if bodies.get(name) != after[start - 1 : end]
        ]
        return changed or None

    def _patch(self, start: int, end: int, name: str, edits: Sequence[Edit]) -> Patch:
        lines = self.text.split("\n")
        new = apply_edits(self.text, edits).split("\n")
        return self._made(start, name, new[start - 1 : end + len(new) - len(lines)])

    def _made(self, start: int, name: str, lines: Sequence[str]) -> Patch:
        body = "\n".join(lines)
        if "." in name:
            return Patch(self.shown, name, "\n" * (start - 2) + f"class {PATCH_OWNER}:\n" + body)
        return Patch(self.shown, name, "\n" * (start - 1) + body)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement.name, statement
        elif isinstance(statement, ast.ClassDef):
            for member in statement.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{statement.name}.{member.name}", member


def _errors_of(measurement: Measurement, ran: Ran | None) -> Errors | None:
    return None if ran is None or ran.trouble is not None else _errors(measurement, ran)


def _errors(measurement: Measurement, ran: Ran) -> Errors:
    found = {(c.source, c.title): c for c in candidates_of(measurement.probe, ran)}
    got: dict[str, Array] = {}
    for name, pair in measurement.pairs.items():
        if name in measurement.truth:
            candidate = found.get((pair.candidate.source, pair.candidate.title))
            shaped = (
                in_shape(candidate.array, measurement.truth[name].shape) if candidate is not None else None
            )
            got[name] = shaped[0] if shaped is not None else np.zeros_like(measurement.truth[name])
    scale = _shared_factor(got, measurement.truth)
    hidden = measurement.probe.sizes.get(HIDDEN, 0)
    errors: dict[str, float] = {}
    for name, array in got.items():
        parts = zip(_parts(array / scale, hidden), _parts(measurement.truth[name], hidden), strict=True)
        for number, (mine, true) in enumerate(parts):
            if np.linalg.norm(true) > NOTHING:
                errors[f"{name}/{number}"] = _error(mine, true)
    return errors


def _parts(array: Array, hidden: int) -> list[Array]:
    """The gates of a stacked gradient: its blocks along an axis of two to four times the hidden size."""
    for axis, size in enumerate(array.shape):
        if hidden > 1 and size % hidden == 0 and 2 <= size // hidden <= 4:
            return np.split(array, size // hidden, axis=axis)
    return [array]


def _error(got: Array, true: Array) -> float:
    if not np.all(np.isfinite(got)):
        return 2.0
    return relative_error(got, true) if np.linalg.norm(got - true) > NOTHING else 0.0


def _shared_factor(got: Mapping[str, Array], truth: Mapping[str, Array]) -> float:
    """The factor that most of the gradients parallel to the truth share; 1 where fewer than two do."""
    factors: list[float] = []
    for name, array in got.items():
        true = truth[name]
        length = float(np.sum(true * true))
        if array.size < 2 or not length or not np.all(np.isfinite(array)):
            continue
        factor = float(np.sum(array * true)) / length
        if factor and relative_error(array / factor, true) <= TOLERANCE:
            factors.append(factor)
    if not factors:
        return 1.0
    agreeing = [sum(abs(f - other) <= 1e-5 * abs(f) for other in factors) for f in factors]
    most = max(agreeing)
    ones = sum(abs(f - 1.0) <= 1e-5 for f in factors)
    return 1.0 if most < 2 or ones == most else factors[agreeing.index(most)]
