"""Which of a forward's outputs is meant: by the name of a cotangent, of a cache, of a variable."""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterator

from rnnlint.gradients.callables import Callable
from rnnlint.gradients.draft import FORWARD, MODEL
from rnnlint.gradients.labels import label, own_nodes
from rnnlint.gradients.roles import Role, role_of


def item(forward: Callable, position: int) -> str:
    """Python for the forward's result, or for one of several."""
    return FORWARD if len(forward.returned) <= 1 else f"{FORWARD}[{position}]"


def cache(forward: Callable) -> str:
    """Python for what a forward leaves to its backward: the last result that is called so, else the last."""
    for position, name in reversed(list(enumerate(forward.returned))):
        if role_of(name) is Role.CACHE:
            return item(forward, position)
    return item(forward, len(forward.returned) - 1) if forward.returned else FORWARD


def output_of(name: str, forward: Callable, order: int, kept: Container[str]) -> tuple[str, bool]:
    """The output that a cotangent belongs to, and whether that is a guess.

    By name, by kind of state, else by ``order`` among the cotangents; ``kept`` are the attributes that the
    passes set.
    """
    names = [n for n in forward.returned if role_of(n) is not Role.CACHE]
    stem = re.sub(r"^(d_?l?_?d?_?|grad_?|top_diff_|delta_)", "", name.lower())
    stem = re.sub(r"^(next|new|cur(rent)?)_?(?=.)|_?(next|new|out|in|t)$", "", stem) or stem
    if not forward.returned and forward.owner is not None:
        return _stored(forward, stem), False
    if len(forward.returned) <= 1 and order == 0:
        return FORWARD, False
    if len(forward.returned) <= 1:  # a second one: of a state that the object keeps
        return (f"{MODEL}.{stem}", False) if stem in kept else (FORWARD, True)
    for position, returned in enumerate(forward.returned):
        if returned.lower() in (stem, f"{stem}_next", f"next_{stem}", f"{stem}s", f"{stem}_out"):
            return item(forward, position), False
    cell = bool(re.search(r"(^|_)d?c(?!ur)|cell", stem))
    for position, returned in enumerate(forward.returned):
        is_cell = bool(re.match(r"(next_|prev_)?c(ell|_|$|t)|.*cell", returned.lower()))
        if returned in names and is_cell == cell and (cell or order == 0):
            return item(forward, position), False
    return item(forward, min(order, len(forward.returned) - 1)), False


def without_initial_state(forward: Callable, output: str) -> str | None:
    """Python for the steps' own states in an output that holds the initial one beside them; None where none
    does: ``H = np.zeros((T + 1, N, M))``, ``hs = [h0]``."""
    nodes = list(own_nodes(forward.node))
    whole = {
        label(part) for node in nodes if isinstance(node, ast.Return) for part in _whole_parts(node.value)
    }
    name = next((n for i, n in enumerate(forward.returned) if item(forward, i) == output and n in whole), "")
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name() | ast.Attribute() as target], value=value) if (
                name and label(target) == name
            ):
                axis = _axis_longer_by_one(value)
                if axis is not None:
                    cut = ":-1" if _is_begun_at_the_end(nodes, name) else "1:"
                    return f"{output}[{':, ' * axis}{cut}]"
                if isinstance(value, ast.List) and len(value.elts) == 1:
                    return f"{output}[1:]"
            case _:
                pass
    return None


def _whole_parts(value: ast.expr | None) -> list[ast.expr]:
    """The items of what is returned that are variables as they are, not ``hs[-1]``."""
    parts = value.elts if isinstance(value, ast.Tuple) else [value] if value is not None else []
    return [part for part in parts if isinstance(part, ast.Name | ast.Attribute)]


def _axis_longer_by_one(value: ast.expr) -> int | None:
    """The axis of T + 1 in ``np.zeros((T + 1, N, M))``."""
    match value:
        case ast.Call(args=[ast.Tuple(elts=sizes), *_]):
            for axis, size in enumerate(sizes):
                match size:
                    case ast.BinOp(op=ast.Add(), right=ast.Constant(value=1)):
                        return axis
                    case _:
                        pass
    return None


def _is_begun_at_the_end(nodes: list[ast.AST], name: str) -> bool:
    """Whether the initial state stands last, where ``H[t - 1]`` finds it: ``H[-1] = h0``, or left at zero."""
    subscripts = [n for n in nodes if isinstance(n, ast.Subscript) and label(n.value) == name]
    places = [
        n.slice.elts[0] if isinstance(n.slice, ast.Tuple) and n.slice.elts else n.slice for n in subscripts
    ]
    written = [p for n, p in zip(subscripts, places, strict=True) if isinstance(n.ctx, ast.Store)]
    if any(ast.unparse(place) == "-1" for place in written):
        return True
    if any(ast.unparse(place) == "0" for place in written):
        return False
    return any(isinstance(p, ast.BinOp) and isinstance(p.op, ast.Sub) for p in places)


def _stored(forward: Callable, stem: str) -> str:
    """The attribute in which a forward that returns nothing leaves the output that a cotangent belongs to."""
    stored = [
        ast.unparse(target).replace("self.", f"{MODEL}.", 1)
        for node in ast.walk(forward.node)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and ast.unparse(target).startswith("self.")
    ]
    for text in reversed(stored):
        if text.rpartition(".")[2].lower() in (stem, f"{stem}_t", f"{stem}t"):
            return text
    outputs = [t for t in stored if role_of(t.rpartition(".")[2]) in (Role.HIDDEN_STATE, Role.TARGET)]
    return outputs[-1] if outputs else stored[-1] if stored else FORWARD


def spellings(name: str) -> Iterator[str]:
    """The names under which a forward may return what its backward calls ``name``."""
    yield name
    yield f"{name}_s"
    yield f"{name}s"
    yield f"{name}_t"
    if name.endswith("s") and len(name) > 2:
        yield name[:-1]
