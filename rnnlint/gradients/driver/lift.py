"""Writes a slice into its file as a function of its own, every kept line where it stood.

Errors, recorded values and trial texts then name the driver's own lines.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from pathlib import Path

from rnnlint.findings import Edit, Span
from rnnlint.fixes import apply_edits
from rnnlint.gradients.draft import Draft
from rnnlint.gradients.driver.find import Driver, backward_calls, drivers_of
from rnnlint.gradients.driver.names import root_of, statements_in
from rnnlint.gradients.driver.slice import Slice, cut
from rnnlint.gradients.driver.steps import (
    counting_steps,
    drawn_forms,
    numbers_by_step,
    one_hot_targets,
    renamed_data,
    single_targets,
)
from rnnlint.gradients.driver.write import RECORD, TAKEN, WATCHED, written
from rnnlint.gradients.forms import NumberForm
from rnnlint.gradients.library import Library
from rnnlint.gradients.passes import Pass, Style
from rnnlint.gradients.sizes import ONE, TIME, Size
from rnnlint.model.project import Project
from rnnlint.records import dataclass, replace
from rnnlint.verdicts import GradientCheck

SETUP = (
    "_steps_seen = {}",
    "_applied = {}",
    f"""def {WATCHED}(steps, names):
    import sys
    import numpy
    for step in steps:
        yield step
        values = sys._getframe(1).f_locals
        for name in names.split():
            if isinstance(values.get(name), (numpy.ndarray, float)):
                _steps_seen.setdefault(name, []).append(numpy.array(values[name]) * 1.0)""",
    f"""def {RECORD}(name, gradient):
    held = _applied.get(name, gradient * 0.0)
    if getattr(held, "shape", ()) != getattr(gradient, "shape", ()):
        name, held = name + str(len(_applied)), gradient * 0.0
    _applied[name] = held + gradient""",
    f"""def {TAKEN}(values, given, **more):
    found = {{**values, **more}}
    given = {{*given.split(), "self"}}
    taken = {{
        n: v * 1.0 if hasattr(v, "dtype") else list(v) if isinstance(v, list) else v
        for n, v in found.items()
        if not n.startswith("_") and n not in given
    }}
    taken["steps"] = dict(_steps_seen)
    taken.update(_applied)
    _steps_seen.clear()
    _applied.clear()
    return taken""",
)
"""What a lifted function calls: ``_watched`` keeps what a forward loop computed at each step, ``_record``
what an update would have applied, ``_taken`` gives both back with all variables."""


@dataclass(frozen=True)
class Lifted:
    """A project in which a driver's iteration is a function, and the pass that this makes."""

    project: Project
    original: Project
    driver: Driver
    slice: Slice
    pass_: Pass
    library: Library

    def drafts(self, made: Iterable[Draft]) -> list[Draft]:
        """The drafts that synthesis makes of the pass, and those with other forms that drivers know."""
        drafts = [self._draft(draft) for draft in made]
        return drafts + [other for draft in drafts if (other := single_targets(draft)) is not None]

    def _draft(self, draft: Draft) -> Draft:
        """What synthesis makes of the pass, with what the function calls and no gradient taken for state."""
        words = {name for name in self.driver.accumulators if root_of(name) == name}
        state = tuple(name for name in draft.globals_ if name not in words)
        holes = {
            **draft.holes,
            **one_hot_targets(self.slice, draft),
            **numbers_by_step(self.slice),
            **renamed_data(self.slice, draft, self.library),
        }
        for hole in draft.holes.keys() & {f"_in_{name}" for name in self._ones}:
            holes[hole] = NumberForm(ONE)
        setup = [line for line in draft.setup if line.partition(" = ")[0] not in self.step_counts]
        for name in sorted(self.step_counts - set(self.slice.holes)):
            holes[f"_in_{name}"] = NumberForm(Size.axis(TIME))
            setup.insert(0, f"{name} = _in_{name}")
        holes.update(drawn_forms(self.slice, holes))
        updated = {f"_in_{root_of(u.parameter)}" for u in self.driver.updates}
        data = tuple(f"_in_{name}" for name in self.slice.holes if f"_in_{name}" not in updated)
        return replace(draft, setup=(*SETUP, *setup), globals_=state, holes=holes, data=data)

    @property
    def _ones(self) -> frozenset[str]:
        """Sizes that the file sets to 1: part of the program, not of the data."""
        tree = self.library.trees[self.driver.path]
        found: set[str] = set()
        for statement in statements_in(tree.body):
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=1)):
                    found.add(name)
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                    found |= {
                        n.id
                        for n, v in zip(names, values, strict=False)
                        if isinstance(n, ast.Name) and isinstance(v, ast.Constant) and v.value == 1
                    }
                case _:
                    pass
        return frozenset(found)

    @property
    def step_counts(self) -> frozenset[str]:
        """Module variables that say over how many steps the forward goes."""
        return counting_steps(self.slice)

    def described(self, check: GradientCheck) -> GradientCheck:
        """A check in the driver's own words: where it stands and what of it was run."""
        title = self.driver.title
        called = next((c for n in backward_calls(self.driver) for c in self.library.functions_named(n)), None)
        return replace(
            check,
            id=f"{self.driver.path.name}:{self.driver.name}:{self.driver.line}",
            path=called.path if called is not None else self.driver.path,
            line=called.node.lineno if called is not None else self.driver.line,
            entry=title,
            ran=f"one iteration of {title if isinstance(self.driver.scope, ast.Module) else f'{title}()'}",
        )

    def rebased(self, project: Project) -> Lifted | None:
        """The same driver lifted in other texts of the project; None where it is not found."""
        there = replace(project, target=self.driver.path)
        found = lift(there, Library(_trees(project)), self.driver.path, self.driver.title)
        return found[0] if found else None

    def again(self, project: Project) -> Project:
        """The project of :meth:`rebased`; ``project`` itself where there is none."""
        found = self.rebased(project)
        return found.project if found is not None else project

    def moved(self, edits: Sequence[Edit]) -> list[Edit] | None:
        """Edits of the file as it stands in the columns of the lifted text; None where a line is another."""
        path = self.driver.path
        here = self.original.files[path].text.split("\n")
        there = self.project.files[path].text.split("\n")
        found: list[Edit] = []
        for edit in edits:
            span = edit.span
            shifts = {_shift(here, there, line) for line in range(span.line, span.end_line + 1)}
            shift = shifts.pop()
            if shifts or shift is None or (shift and "\n" in edit.text):
                return None
            column, end = max(1, span.column + shift), max(1, span.end_column + shift)
            found.append(replace(edit, span=Span(span.line, column, span.end_line, end)))
        return found

    def edited(self, edits: Sequence[Edit]) -> str | None:
        """The lifted text of the driver's file with edits made in the file as it stands."""
        path = self.driver.path
        text = apply_edits(self.original.files[path].text, edits)
        found = self.rebased(self.original.overlay({path: text}))
        return found.project.files[path].text if found is not None else None


