"""The driver's own sizes, which names replace: ``Net(3, 20)``, ``np.zeros((20, 1))``, ``range(10)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from rnnlint.gradients.driver.names import statements_in
from rnnlint.gradients.driver.updates import is_rate_name
from rnnlint.gradients.library import Library
from rnnlint.gradients.roles import Role, role_of

_MAKERS = frozenset(
    {
        "zeros",
        "ones",
        "empty",
        "full",
        "randn",
        "rand",
        "random",
        "normal",
        "uniform",
        "standard_normal",
        "eye",
    }
)
_LEAST = 3
"""A literal 1 is the program's own; a literal 2 is more often a number of things than a size."""


def opened_sizes(library: Library, statements: Sequence[ast.stmt]) -> dict[ast.AST, str]:
    """The literals among the statements that are sizes, with Python for what stands in their place."""
    numbers: dict[ast.Constant, int] = {}
    for statement in statements_in(statements):
        counts = _targets_counted(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and node not in counts:
                for literal in _sizes_given(library, node):
                    numbers[literal] = _number(literal)
    sizes = set(numbers.values())
    opened: dict[ast.AST, str] = {literal: name_of_size(number) for literal, number in numbers.items()}
    for statement in statements_in(statements):
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                opened.update(dict.fromkeys(_rates_given(library, node), "1.0"))
                for literal in _counted_down(node):
                    if _number(literal) + 1 in sizes:
                        opened[literal] = f"{name_of_size(_number(literal) + 1)} - 1"
                    else:
                        opened.pop(literal, None)
            elif isinstance(node, ast.Subscript):
                inside = (n for n in ast.walk(node.slice) if _is_size(n) and _number(n) in sizes)
                opened.update({literal: name_of_size(_number(literal)) for literal in inside})
    return opened


def name_of_size(number: int) -> str:
    """The variable that takes the place of a literal: equal numbers are taken for one size."""
    return f"literal_{number}_size"


def names_opened(opened: Mapping[ast.AST, str]) -> list[str]:
    """The variables that stand for literals."""
    return sorted({text.partition(" ")[0] for text in opened.values() if text.isidentifier()})


def _sizes_given(library: Library, call: ast.Call) -> Iterator[ast.Constant]:
    match call.func:
        case ast.Name(id="range" | "xrange"):
            given = call.args if len(call.args) == 1 else [a for a in call.args[1:2] if len(call.args) == 2]
            yield from (a for a in given if _is_size(a))
        case ast.Attribute(attr=name) if name in _MAKERS:
            tuples = [
                a
                for a in [*call.args, *(k.value for k in call.keywords)]
                if isinstance(a, ast.Tuple | ast.List)
            ]
            literals = [e for t in tuples for e in t.elts]
            if name in ("randn", "rand", "zeros", "ones", "empty", "eye"):
                literals += call.args
            yield from (e for e in literals if _is_size(e))
        case ast.Name(id=name) if (found := library.class_named(name)) is not None:
            init = library.method(*found, "__init__")
            if init is None:
                return
            for parameter, value in zip(init.parameters, call.args, strict=False):
                if _is_size(value) and role_of(parameter.name) in (Role.SIZE, Role.INPUT, Role.UNKNOWN):
                    yield value
            for keyword in call.keywords:
                if _is_size(keyword.value) and keyword.arg and role_of(keyword.arg) is Role.SIZE:
                    yield keyword.value
        case _:
            return


def _targets_counted(statement: ast.stmt) -> list[ast.expr]:
    """The ``range(3)`` of ``W, U, V = [make() for _ in range(3)]``: no size, but how many there are."""
    match statement:
        case ast.Assign(
            targets=[ast.Tuple() | ast.List()],
            value=ast.ListComp(generators=each) | ast.GeneratorExp(generators=each),
        ):
            return [generator.iter for generator in each]
        case _:
            return []


def _rates_given(library: Library, call: ast.Call) -> Iterator[ast.Constant]:
    """Learning rates that a driver gives: with 1, what a parameter loses is its gradient."""
    match call.func:
        case ast.Attribute(value=ast.Name(id=name), attr=method) if name in library.instances:
            callee = library.method(*library.instances[name], method)
        case ast.Name(id=name):
            callee = next((c for c in library.functions_named(name) if c.owner is None), None)
        case _:
            return
    for parameter, value in zip(callee.parameters if callee is not None else (), call.args, strict=False):
        if is_rate_name(parameter.name) and isinstance(value, ast.Constant):
            yield value


def _counted_down(call: ast.Call) -> Iterator[ast.Constant]:
    """The 9 of ``range(9, -1, -1)``."""
    match call:
        case ast.Call(
            func=ast.Name(id="range" | "xrange"),
            args=[ast.Constant() as first, _, ast.UnaryOp(op=ast.USub())],
        ) if _is_size(first):
            yield first
        case _:
            return


def _number(literal: ast.Constant) -> int:
    return literal.value if isinstance(literal.value, int) else 0


def _is_size(value: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(value, ast.Constant) and type(value.value) is int and value.value >= _LEAST
