"""Finds where a file runs a recurrent network forward and backward: the innermost block that holds both."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from rnnlint.gradients.driver.names import blocks_of, last_word, name_of, read_in, statements_in, targets_of
from rnnlint.gradients.driver.taint import constructs
from rnnlint.gradients.driver.updates import Update, updates_in
from rnnlint.gradients.library import Library
from rnnlint.gradients.pairing import is_gradient_name, stem
from rnnlint.gradients.passes import is_named_backward
from rnnlint.gradients.roles import Role, role_of
from rnnlint.records import dataclass

Scope = ast.Module | ast.FunctionDef

_FORWARD_CALL = re.compile(
    r"for_?ward|fwd|feed|(^|_)fprop|unroll|x_list_add|__call__|^predict$|^step$", re.IGNORECASE
)
_LEARN_CALL = re.compile(r"y_list_is|^learn$|^train_step$|^bptt|back", re.IGNORECASE)
_NOT_A_DRIVER = re.compile(
    r"sample|predict|plot|accuracy|evaluate|numerical|grad_?check|check_?grad", re.IGNORECASE
)


@dataclass(frozen=True)
class Level:
    """A statement list on the way from a scope to the block, and where the way goes on."""

    block: list[ast.stmt]
    position: int


@dataclass(frozen=True)
class Driver:
    """One iteration: ``block[first : last + 1]``, from the first forward statement to the last gradient."""

    path: Path
    scope: Scope
    owner: ast.ClassDef | None
    levels: tuple[Level, ...]  # from the scope's body to the statement that holds the block
    block: list[ast.stmt]
    first: int
    last: int
    updates: tuple[Update, ...]
    accumulators: frozenset[str]  # dotted names of the parameters' gradients

    @property
    def name(self) -> str:
        """That of the function, or a word for a script's loop."""
        return self.scope.name if isinstance(self.scope, ast.FunctionDef) else "training_loop"

    @property
    def title(self) -> str:
        """How a report names it."""
        if isinstance(self.scope, ast.Module):
            where = f"line {self.line}"
            return f"the loop at {where}" if self.levels else f"the statements from {where}"
        return f"{self.owner.name}.{self.scope.name}" if self.owner else self.scope.name

    @property
    def line(self) -> int:
        """The line of the loop's header, or of the first statement."""
        if self.levels:
            outer = self.levels[-1]
            return outer.block[outer.position].lineno
        return self.block[self.first].lineno


def drivers_of(library: Library, path: Path) -> list[Driver]:
    """The drivers in one file, those with the most gradients first."""
    tree = library.trees[path]
    found: list[Driver] = []
    for scope, owner in _scopes(tree):
        if isinstance(scope, ast.FunctionDef) and (
            _NOT_A_DRIVER.search(scope.name) or _goes_back_itself(scope.name) or _uses_framework(scope)
        ):
            continue
        found += _Search(library, path, scope, owner).drivers()
    return sorted(found, key=lambda d: -len(d.accumulators))


def _scopes(tree: ast.Module) -> Iterator[tuple[Scope, ast.ClassDef | None]]:
    yield tree, None
    for statement in statements_in(tree.body):
        if isinstance(statement, ast.FunctionDef):
            yield statement, None
        elif isinstance(statement, ast.ClassDef):
            for member in statement.body:
                if isinstance(member, ast.FunctionDef):
                    yield member, statement


def _goes_back_itself(name: str) -> bool:
    """A backward pass is no driver of one; ``test_backward`` is."""
    return is_named_backward(name) and not re.match(r"test|check|try|run|demo", name, re.IGNORECASE)


def _uses_framework(scope: ast.FunctionDef) -> bool:
    return bool(read_in(scope) & {"torch", "tf", "keras", "tensorflow", "jax"})


