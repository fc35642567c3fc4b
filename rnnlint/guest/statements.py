"""Which top-level statements of a file are its definitions, to be executed, and which are its run, to be left
alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

_SETUP_METHODS = frozenset(
    "append extend insert update setdefault add sort reverse remove discard pop seed seterr".split()
)
_OUTPUT = frozenset({"print", "show", "plot", "savefig", "display"})


def is_definition(statement: ast.stmt, own_callables: frozenset[str]) -> bool:
    """Whether a top-level statement only sets something up.

    ``own_callables`` are the functions and classes that the project defines: a loop that calls one is taken
    for the training. Assignments are definitions whatever they call; the caller bounds their time.
    """
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return True
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method))):
            return method in _SETUP_METHODS
        case ast.For() | ast.With() | ast.Try():
            return _is_setup(statement, own_callables)
        case _:
            return False


def is_main_guard(statement: ast.If) -> bool:
    """``if __name__ == "__main__"``, either way round."""
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test))


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement would bind in its module, in order of the text."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in names)
        case ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def callables_defined(tree: ast.Module) -> Iterator[str]:
    """Names of the functions, methods and classes of a file. None is in an expression."""
    ahead: list[ast.AST] = [tree]
    while ahead:
        node = ahead.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        for name in _BODIES:
            ahead.extend(getattr(node, name, ()))


_BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where statements hold statements, and the branches of ``try`` and ``match``."""


def _is_setup(statement: ast.stmt, own_callables: frozenset[str]) -> bool:
    for node in ast.walk(statement):
        if isinstance(node, ast.While):
            return False
        if isinstance(node, ast.Call) and _called(node) in own_callables | _OUTPUT:
            return False
    return True


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""
