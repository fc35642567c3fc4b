"""Small changes to the user's syntax trees, each at its own place: float64 for narrower type names, Python
2's division, no clipping of gradients.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, ItemsView, KeysView, ValuesView
from typing import Any

import numpy as np

DIVIDE, DIVIDE_IN_PLACE = "__python2_divide__", "__python2_divide_in_place__"
UNCLIPPED = "__unclipped__"
LISTED, RECODED = "__python2_listed__", "__python2_recoded__"
_NARROW_NAMES = frozenset({"float32", "float16", "np.float32", "np.float16"})
_NARROW_CODES = frozenset({"f", "f4", "<f4", ">f4", "=f4", "f2", "<f2", "e", "half", "single"})
_NARROW_LOOKING = re.compile(r"float|half|single|dtype|astype|[\"'][<>=]?[fe][24]?[\"']")
_TYPE_SECOND = frozenset(
    {"zeros", "ones", "empty", "array", "asarray", "full", "arange", "loadtxt", "fromstring"}
)


def may_name_narrow_types(text: str) -> bool:
    """Whether :func:`promote` might find anything: a look at the text, much cheaper than at the tree."""
    return _NARROW_LOOKING.search(text) is not None


def promote(tree: ast.AST) -> bool:
    """Turn type names of narrow floats into ``float64`` where they name a type; whether there was one."""
    promotion = _Promotion()
    promotion.visit(tree)
    return promotion.changed


def as_python2(tree: ast.AST) -> None:
    """Let ``/`` floor between whole numbers (unless the file imports ``division``) and a dict's views be
    lists.
    """
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    if not any(
        node.module == "__future__" and any(a.name == "division" for a in node.names) for node in imports
    ):
        _Division().visit(tree)
    _Views().visit(tree)
    ast.fix_missing_locations(tree)


def leave_unclipped(tree: ast.AST, calls: frozenset[str]) -> None:
    """Let NumPy's clip, where it stands in one of these ``calls`` ("np.clip(dW)", "dW.clip()"), do
    nothing.
    """
    _Clips(calls).visit(tree)


def unclipped(a: Any, *bounds: Any, out: Any = None, **named: Any) -> Any:
    """``np.clip(a, *bounds, out=out)`` with no bounds."""
    if out is None:
        return np.array(a)
    out[...] = a
    return out


def divide(a: Any, b: Any) -> Any:
    """Python 2's ``a / b``."""
    return a // b if _is_whole(a) and _is_whole(b) else a / b


def divide_in_place(a: Any, b: Any) -> Any:
    """Python 2's ``a /= b``."""
    if _is_whole(a) and _is_whole(b):
        a //= b
    else:
        a /= b
    return a


def listed(value: Any) -> Any:
    """Python 2's ``d.keys()``, ``d.values()`` and ``d.items()``, given Python 3's."""
    return list(value) if isinstance(value, (KeysView, ValuesView, ItemsView)) else value


def recoded(value: Any, method: str, *arguments: Any) -> Any:
    """``value.encode(…)`` or ``value.decode(…)``, which change nothing in a text that is Python 3's."""
    if isinstance(value, (str, bytes)):
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return getattr(value, method)(*arguments)


def _is_whole(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "iub"
    return isinstance(value, (int, np.integer))


class _Promotion(ast.NodeVisitor):
    def __init__(self) -> None:
        self.changed = False

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and node.value in _NARROW_NAMES:
            self._widen(node)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg == "dtype":
            self._widen_code(node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute):
            name = node.func.attr
            if name in ("astype", "dtype", "view"):
                for argument in node.args[:1]:
                    self._widen_code(argument)
            elif name in _TYPE_SECOND:
                for argument in node.args[1:]:
                    self._widen_code(argument)
        self.generic_visit(node)

    def _widen_code(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in _NARROW_CODES:
            self._widen(node)

    def _widen(self, node: ast.Constant) -> None:
        node.value = "float64"
        self.changed = True


class _Clips(ast.NodeVisitor):
    def __init__(self, calls: frozenset[str]) -> None:
        self._calls = calls

    def visit_Call(self, node: ast.Call) -> None:
        if node.args and f"{ast.unparse(node.func)}({ast.unparse(node.args[0])})" in self._calls:
            node.func = ast.copy_location(ast.Name(UNCLIPPED, ast.Load()), node.func)
        elif isinstance(node.func, ast.Attribute) and f"{ast.unparse(node.func)}()" in self._calls:
            node.args.insert(0, node.func.value)
            node.func = ast.copy_location(ast.Name(UNCLIPPED, ast.Load()), node.func)
        self.generic_visit(node)


class _Division(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        return _call(DIVIDE, node.left, node.right, at=node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        read = _reading(node.target)
        value = _call(DIVIDE_IN_PLACE, read, node.value, at=node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=value), node)


class _Views(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(attr="keys" | "values" | "items"), args=[], keywords=[]):
                return _call(LISTED, node, at=node)
            case ast.Call(func=ast.Attribute(value=text, attr="encode" | "decode" as name), keywords=[]):
                method = ast.copy_location(ast.Constant(name), node)
                return _call(RECODED, text, method, *node.args, at=node)
        return node


def _reading(target: ast.Name | ast.Attribute | ast.Subscript) -> ast.expr:
    match target:
        case ast.Name(id=name):
            return ast.copy_location(ast.Name(name, ast.Load()), target)
        case ast.Attribute(value=value, attr=attribute):
            return ast.copy_location(ast.Attribute(value, attribute, ast.Load()), target)
        case ast.Subscript(value=value, slice=index):
            return ast.copy_location(ast.Subscript(value, index, ast.Load()), target)


def _call(name: str, *arguments: ast.expr, at: ast.AST) -> ast.expr:
    function: ast.expr = ast.Name(name, ast.Load())
    return ast.copy_location(ast.Call(function, list(arguments), []), at)


NAMES: dict[str, Callable[..., Any]] = {
    UNCLIPPED: unclipped,
    DIVIDE: divide,
    DIVIDE_IN_PLACE: divide_in_place,
    LISTED: listed,
    RECODED: recoded,
}
"""The calls that are written into the user's files, for their built-in names."""