@dataclass
class _Search:
    library: Library
    path: Path
    scope: Scope
    owner: ast.ClassDef | None

    def drivers(self) -> list[Driver]:
        return list(self._in(self.scope.body, ()))

    @cached_property
    def updates(self) -> tuple[Update, ...]:
        return tuple(updates_in(self.scope.body))

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Dotted names of what the scope updates, or else of what is named like a weight and read."""
        updated = {u.parameter for u in self.updates}
        if len(updated) > 1:
            return frozenset(updated)
        read = {
            name_of(node)
            for statement in statements_in(self.scope.body)
            for node in ast.walk(statement)
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
        }
        weights = {n for n in read if n and role_of(last_word(n)) in (Role.WEIGHT, Role.BIAS)}
        return frozenset(updated | weights)

    @cached_property
    def accumulators(self) -> frozenset[str]:
        """Dotted names of the parameters' gradients: those applied, and those named after a parameter."""
        words = {last_word(p).replace("_", "").lower() for p in self.parameters}
        applied = {
            name
            for update in self.updates
            if (name := name_of(_bare(update.gradient))) and name not in self.parameters
        }
        named = {
            name
            for statement in statements_in(self.scope.body)
            for target in targets_of(statement)
            if (name := name_of(target))
            and is_gradient_name(last_word(name))
            and stem(last_word(name)) in words
        }
        return frozenset((applied | named) - self.parameters)

    def _in(self, block: list[ast.stmt], levels: tuple[Level, ...]) -> Iterator[Driver]:
        inner: list[Driver] = []
        for position, statement in enumerate(block):
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            for deeper in blocks_of(statement):
                inner += self._in(deeper, (*levels, Level(block, position)))
        if inner:
            yield from inner
            return
        for start, end in self._rounds(block):
            found = self._at(block, levels, start, end)
            if found is not None:
                yield found

    def _rounds(self, block: list[ast.stmt]) -> Iterator[tuple[int, int]]:
        """Where a block calls forward and back several times, one after the other, each round by itself."""
        start, went_back = 0, False
        for index, statement in enumerate(block):
            calls_back = self._calls_back(statement)
            if went_back and not calls_back and self._calls_forward(statement):
                yield start, index
                start, went_back = index, False
            went_back = went_back or calls_back
        yield start, len(block)

    def _at(self, block: list[ast.stmt], levels: tuple[Level, ...], start: int, end: int) -> Driver | None:
        backward = [i for i in range(start, end) if self._goes_back(block[i])]
        if not backward:
            return None
        called = any(self._calls_back(block[i]) for i in backward)
        goes_forward = self._calls_forward if called else self._goes_forward
        forward = [i for i in range(start, backward[-1]) if i not in backward and goes_forward(block[i])]
        if not forward and any(self._does_both(name) for name in self._own_calls(block[backward[0]])):
            forward = backward[:1]
        if not forward or forward[0] > backward[0]:
            return None
        assigned = {n for i in backward for n in self._gradients_in(block[i])}
        updated = {u.parameter for u in self.updates if any(u.statement is s for s in statements_in(block))}
        if len(assigned) < 2 and len(updated) < 2 and not called:
            return None
        if not called and not self._is_recurrent(block):
            return None
        return Driver(
            self.path,
            self.scope,
            self.owner,
            levels,
            block,
            forward[0],
            backward[-1],
            self.updates,
            self.accumulators,
        )

    def _goes_back(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            return False
        return bool(self._gradients_in(statement)) or self._calls_back(statement)

    def _gradients_in(self, statement: ast.stmt) -> set[str]:
        """The parameters' gradients that a statement computes (not those that it only clears)."""
        found: set[str] = set()
        for inner in statements_in([statement]):
            if is_clearing(inner):
                continue
            found |= {n for t in targets_of(inner) if (n := name_of(t)) in self.accumulators or _is_entry(n)}
        return found

    def _does_both(self, function: str) -> bool:
        """Whether a function goes forward by itself before it goes back: over the steps up, then down."""
        return any(
            sum(isinstance(s, ast.For | ast.While) for s in statements_in(c.node.body)) >= 2
            for c in self.library.functions_named(function)
        )

    def _calls_back(self, statement: ast.stmt) -> bool:
        return any(is_named_backward(name) or _LEARN_CALL.search(name) for name in self._own_calls(statement))

    def _goes_forward(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) or is_clearing(statement):
            return False
        names = {
            name_of(n)
            for n in ast.walk(statement)
            if isinstance(n, ast.Name | ast.Attribute | ast.Subscript) and isinstance(n.ctx, ast.Load)
        }
        if names & self.parameters and not _is_shaping(statement):
            return True
        return self._calls_forward(statement) or any(
            self._reads_parameters(name) for name in self._own_calls(statement)
        )

    def _calls_forward(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            return False
        return any(
            _FORWARD_CALL.search(name) and not is_named_backward(name) for name in self._own_calls(statement)
        )

    def _reads_parameters(self, function: str) -> bool:
        return any(
            read_in(c.node) & self.parameters
            for c in self.library.functions_named(function)
            if c.path == self.path
        )

    def _own_calls(self, statement: ast.stmt) -> set[str]:
        """The project's callables that a statement calls, by name; ``__call__`` for an object."""
        called: set[str] = set()
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                match node.func:
                    case ast.Name(id=name) if name in self.objects:
                        called.add("__call__")
                    case ast.Name(id=name) | ast.Attribute(attr=name):
                        if self.library.functions_named(name):
                            called.add(name)
                    case _:
                        pass
        return called

    @cached_property
    def objects(self) -> frozenset[str]:
        """Variables that hold an instance of one of the project's classes."""
        return frozenset(
            target.id
            for statement in statements_in(self.library.trees[self.path].body)
            if isinstance(statement, ast.Assign) and constructs(self.library, statement.value)
            for target in statement.targets
            if isinstance(target, ast.Name)
        )

    def _is_recurrent(self, block: list[ast.stmt]) -> bool:
        """Whether the block, or a function that it calls, looks back by a step."""
        called = {c.node for s in block for n in self._own_calls(s) for c in self.library.functions_named(n)}
        bodies = [*block, *(statement for node in called for statement in node.body)]
        text = "\n".join(ast.unparse(s) for s in bodies)
        steps = re.search(
            r"prev|\[-1\]|\[-?\s*\(?\w+\s*[-+]\s*[12]\)?\]|reversed|::\s*-1|next|future|hidden", text
        )
        return bool(steps) and any(isinstance(s, ast.For | ast.While) for s in statements_in(bodies))


def backward_calls(driver: Driver) -> set[str]:
    """The names of what an iteration calls to go back."""
    return {
        name
        for statement in driver.block[driver.first : driver.last + 1]
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name | ast.Attribute)
        and is_named_backward(name := node.func.id if isinstance(node.func, ast.Name) else node.func.attr)
    }


def is_clearing(statement: ast.stmt) -> bool:
    """``dW = np.zeros(…)``, ``dW *= 0``, ``dW.fill(0)``."""
    match statement:
        case ast.AugAssign(op=ast.Mult(), value=ast.Constant(value=0 | 0.0)):
            return True
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return all(
                _is_zero(v)
                for v in (value.elts if isinstance(value, ast.Tuple | ast.List) and value.elts else [value])
            )
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="fill"), args=[ast.Constant(value=0 | 0.0)])):
            return True
        case _:
            return False


def _is_zero(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=0 | 0.0):
            return True
        case ast.Call(func=ast.Attribute(attr="zeros" | "zeros_like") | ast.Name(id="zeros" | "zeros_like")):
            return True
        case _:
            return False


def _is_entry(name: str) -> bool:
    """``grads['dW']``."""
    outer = name.partition("[")[0]
    return (
        outer != name and re.search(r"grad|^d_?(params|weights)", last_word(outer), re.IGNORECASE) is not None
    )


def _is_shaping(statement: ast.stmt) -> bool:
    """Reads parameters for their shapes alone: ``hidden = W.shape[0]``."""
    reading = [n for n in ast.walk(statement) if isinstance(n, ast.Attribute) and n.attr == "shape"]
    called = [n for n in ast.walk(statement) if isinstance(n, ast.Call | ast.BinOp)]
    return bool(reading) and not called


def _bare(gradient: ast.expr) -> ast.expr:
    return gradient.operand if isinstance(gradient, ast.UnaryOp) else gradient
