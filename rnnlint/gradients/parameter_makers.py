"""Parameters as the program itself makes them: ``params = init(n_in, n_hidden)`` before the pass.

Their shapes are then the program's own, and need not be solved.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.gradients.callables import Callable, Parameter
from rnnlint.gradients.glue import bodies, bound
from rnnlint.gradients.holes import role_in_use
from rnnlint.gradients.labels import label, own_nodes
from rnnlint.gradients.library import Library
from rnnlint.gradients.roles import Role, role_of
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class Maker:
    """A function of the project, and which of its results it is (None: its one result)."""

    function: Callable
    position: int | None = None


def maker_for(library: Library, callable_: Callable, parameter: Parameter) -> Maker | None:
    """What makes a dict or tuple of parameters, where a caller shows it and only sizes are asked for."""
    usage = library.usage(callable_, parameter.name)
    if not (usage.keys or len(usage.unpacked) >= 3) or role_in_use(usage, parameter.name) is not Role.BUNDLE:
        return None
    for scope in bodies(library):
        for argument in _given(scope, callable_, parameter):
            maker = _made_in(library, scope, argument)
            if maker is not None and maker.function.node is not callable_.node:
                return maker if _asks_for_sizes(library, maker.function) else None
    return None


def _given(scope: ast.AST, callable_: Callable, parameter: Parameter) -> Iterator[ast.expr]:
    """What calls in a scope give for a parameter."""
    for node in own_nodes(scope):
        if isinstance(node, ast.Call) and label(node.func) == callable_.name:
            given = bound(node, callable_).get(parameter.name)
            if given is not None:
                yield given


def _made_in(library: Library, scope: ast.AST, argument: ast.expr) -> Maker | None:
    if isinstance(argument, ast.Call):
        return _called(library, argument, None)
    if not isinstance(argument, ast.Name):
        return None
    for node in own_nodes(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if name == argument.id:
                maker = _called(library, call, None)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Call() as call):
                bound = [name.id if isinstance(name, ast.Name) else "" for name in names]
                maker = _called(library, call, bound.index(argument.id)) if argument.id in bound else None
            case _:
                maker = None
        if maker is not None:
            return maker
    return None


def _called(library: Library, call: ast.Call, position: int | None) -> Maker | None:
    if not isinstance(call.func, ast.Name):
        return None
    fitting = [c for c in library.functions_named(call.func.id) if c.owner is None]
    return Maker(fitting[0], position) if fitting else None


def _asks_for_sizes(library: Library, function: Callable) -> bool:
    return all(
        parameter.default is not None
        or role_of(parameter.name) in (Role.SIZE, Role.RATE)
        or library.usage(function, parameter.name).is_number
        for parameter in function.parameters
    )
