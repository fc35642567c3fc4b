"""Writes a slice into its file as a function of its own, every kept line where it stood.

Errors, recorded values and trial texts then name the driver's own lines.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from rnnlint.gradients.callables import Library
from rnnlint.gradients.driver.find import Driver, backward_calls, drivers_of
from rnnlint.gradients.driver.names import bound_in, last_word, name_of, root_of, statements_in
from rnnlint.gradients.driver.slice import Slice, cut
from rnnlint.gradients.driver.steps import counting_steps, drawn_forms, numbers_by_step, single_targets
from rnnlint.gradients.forms import NumberForm
from rnnlint.gradients.passes import Pass, Style
from rnnlint.gradients.sizes import ONE, TIME, Size
from rnnlint.gradients.synthesis import Draft
from rnnlint.model.project import Project
from rnnlint.verdicts import GradientCheck

WATCHED = "_watched"
RECORD = "_record"
TAKEN = "_taken"
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
    _applied[name] = _applied.get(name, 0) + gradient * 1.0""",
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
"""What a lifted function calls: ``_watched`` keeps what a forward loop computed at each step, ``_record`` what an
update would have applied, ``_taken`` gives both back with all variables."""


@dataclass(frozen=True)
class Lifted:
    """A project in which a driver's iteration is a function, and the pass that this makes."""

    project: Project
    driver: Driver
    slice: Slice
    pass_: Pass
    library: Library

    def drafts(self, made: Iterable[Draft]) -> list[Draft]:
        """The drafts that synthesis makes of the pass, and those with other forms that drivers know."""
        drafts = [self._draft(draft) for draft in made]
        return drafts + [other for draft in drafts if (other := single_targets(draft)) is not None]

    def _draft(self, draft: Draft) -> Draft:
        """What synthesis makes of the pass, with what the function calls, and without taking gradients for state."""
        words = {root_of(name) for name in self.driver.accumulators}
        state = tuple(name for name in draft.globals_ if name not in words)
        holes = {**draft.holes, **numbers_by_step(self.slice)}
        for hole in draft.holes.keys() & {f"_in_{name}" for name in self._ones}:
            holes[hole] = NumberForm(ONE)
        setup = [line for line in draft.setup if line.partition(" = ")[0] not in self.step_counts]
        for name in sorted(self.step_counts - set(self.slice.holes)):
            holes[f"_in_{name}"] = NumberForm(Size.axis(TIME))
            setup.append(f"{name} = _in_{name}")
        holes.update(drawn_forms(self.slice, holes))
        return replace(draft, setup=(*SETUP, *setup), globals_=state, holes=holes)

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

    def again(self, project: Project) -> Project:
        """The same driver lifted in other texts of the project; the project as it is where it is not found."""
        there = replace(project, target=self.driver.path)
        found = lift(there, Library(_trees(project)), self.driver.path, self.driver.title)
        return found[0].project if found else project


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
    text = _Writer(source.text, slice_).text()
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
    return Lifted(changed, driver, slice_, Pass(callable_, None, Style.WHOLE), lifted_library)


