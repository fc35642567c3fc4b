"""Cuts one iteration out of a driver: what runs, what was there before, and what is left open.

Walks outwards from the iteration's first statement. What earlier statements compute from sizes alone is kept;
weights and models become part of the set-up; everything that hangs on data becomes a hole.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Mapping
from functools import cached_property

from rnnlint.gradients.driver.find import Driver, is_clearing
from rnnlint.gradients.driver.names import (
    bound_in,
    free_in,
    name_of,
    read_in,
    root_of,
    statements_in,
    targets_of,
)
from rnnlint.gradients.driver.opened import opened_sizes
from rnnlint.gradients.driver.taint import constructs, tainted, touched_by, values_read_in
from rnnlint.gradients.driver.updates import Update
from rnnlint.gradients.library import Library
from rnnlint.gradients.roles import Role, role_of
from rnnlint.records import dataclass, field

_STARTING_CALL = re.compile(
    r"reset|clear|zero|init_?(hidden|state)|new_sequence|begin|^start|restart", re.IGNORECASE
)
_SHOWN = re.compile(
    r"^(print|display|show|plot|savefig|log|write|info|figure|pause|flush|set_description|update)$"
)
_NUMERICAL = re.compile(r"numerical|num_?grad|finite_diff|grad_?check", re.IGNORECASE)
_LASTING = (Role.WEIGHT, Role.BIAS, Role.BUNDLE)


@dataclass(frozen=True)
class Slice:
    """What one iteration consists of; all statements are the driver's own nodes."""

    driver: Driver
    setup: tuple[ast.stmt, ...]  # from inside the scope, to be made once: weights, models, sizes
    before: tuple[ast.stmt, ...]  # kept in front of the iteration
    body: tuple[ast.stmt, ...]
    records: tuple[Update, ...]  # updates of the body or after it, turned into records of their gradients
    resets: tuple[ast.stmt, ...]  # of gradients and models, after the updates
    holes: tuple[str, ...]
    sizes: tuple[str, ...] = ()  # of the scope's parameters that only the set-up reads
    shared: tuple[str, ...] = ()  # module variables that the iteration binds
    counters: tuple[
        tuple[int, str], ...
    ] = ()  # first values of loop variables, with the lines of their headers
    superseded: tuple[ast.stmt, ...] = ()  # the module's other assignments to what the iteration reads
    in_place: tuple[ast.stmt, ...] = ()  # the module's own assignments that the iteration builds upon
    opened: Mapping[ast.AST, str] = field(default_factory=dict)  # literals that are sizes
    counted: tuple[tuple[ast.stmt, str], ...] = ()  # lasting statements that read how long some data are
    shapes: Mapping[str, tuple[ast.expr, ...]] = field(
        default_factory=dict
    )  # of holes, as the driver draws them


def cut(library: Library, driver: Driver) -> Slice:
    """The slice of a driver."""
    return _Cutter(library, driver).cut()


