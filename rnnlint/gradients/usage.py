"""How the value of a parameter is used: iterated, indexed, unpacked, multiplied, read by keys."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from rnnlint.gradients.labels import label
from rnnlint.records import dataclass

TELLING = (
    ast.Assign,
    ast.Assert,
    ast.Subscript,
    ast.For,
    ast.comprehension,
    ast.Call,
    ast.BinOp,
    ast.Attribute,
)
"""What a use is read from."""


@dataclass(frozen=True)
class Usage:
    """How one parameter's value is used inside the callables it reaches."""

    shape_names: tuple[str, ...] = ()  # from ``N, T, D = x.shape``
    asserted: tuple[str, ...] = ()  # from ``assert x.shape == (V, 1)``
    unpacked: tuple[str, ...] = ()  # from ``W, b = p``
    keys: tuple[str, ...] = ()  # from ``p["Wf"]``
    attributes: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    is_index: bool = False  # used inside another's subscript
    is_sequence: bool = False  # iterated, or its len() taken
    is_order: bool = False  # says in which order the steps are gone through
    is_called: bool = False
    is_number: bool = False  # range(p), a shape's member
    time_axis: int | None = None  # x[:, t] → 1
    subscripts: int = 0  # the most members in one subscript
    whole_product: bool = False  # np.dot(W, x) of the whole value

    def merged(self, other: Usage) -> Usage:
        """Both, this one first."""
        return Usage(
            self.shape_names or other.shape_names,
            self.asserted or other.asserted,
            self.unpacked or other.unpacked,
            tuple(dict.fromkeys([*self.keys, *other.keys])),
            self.attributes | other.attributes,
            self.methods | other.methods,
            self.is_index or other.is_index,
            self.is_sequence or other.is_sequence,
            self.is_order or other.is_order,
            self.is_called or other.is_called,
            self.is_number or other.is_number,
            self.time_axis if self.time_axis is not None else other.time_axis,
            max(self.subscripts, other.subscripts),
            self.whole_product or other.whole_product,
        )


def _is_shape_of(node: ast.expr, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "shape"
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


_NOTHING = Usage()


def usage_in(nodes: Iterable[ast.AST], name: str) -> Usage:
    """How the nodes of one function use a name."""
    u = _NOTHING
    for node in nodes:
        here = _usage_at(node, name)
        if here is not _NOTHING:
            u = u.merged(here)
    return u


def _usage_at(node: ast.AST, name: str) -> Usage:
    def is_it(e: ast.expr | None) -> bool:
        return isinstance(e, ast.Name) and e.id == name

    match node:
        case ast.Assign(targets=[ast.Tuple(elts=elements) | ast.List(elts=elements)], value=value):
            names = tuple(label(e.value if isinstance(e, ast.Starred) else e) for e in elements)
            if _is_shape_of(value, name):
                return Usage(shape_names=names)
            if is_it(value) and not any(isinstance(e, ast.Starred) for e in elements):
                return Usage(unpacked=names)
        case ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Tuple(elts=elements)])):
            if _is_shape_of(left, name):
                return Usage(asserted=tuple(ast.unparse(e) for e in elements))
        case ast.Subscript(value=value, slice=index):
            inside = {n.id for n in ast.walk(index) if isinstance(n, ast.Name)}
            direct = [index, *(index.elts if isinstance(index, ast.Tuple) else [])]
            used_as_index = name in inside and any(
                is_it(d) or (isinstance(d, ast.Subscript) and is_it(d.value)) for d in direct
            )
            if used_as_index and not is_it(value):
                return Usage(is_index=True)
            if is_it(value):
                if isinstance(index, ast.Constant) and isinstance(index.value, str):
                    return Usage(keys=(index.value,))
                members = index.elts if isinstance(index, ast.Tuple) else [index]
                moving = [i for i, m in enumerate(members) if not isinstance(m, ast.Slice | ast.Constant)]
                return Usage(subscripts=len(members), time_axis=moving[0] if len(moving) == 1 else None)
        case ast.For(iter=iterated):
            if any(is_it(n) for n in [iterated, *_wrapped(iterated)]):
                return Usage(is_sequence=True, is_order=is_it(iterated) and _puts_in_order(node))
        case ast.comprehension(iter=iterated):
            if any(is_it(n) for n in [iterated, *_wrapped(iterated)]):
                return Usage(is_sequence=True)
        case ast.Call(func=ast.Name(id="len"), args=[argument]) if is_it(argument):
            return Usage(is_sequence=True)
        case ast.Call(func=function_node, args=[argument, *_]) if is_it(argument) and _is_one_hot(
            function_node
        ):
            return Usage(is_index=True)
        case ast.Call(func=ast.Name(id="range" | "xrange"), args=arguments) if any(
            is_it(a) for a in arguments
        ):
            return Usage(is_number=True)
        case ast.Call(func=function_node, args=arguments):
            if is_it(function_node):
                return Usage(is_called=True)
            if isinstance(function_node, ast.Attribute) and is_it(function_node.value):
                return Usage(methods=frozenset({function_node.attr}))
            given = [
                n for a in arguments for n in [a, *(a.elts if isinstance(a, ast.Tuple | ast.List) else [])]
            ]
            called = ast.unparse(function_node) if any(is_it(n) for n in given) else ""
            if called.endswith(("zeros", "empty", "ones", "eye", "full", "randn", "rand")):
                return Usage(is_number=True)
            if called.endswith((".dot", ".matmul")) and any(is_it(a) for a in arguments):
                return Usage(whole_product=True)
        case ast.BinOp(left=left, op=ast.MatMult(), right=right) if is_it(left) or is_it(right):
            return Usage(whole_product=True)
        case ast.Attribute(value=value, attr=attribute) if is_it(value):
            return Usage(attributes=frozenset({attribute}))
        case _:
            pass
    return _NOTHING


def _is_one_hot(function: ast.expr) -> bool:
    return bool(re.search(r"one_?hot", ast.unparse(function), re.IGNORECASE))


def _puts_in_order(loop: ast.For) -> bool:
    """Whether a loop puts each step's result in its place: ``for t in order: states[t] = h``, with ``states``
    from before the loop (``x[token] = 1`` marks a place in what the loop makes)."""
    stored = [n for n in ast.walk(loop) if isinstance(n, ast.Assign)]
    made = {t.id for node in stored for t in node.targets if isinstance(t, ast.Name)}
    return any(
        isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Name)
        and target.value.id not in made
        and ast.dump(target.slice) == ast.dump(loop.target).replace("Store", "Load")
        for node in stored
        for target in node.targets
    )


def _wrapped(node: ast.expr) -> list[ast.expr]:
    wraps = ("enumerate", "zip", "reversed", "iter", "list", "tuple")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in wraps:
        return [*node.args, *(n for a in node.args for n in _wrapped(a))]
    return []
