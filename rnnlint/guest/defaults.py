"""Functions whose default arguments or decorators cannot be evaluated here are kept without them."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable

Holds = Callable[[ast.expr], bool]


def without_failing_defaults(statement: ast.stmt, holds: Holds) -> ast.stmt:
    """A copy of a definition in which every default that does not evaluate is None, and every such decorator
    is gone.

    Reaches the methods of a class. Only for a definition that has failed as it stands.
    """
    kept = copy.deepcopy(statement)
    for node in ast.walk(kept):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            _mend(node, holds)
    return kept


def _mend(function: ast.FunctionDef | ast.AsyncFunctionDef, holds: Holds) -> None:
    builtin = {"property", "staticmethod", "classmethod"}
    function.decorator_list = [
        decorator
        for decorator in function.decorator_list
        if (isinstance(decorator, ast.Name) and decorator.id in builtin)
        or (isinstance(decorator, ast.Attribute) and decorator.attr == "setter")
        or holds(decorator)
    ]
    arguments = function.args
    arguments.defaults = [default if holds(default) else _none(default) for default in arguments.defaults]
    arguments.kw_defaults = [
        default if default is None or holds(default) else _none(default) for default in arguments.kw_defaults
    ]


def _none(at: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Constant(None), at)