@dataclass
class _Cutter:
    library: Library
    driver: Driver
    setup: list[ast.stmt] = field(default_factory=list)
    before: list[ast.stmt] = field(default_factory=list)
    holes: list[str] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    counters: list[tuple[int, str]] = field(default_factory=list)
    superseded: list[ast.stmt] = field(default_factory=list)
    counted: list[tuple[ast.stmt, str]] = field(default_factory=list)
    in_place: list[ast.stmt] = field(default_factory=list)
    lasting_needs: set[str] = field(default_factory=set)
    shapes: dict[str, tuple[ast.expr, ...]] = field(default_factory=dict)
    body_needs: set[str] = field(default_factory=set)

    def cut(self) -> Slice:
        driver = self.driver
        body = [s for s in driver.block[driver.first : driver.last + 1] if not _is_left_out(s)]
        after = driver.block[driver.last + 1 :]
        records, applied = self._records(body, after)
        last = max([driver.block[driver.last].lineno, *(u.statement.lineno for u in records)])
        resets = [
            s
            for s in after
            if s.lineno > last and (self._starts_over(s) or (is_clearing(s) and self._clears_gradient(s)))
        ]
        needed = (free_in([*body, *applied]) | self._own_attributes(body)) - self._given()
        self.body_needs = set(needed)
        self._walk(driver.block[: driver.first], needed, depth=len(driver.levels))
        for depth in range(len(driver.levels) - 1, -1, -1):
            level = driver.levels[depth]
            self._header(level.block[level.position], needed)
            self._walk(level.block[: level.position], needed, depth)
        self._parameters(needed)
        if self._is_module:
            self.sizes += sorted(
                n for n in needed if role_of(n) is Role.SIZE and n not in self._module_names()
            )
        return Slice(
            driver,
            tuple(self.setup),
            tuple(self.before),
            tuple(body),
            tuple(records),
            tuple(resets),
            self._in_order([*self.before, *body]),
            tuple(dict.fromkeys(self.sizes)),
            self._shared([*self.before, *body]),
            tuple(self.counters),
            tuple(self.superseded),
            tuple(self.in_place),
            opened_sizes(self.library, [*self.in_place, *self.setup, *self.before, *body]),
            tuple(self.counted),
            self.shapes,
        )

    def _in_order(self, statements: list[ast.stmt]) -> tuple[str, ...]:
        """The holes as the text comes to them."""
        places = {
            node.id: (node.lineno, node.col_offset)
            for statement in sorted(statements, key=lambda s: -s.lineno)
            for node in reversed(list(ast.walk(statement)))
            if isinstance(node, ast.Name)
        }
        return tuple(sorted(dict.fromkeys(self.holes), key=lambda name: places.get(name, (0, 0))))

    @cached_property
    def _data(self) -> set[str]:
        """The variables that hang on data where the iteration begins."""
        driver = self.driver
        found: set[str] = set()
        if isinstance(driver.scope, ast.FunctionDef):
            arguments = driver.scope.args
            names = [a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
            found = {n for n in names if role_of(n) not in (*_LASTING, Role.SIZE, Role.RATE) and n != "self"}
        for level in driver.levels:
            found = tainted(self.library, level.block[: level.position], found, self._lasting)
            header = level.block[level.position]
            bound = {t.id for t in targets_of(header) if isinstance(t, ast.Name)}
            found |= bound
        return tainted(self.library, driver.block[: driver.first], found, self._lasting)

    @cached_property
    def _lasting(self) -> frozenset[str]:
        """The roots of what is updated and of the gradients."""
        updated = {root_of(u.parameter) for u in self.driver.updates} | {
            root_of(a) for a in self.driver.accumulators
        }
        tree = self.library.trees[self.driver.path]
        body = self.driver.scope.body if isinstance(self.driver.scope, ast.FunctionDef) else tree.body
        named = set() if len(updated) > 1 else {n for n in bound_in(body) if role_of(n) in _LASTING}
        return frozenset(updated | named | {"self"})

    def _own_attributes(self, statements: list[ast.stmt]) -> set[str]:
        """``self.history`` and the like that the iteration reads."""
        if self.driver.owner is None:
            return set()
        return {n for s in statements for n in _dotted(s) if n.startswith("self.")}

    @property
    def _is_module(self) -> bool:
        return isinstance(self.driver.scope, ast.Module)

    def _module_names(self) -> set[str]:
        return bound_in(self.library.trees[self.driver.path].body)

    def _given(self) -> set[str]:
        """Variables that are there in any case: builtins, and what the module defines or imports."""
        tree = self.library.trees[self.driver.path]
        given = set(dir(builtins))
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Try):
                given |= bound_in([statement])
        if not self._is_module:
            assigned = {n for s in tree.body for n in bound_in([s])}
            scope = self.driver.scope
            local = (
                bound_in(scope.body) | {a.arg for a in scope.args.args}
                if isinstance(scope, ast.FunctionDef)
                else set()
            )
            given |= assigned - local
        if self.driver.owner is not None:
            given.add("self")
        return given

    def _records(self, body: list[ast.stmt], after: list[ast.stmt]) -> tuple[list[Update], list[ast.stmt]]:
        """The updates that nothing later in the iteration reads; the others stay as they are."""
        inside = {id(s) for s in statements_in(body)}
        behind = {id(s) for s in after}  # not what lies in branches and loops there
        found: list[Update] = []
        for update in self.driver.updates:
            if id(update.statement) in inside:
                line = update.statement.lineno
                later = [s for s in statements_in(body) if s.lineno > line and s is not update.statement]
                own = {id(u.statement) for u in self.driver.updates}
                if any(
                    update.parameter in _dotted(s)
                    for s in later
                    if id(s) not in own and not _holds(s, update)
                ):
                    continue
                found.append(update)
            elif id(update.statement) in behind:
                found.append(update)
        return found, [ast.Expr(u.gradient) for u in found]

    def _clears_gradient(self, statement: ast.stmt) -> bool:
        names = {name_of(t) for t in targets_of(statement)}
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            names = {name_of(statement.value.func).rpartition(".")[0]}
        return bool(names) and names <= self.driver.accumulators

    def _walk(self, statements: list[ast.stmt], needed: set[str], depth: int) -> None:
        """Statements before the iteration, last first; a module's own (depth 0) stay where they are."""
        in_place = depth == 0 and self._is_module and bool(self.driver.levels)
        settled: set[str] = set()
        for statement in reversed(statements):
            if self._starts_over(statement) and not in_place:
                self.before.insert(0, statement)
                needed |= free_in([statement]) - self._given()
                continue
            if in_place and isinstance(statement, ast.Assign) and bound_in([statement]) & settled:
                self.superseded.append(statement)
            bound = (_bound_or_touched(statement) | self._attributes_set(statement)) & needed
            if not bound:
                continue
            data = bound & self._data
            self._open(data, needed)
            lengths = self._lengths(statement) & self.lasting_needs
            self.sizes += sorted(lengths)
            if lengths and not bound & self.body_needs:
                needed -= lengths
                continue
            for name in data:
                shape = _drawn_shape(statement)
                if shape is not None:
                    self.shapes[name] = shape
            if in_place:
                needed -= bound_in([statement])
                if isinstance(statement, ast.Assign) and not data:
                    self.in_place.append(statement)
                if isinstance(statement, ast.Assign):
                    settled |= bound_in([statement])
                    needed |= self._needs_of_lasting(statement)
            elif data or isinstance(statement, ast.With | ast.Try | ast.While):
                self._open(bound, needed)
            elif not lengths and self._lasts(statement, bound, depth):
                self.setup.insert(0, statement)
                if (
                    self.driver.owner is not None
                    and bound & self.body_needs
                    and not self._attributes_set(statement)
                ):
                    self.before.insert(0, statement)
                    self.body_needs |= free_in([statement])
                self.lasting_needs |= free_in([statement])
                needed -= bound_in([statement])
                needed |= self._needs_of_lasting(statement)
            else:
                self.before.insert(0, statement)
                self._take_in(statement, needed)

    def _lengths(self, statement: ast.stmt) -> set[str]:
        """What a statement reads off the shapes of data."""
        if not isinstance(statement, ast.Assign):
            return set()
        values = values_read_in(statement.value)
        if read_in(statement.value) & self._data and not values & self._data:
            return bound_in([statement])
        return set()

    def _needs_of_lasting(self, statement: ast.stmt) -> set[str]:
        """What it reads, but for data whose length alone it reads."""
        names = free_in([statement]) - self._given()
        lengths = {n for n in names - values_read_in(statement) if n in self._data}
        self.counted += [(statement, name) for name in sorted(lengths)]
        return names - lengths

    def _take_in(self, statement: ast.stmt, needed: set[str]) -> None:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            needed -= {t.id for t in targets_of(statement) if isinstance(t, ast.Name)}
            needed -= self._attributes_set(statement)
        self.body_needs |= free_in([statement])
        needed |= free_in([statement]) - self._given()

    def _attributes_set(self, statement: ast.stmt) -> set[str]:
        if self.driver.owner is None:
            return set()
        return {n for t in targets_of(statement) if (n := name_of(t)).startswith("self.")}

    def _open(self, names: Iterable[str], needed: set[str]) -> None:
        """Data become holes; a size that was read off data is a size of its own."""
        for name in sorted(names):
            if role_of(name) is Role.SIZE and self.driver.owner is None:
                self.sizes.append(name)
            elif name not in self.holes:
                self.holes.append(name)
            needed.discard(name)

    def _header(self, statement: ast.stmt, needed: set[str]) -> None:
        """What a loop or ``with`` binds is data, but for a counter, which has its first value."""
        for name, first in _counters(statement):
            if name in needed:
                self.counters.append((statement.lineno, f"{name} = {first}"))
                needed.discard(name)
                needed |= read_in(ast.parse(first)) - self._given()
        bound = {t.id for t in targets_of(statement) if isinstance(t, ast.Name)} & needed
        self._open(bound, needed)

    def _parameters(self, needed: set[str]) -> None:
        scope = self.driver.scope
        if not isinstance(scope, ast.FunctionDef):
            return
        names = [a.arg for a in [*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs]]
        wanted = free_in([*self.before, *self.driver.block[self.driver.first : self.driver.last + 1]])
        for name in names:
            if name not in needed:
                continue
            if (name in wanted and name not in self.lasting_needs) or self.driver.owner is not None:
                self.holes.append(name)
            else:
                self.sizes.append(name)

    def _starts_over(self, statement: ast.stmt) -> bool:
        """``model.reset()``, of one object or of each: part of the protocol."""
        match statement:
            case ast.For(body=body, orelse=[]):
                return all(self._starts_over(inner) for inner in body)
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name), args=[])):
                return bool(_STARTING_CALL.search(name))
            case _:
                return False

    def _lasts(self, statement: ast.stmt, bound: set[str], depth: int) -> bool:
        """Weights, models and sizes outlast an iteration."""
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            return False
        if self.driver.owner is not None:
            updated = {u.parameter for u in self.driver.updates}
            return bool(bound & (updated | self.lasting_needs))
        if constructs(self.library, statement.value) or bound & self.lasting_needs:
            return True
        if depth == len(self.driver.levels) and depth > 0:
            return False
        if isinstance(statement.value, ast.Constant):
            return not bound <= self._lasting
        words = bound - {root_of(a) for a in self.driver.accumulators}
        return bool(words) and words <= self._lasting

    def _shared(self, statements: list[ast.stmt]) -> tuple[str, ...]:
        """Variables of the module or the set-up that the iteration reads and then binds."""
        tree = self.library.trees[self.driver.path]
        outside = bound_in(self.setup) | {n for s in tree.body for n in bound_in([s])}
        free = free_in(statements)
        return tuple(sorted((bound_in(statements) & free & outside) - set(self.holes)))