def _shift(here: Sequence[str], there: Sequence[str], line: int) -> int | None:
    """By how many columns a line has moved; None where it has become another."""
    old, new = here[line - 1], there[line - 1]
    if old.strip() != new.strip():
        return None
    return (len(new) - len(new.lstrip())) - (len(old) - len(old.lstrip()))


def lifted_drivers(project: Project, library: Library) -> list[Lifted]:
    """The drivers of the target, then those of other files that call a backward pass of it, lifted."""
    found = lift(project, library, project.target)
    own = {c.name for c in library.of(project.target)}
    for path in library.trees:
        if path != project.target:
            there = replace(project, target=path)
            found += [lifted for lifted in lift(there, library, path) if backward_calls(lifted.driver) & own]
    return found


def lift(project: Project, library: Library, path: Path, title: str | None = None) -> list[Lifted]:
    """Every driver of one file, lifted."""
    found: list[Lifted] = []
    for driver in drivers_of(library, path):
        if title is not None and driver.title != title:
            continue
        made = _lifted(project, library, driver)
        if made is not None:
            found.append(made)
    return found


def _trees(project: Project) -> dict[Path, ast.Module]:
    return {path: ast.parse(held.text) for path, held in project.files.items() if held.problem is None}


def _lifted(project: Project, library: Library, driver: Driver) -> Lifted | None:
    slice_ = cut(library, driver)
    source = project.files[driver.path]
    text = written(source.text, slice_)
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    changed = project.overlay({driver.path: text})
    trees = {driver.path: tree, **{p: t for p, t in library.trees.items() if p != driver.path}}
    lifted_library = Library(trees)
    owner = driver.owner.name if driver.owner is not None else None
    callable_ = next(
        (
            c
            for c in lifted_library.of(driver.path)
            if c.name == driver.name and (c.owner.name if c.owner else None) == owner
        ),
        None,
    )
    if callable_ is None:
        return None
    return Lifted(changed, project, driver, slice_, Pass(callable_, None, Style.WHOLE), lifted_library)
