"""What the expressions of a function are called, read off its syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Every node of a function, not those of functions and classes inside it."""
    waiting = list(ast.iter_child_nodes(function))[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += list(ast.iter_child_nodes(node))[::-1]


def names_of(value: ast.expr, assigned: Mapping[str, ast.expr]) -> Iterator[str]:
    """The names of a returned value's items; ``assigned`` are the function's variables."""
    if isinstance(value, ast.Tuple | ast.List) and not any(isinstance(e, ast.Starred) for e in value.elts):
        for element in value.elts:
            yield label(element) or _only_gradient(element)
    elif isinstance(value, ast.Name) and isinstance(assigned.get(value.id), ast.Tuple):
        yield from names_of(assigned[value.id], {})
    else:
        yield label(value) or _only_gradient(value)


def _only_gradient(node: ast.expr) -> str:
    """The one gradient that an expression is made of: ``dW / N``, ``np.clip(dW, -1, 1)``, ``-dW``: "dW"."""
    names = {label(n) for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)}
    marked = {name for name in names if re.match(r"d_?[A-Za-z]|grad|delta|\w+_d$|\w+_grad$", name)}
    return marked.pop() if len(marked) == 1 else ""


def label(node: ast.expr) -> str:
    """A name for an expression: ``self.hs`` and ``hs[-1]`` are both "hs"; others have none."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Subscript(value=inner):
            return label(inner)
        case ast.Call(func=ast.Attribute(value=inner, attr="copy" | "reshape" | "astype")):
            return label(inner)
        case _:
            return ""