def _drawn_shape(statement: ast.stmt) -> tuple[ast.expr, ...] | None:
    """The shape of ``x = np.random.randn(n, d)``, ``random((n, d))``, ``rng.normal(size=(n, d))``."""
    match statement:
        case ast.Assign(targets=[ast.Name()], value=ast.Call(func=ast.Attribute(attr=name)) as call):
            pass
        case _:
            return None
    stated = next((k.value for k in call.keywords if k.arg == "size"), None)
    if stated is None and name in ("randn", "rand") and len(call.args) > 1:
        return tuple(call.args)
    if (
        stated is None
        and name in ("random", "zeros", "ones", "random_sample", "standard_normal")
        and call.args
    ):
        stated = call.args[0]
    if stated is None and name in ("normal", "uniform") and len(call.args) > 2:
        stated = call.args[2]
    return tuple(stated.elts) if isinstance(stated, ast.Tuple | ast.List) else None


def _counters(statement: ast.stmt) -> list[tuple[str, str]]:
    """The counters that a loop's header binds, with Python for their first values."""
    match statement:
        case ast.For(
            target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range" | "xrange"), args=arguments)
        ):
            return [(name, ast.unparse(arguments[0]) if len(arguments) > 1 else "0")]
        case ast.For(
            target=ast.Tuple(elts=[ast.Name(id=name), *_]), iter=ast.Call(func=ast.Name(id="enumerate"))
        ):
            return [(name, "0")]
        case _:
            return []


def _bound_or_touched(statement: ast.stmt) -> set[str]:
    return bound_in([statement]) | {n for s in statements_in([statement]) for n in touched_by(s)}


def _dotted(statement: ast.stmt) -> set[str]:
    return {
        name_of(n)
        for n in ast.walk(statement)
        if isinstance(n, ast.Name | ast.Attribute | ast.Subscript) and isinstance(n.ctx, ast.Load)
    }


def _holds(statement: ast.stmt, update: Update) -> bool:
    return any(inner is update.statement for inner in statements_in([statement]))


def _is_left_out(statement: ast.stmt) -> bool:
    """Printing, plotting, and jumps out of the iteration."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))):
            return bool(_SHOWN.match(name))
        case ast.Assign(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name))):
            return bool(_NUMERICAL.search(name))
        case ast.If(body=body, orelse=orelse):
            return all(_is_left_out(s) for s in [*body, *orelse])
        case ast.Break() | ast.Continue() | ast.Return() | ast.Pass() | ast.Raise():
            return True
        case _:
            return False


__all__ = ["Slice", "cut"]
