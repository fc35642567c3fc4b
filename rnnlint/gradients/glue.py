"""How a forward's values reach its backward: read off a caller that joins the two, else off the names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from rnnlint.gradients.callables import Callable
from rnnlint.gradients.labels import own_nodes
from rnnlint.gradients.library import Library
from rnnlint.gradients.passes import Pass
from rnnlint.records import dataclass


@dataclass(frozen=True, slots=True)
class Output:
    """The forward's result, or its ``position``-th item."""

    position: int | None


@dataclass(frozen=True, slots=True)
class SameAs:
    """What the forward's parameter ``name`` was given."""

    name: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the instance."""

    name: str


Origin = Output | SameAs | Attribute


@dataclass(frozen=True, slots=True)
class Joint:
    """A caller's word on where the backward's arguments come from, by parameter name."""

    origins: Mapping[str, Origin]
    caller_names: Mapping[str, str]  # parameter -> the variable that the caller gives


def joint_of(library: Library, pass_: Pass) -> Joint | None:
    """The first place in the project that calls the forward and then the backward, as a map of arguments."""
    if pass_.forward is None:
        return None
    for body in bodies(library):
        calls = list(_calls(body))
        forward = _last_call(calls, pass_.forward)
        backward = next((c for c in calls if _is_call_of(c[0], pass_.backward)), None)
        if forward is None or backward is None:
            continue
        return _read(pass_, forward, backward[0])
    return None


def joint_statements(library: Library, pass_: Pass) -> Iterator[list[ast.stmt]]:
    """The blocks in which the project calls both passes one after the other."""
    for body in bodies(library):
        for node in own_nodes(body):
            for name in ("body", "orelse"):
                block = getattr(node, name, None)
                if isinstance(block, list) and _calls_both(block, pass_):
                    yield block
        block = getattr(body, "body", None)
        if isinstance(block, list) and _calls_both(block, pass_):
            yield block


def _calls_both(block: list[ast.stmt], pass_: Pass) -> bool:
    calls = [
        node.value
        for node in block
        if isinstance(node, ast.Assign | ast.Expr) and isinstance(node.value, ast.Call)
    ]
    forward = pass_.forward
    return (
        forward is not None
        and any(_is_call_of(call, forward) for call in calls)
        and any(_is_call_of(call, pass_.backward) for call in calls)
    )


def bodies(library: Library) -> Iterator[ast.AST]:
    """Whatever runs on its own: every callable, and every file's top level."""
    for callable_ in library.callables:
        yield callable_.node
    yield from library.trees.values()


def _calls(body: ast.AST) -> Iterator[tuple[ast.Call, ast.expr | None]]:
    """Calls in a body with the target of the assignment that each is the whole value of."""
    whole: dict[int, ast.expr] = {}
    nodes = list(own_nodes(body))
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            whole[id(node.value)] = node.targets[0]
    for node in nodes:
        if isinstance(node, ast.Call):
            yield node, whole.get(id(node))


def _last_call(
    calls: list[tuple[ast.Call, ast.expr | None]], wanted: Callable
) -> tuple[ast.Call, ast.expr | None] | None:
    fitting = [c for c in calls if _is_call_of(c[0], wanted)]
    return next((c for c in fitting if c[1] is not None), fitting[0] if fitting else None)


def _is_call_of(call: ast.Call, wanted: Callable) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return wanted.owner is None and function.id == wanted.name
    return isinstance(function, ast.Attribute) and wanted.owner is not None and function.attr == wanted.name


def _read(pass_: Pass, forward: tuple[ast.Call, ast.expr | None], backward: ast.Call) -> Joint:
    assert pass_.forward is not None
    call, target = forward
    outputs: dict[str, Output] = {}
    if isinstance(target, ast.Tuple):
        outputs = {e.id: Output(i) for i, e in enumerate(target.elts) if isinstance(e, ast.Name)}
    elif isinstance(target, ast.Name):
        outputs = {target.id: Output(None)}
    given = {
        value.id: SameAs(name)
        for name, value in bound(call, pass_.forward).items()
        if isinstance(value, ast.Name)
    }
    origins: dict[str, Origin] = {}
    names: dict[str, str] = {}
    for name, value in bound(backward, pass_.backward).items():
        if isinstance(value, ast.Name):
            names[name] = value.id
            origin = outputs.get(value.id) or given.get(value.id)
            if origin is not None:
                origins[name] = origin
        elif (
            isinstance(value, ast.Attribute)
            and isinstance(value.value, ast.Name)
            and pass_.backward.owner is not None
        ):
            origins[name] = Attribute(value.attr)
    return Joint(origins, names)


def bound(call: ast.Call, callee: Callable) -> dict[str, ast.expr]:
    """A call's arguments by the callee's parameter names."""
    bound: dict[str, ast.expr] = {}
    for parameter, value in zip(callee.parameters, call.args, strict=False):
        if isinstance(value, ast.Starred):
            break
        bound[parameter.name] = value
    bound.update({k.arg: k.value for k in call.keywords if k.arg})
    return bound
