"""Which of a driver's variables hang on its data: those become holes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from rnnlint.gradients.driver.names import bound_in, read_in, root_of, statements_in, targets_of
from rnnlint.gradients.library import Library
from rnnlint.gradients.roles import Role, role_of

_DATA_CALL = re.compile(
    r"open|load|read|next|random|shuffle|choice|sample|batch|(^|[._])get_|generate|fetch|split|make_|data|download|parse"
    r"|linspace|arange|(^|\.)(sin|cos)$",
    re.IGNORECASE,
)
_OF_SHAPE = frozenset({"len", "zeros_like", "empty_like", "ones_like", "shape", "range"})
_DATA_ROLES = (Role.INPUT, Role.TARGET)


def reads_data(library: Library, value: ast.AST) -> bool:
    """Whether an expression opens, draws or fetches anything itself."""
    return any(
        isinstance(node, ast.Call)
        and _DATA_CALL.search(ast.unparse(node.func))
        and not constructs(library, node)
        for node in ast.walk(value)
    )


def constructs(library: Library, value: ast.AST) -> bool:
    """Whether an expression makes an object of one of the project's classes."""
    return any(
        isinstance(n, ast.Call)
        and isinstance(n.func, ast.Name)
        and library.class_named(n.func.id) is not None
        for n in ast.walk(value)
    )


def tainted(
    library: Library, statements: Iterable[ast.stmt], already: Iterable[str], lasting: frozenset[str]
) -> set[str]:
    """The variables that hang on data after the statements.

    Those ``already`` named did before; ``lasting`` ones never do.
    """
    found = set(already)
    straight = list(statements)
    for statement in statements_in(straight):
        bound = bound_in([statement]) if not isinstance(statement, ast.If) else set()
        touched = bound | touched_by(statement)
        value = _value(statement)
        if value is None or not touched:
            continue
        if constructs(library, value):
            continue
        drawn = reads_data(library, value) or bool(values_read_in(value) & found)
        if (
            any(statement is s for s in straight)
            and isinstance(statement, ast.Assign)
            and not touched_by(statement)
        ):
            found -= touched  # what they held before is gone
        literal = isinstance(value, ast.Constant) or (isinstance(statement, ast.Assign) and _is_empty(value))
        for name in touched - lasting:
            if drawn or (
                role_of(name) in _DATA_ROLES and not literal and not name.isupper() and not _is_made(value)
            ):
                found.add(name)
    return found - lasting


def touched_by(statement: ast.stmt) -> set[str]:
    """The variables whose elements or attributes a simple statement sets, or whose methods it calls."""
    found = {root_of(ast.unparse(_root(t))) for t in targets_of(statement) if not isinstance(t, ast.Name)}
    match statement:
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=owner, attr="append" | "extend" | "insert" | "fill"))
        ):
            found.add(root_of(ast.unparse(_root(owner))))
        case _:
            pass
    return found


def values_read_in(node: ast.AST) -> set[str]:
    """The variables whose values are read, not only their shapes."""
    shapes: set[str] = set()
    values: set[str] = set()
    waiting: list[ast.AST] = [node]
    while waiting:
        inner = waiting.pop()
        match inner:
            case ast.Attribute(attr="shape" | "size" | "ndim" | "dtype", value=value):
                shapes |= read_in(value)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _OF_SHAPE:
                shapes |= read_in(inner)
            case ast.Name(id=name, ctx=ast.Load()):
                values.add(name)
            case _:
                waiting += ast.iter_child_nodes(inner)
    return values & read_in(node)


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
        node = node.value
    return node


def _value(statement: ast.stmt) -> ast.expr | None:
    match statement:
        case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return value
        case ast.Expr(value=ast.Call() as call):
            return call
        case ast.For(iter=iterated):
            return iterated
        case ast.With(items=[item, *_]):
            return item.context_expr
        case _:
            return None


def _is_empty(value: ast.expr) -> bool:
    match value:
        case ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
        case ast.Call(func=ast.Name(id="list" | "dict"), args=[]):
            return True
        case ast.Tuple(elts=elements):
            return bool(elements) and all(_is_empty(e) for e in elements)
        case _:
            return False


def _is_made(value: ast.expr) -> bool:
    """Zeros to be written into."""
    return isinstance(value, ast.Call) and ast.unparse(value.func).endswith(
        ("zeros", "empty", "zeros_like", "empty_like")
    )