class _Writer:
    """Builds the text: the driver's region is blanked, then what is kept is written back on its lines."""

    def __init__(self, text: str, slice_: Slice) -> None:
        self._source = text.split("\n")
        self._slice = slice_
        self._driver = slice_.driver
        self._lines = list(self._source)
        self._indent = 8 if self._driver.owner is not None else 4

    def text(self) -> str:
        slice_ = self._slice
        start, end = self._region()
        for number in range(start, end + 1):
            self._lines[number - 1] = ""
        for statement in slice_.superseded:
            for number in range(statement.lineno, (statement.end_lineno or statement.lineno) + 1):
                self._lines[number - 1] = ""
        body = sorted([*slice_.before, *slice_.body], key=lambda s: (s.lineno, s.col_offset))
        behind = [u.statement for u in slice_.records if not _inside(u.statement, body)]
        trailing = list(dict.fromkeys(behind))
        for statement, name in slice_.counted:
            self._count(statement, name)
        for statement in body:
            self._put(statement)
        for statement in sorted([*trailing, *slice_.resets], key=lambda s: (s.lineno, s.col_offset)):
            self._put(statement)
        for line, text in slice_.counters:
            self._lines[line - 1] = " " * self._indent + text
        first = min([s.lineno for s in body] + [line for line, _ in slice_.counters])
        last = max((s.end_lineno or s.lineno) for s in [*body, *trailing])
        closing = " " * self._indent
        taken = f"{TAKEN}({self._variables()}, {' '.join(slice_.holes)!r}{self._more()})"
        if slice_.resets:
            self._insert_after(
                max((s.end_lineno or s.lineno) for s in slice_.resets), f"{closing}return _result"
            )
            self._insert_after(last, f"{closing}_result = {taken}")
        else:
            self._insert_after(last, f"{closing}return {taken}")
        self._insert_before(first, start, self._opening())
        return "\n".join(self._lines)

    def _count(self, statement: ast.stmt, name: str) -> None:
        """``Net(len(words))`` of the module reads a size of its own instead."""
        if statement in self._slice.setup:
            return
        start, end = statement.lineno, statement.end_lineno or statement.lineno
        for number in range(start, end + 1):
            self._lines[number - 1] = self._lines[number - 1].replace(f"len({name})", f"{name}_size")
        self._lines[start - 1] = f"{name}_size = 2; {self._lines[start - 1]}"

    def _variables(self) -> str:
        return "{**vars(self), **locals()}" if self._driver.owner is not None else "locals()"

    def _region(self) -> tuple[int, int]:
        driver = self._driver
        scope = driver.scope
        if isinstance(scope, ast.FunctionDef):
            return min(
                [scope.lineno, *(d.lineno for d in scope.decorator_list)]
            ), scope.end_lineno or scope.lineno
        if driver.levels:
            outermost = driver.levels[0].block[driver.levels[0].position]
            return outermost.lineno, outermost.end_lineno or outermost.lineno
        kept = driver.block[driver.first :]
        return kept[0].lineno, kept[-1].end_lineno or kept[-1].lineno

    def _opening(self) -> list[str]:
        outer = " " * (self._indent - 4)
        lines: list[str] = []
        own = ["self"] if self._driver.owner is not None else []
        made = [] if own else [f"{name} = 2" for name in self._slice.sizes]
        for statement in self._slice.setup:
            text = " ".join(ast.unparse(statement).split("\n"))
            for counted, name in self._slice.counted:
                if counted is statement:
                    text = f"{name}_size = 2; " + text.replace(f"len({name})", f"{name}_size")
            made.append(text)
        if made and own:
            parameters = ", ".join([*own, *self._slice.sizes])
            lines.append(f"{outer}def {self._driver.name}_setup({parameters}): {'; '.join(made)}")
        elif made:
            lines.append("; ".join(made))
        lines.append(f"{outer}def {self._driver.name}({', '.join([*own, *self._slice.holes])}):")
        if self._slice.shared:
            lines.append(f"{outer}    global {', '.join(self._slice.shared)}")
        return lines

    def _more(self) -> str:
        """Gradients that are no locals of the iteration."""
        kept = [*self._slice.before, *self._slice.body]
        local = (bound_in(kept) | set(self._slice.holes)) - set(self._slice.shared)
        outside = sorted(
            n for n in self._driver.accumulators if "." not in n and "[" not in n and n not in local
        )
        written = {name_of(t) for s in statements_in(kept) for t in _stored(s)}
        return "".join(f", {n}={n}" for n in outside if n in written)

    def _put(self, statement: ast.stmt) -> None:
        """Write a statement back on its lines, at the iteration's indentation, with its updates and loops marked."""
        start, end = statement.lineno, statement.end_lineno or statement.lineno
        lines = self._source[start - 1 : end]
        alone = not lines[0][: _column(lines[0], statement.col_offset)].strip()
        if not alone or self._shares_end(statement, lines[-1]):
            lines = (
                [ast.unparse(statement)] + [""] * (len(lines) - 1)
                if "\n" not in ast.unparse(statement)
                else lines
            )
            prefix = self._lines[start - 1]
            text = " " * self._indent + lines[0] if not prefix.strip() else f"{prefix}; {lines[0]}"
            self._lines[start - 1] = text
            return
        lines = self._marked(statement, list(lines))
        shift = self._indent - _column(self._source[start - 1], statement.col_offset)
        for offset, line in enumerate(lines):
            self._lines[start - 1 + offset] = _shifted(line, shift)

    def _shares_end(self, statement: ast.stmt, line: str) -> bool:
        rest = line[_column(line, statement.end_col_offset or 0) :].strip()
        return bool(rest) and not rest.startswith("#")

    def _marked(self, statement: ast.stmt, lines: list[str]) -> list[str]:
        first = statement.lineno
        for node, updates in groupby(self._slice.records, key=lambda u: u.statement):
            if not _inside(node, [statement]):
                continue
            text = "; ".join(
                f"{RECORD}({f'd{last_word(u.parameter)}'!r}, {ast.unparse(u.gradient)})" for u in updates
            )
            top, bottom = node.lineno - first, (node.end_lineno or node.lineno) - first
            start = _column(lines[top], node.col_offset)
            end = _column(lines[bottom], node.end_col_offset or 0)
            lines[top], rest = lines[top][:start] + text, lines[bottom][end:]
            lines[top] += rest
            for blank in range(top + 1, bottom + 1):
                lines[blank] = ""
        if isinstance(statement, ast.For) and statement in self._slice.body:
            names = sorted(n for n in bound_in([statement]) if not self._is_gradient(n))
            if names and not any(self._is_gradient(n) for n in bound_in([statement])):
                node_ = statement.iter
                top, bottom = node_.lineno - first, (node_.end_lineno or node_.lineno) - first
                end = _column(lines[bottom], node_.end_col_offset or 0)
                lines[bottom] = f"{lines[bottom][:end]}, {' '.join(names)!r}){lines[bottom][end:]}"
                start = _column(lines[top], node_.col_offset)
                lines[top] = f"{lines[top][:start]}{WATCHED}({lines[top][start:]}"
        return lines

    def _is_gradient(self, name: str) -> bool:
        return name in {root_of(a) for a in self._driver.accumulators}

    def _insert_before(self, line: int, start: int, texts: Sequence[str]) -> None:
        """Directly above a line: on blank lines of the region as far as there are any."""
        position = line - 1
        for text in reversed(texts):
            if position - 1 >= start - 1 and not self._lines[position - 1].strip():
                position -= 1
                self._lines[position] = text
            else:
                self._lines.insert(position, text)
                self._drop_blank(range(position - 1, -1, -1))
                position = next(i for i, held in enumerate(self._lines) if held is text)

    def _insert_after(self, line: int, text: str) -> None:
        if line < len(self._lines) and not self._lines[line].strip():
            self._lines[line] = text
        else:
            self._lines.insert(line, text)
            self._drop_blank(range(line + 1, len(self._lines)))

    def _drop_blank(self, positions: range) -> None:
        """Take out the nearest blank line, so that the lines beyond it keep their numbers."""
        for position in positions:
            if not self._lines[position].strip():
                del self._lines[position]
                return


def _inside(statement: ast.stmt, statements: Sequence[ast.stmt]) -> bool:
    return any(inner is statement for inner in statements_in(statements))


def _stored(statement: ast.stmt) -> list[ast.expr]:
    from rnnlint.gradients.driver.names import targets_of

    return list(targets_of(statement))


def _column(line: str, offset: int) -> int:
    """A column in characters from one in bytes."""
    return len(line.encode()[:offset].decode(errors="ignore"))


def _shifted(line: str, shift: int) -> str:
    if shift >= 0:
        return " " * shift + line if line.strip() else line
    blank = len(line) - len(line.lstrip())
    return line[min(-shift, blank) :]
