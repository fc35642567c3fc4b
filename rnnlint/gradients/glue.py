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
    entry = _entry_of(library, pass_.forward)
    for body in bodies(library):
        calls = list(_calls(body))
        backward = next((c for c in calls if _is_call_of(c[0], pass_.backward)), None)
        if backward is None:
            continue
        forward = _last_call(calls, entry, backward[0])
        if forward is not None:
            return _read(pass_, entry, forward, backward[0])
    return None


def joint_statements(library: Library, pass_: Pass) -> Iterator[list[ast.stmt]]:
    """The blocks in which the project calls both passes one after the other."""
    if pass_.forward is None:
        return
    entry = _entry_of(library, pass_.forward)
    for body in bodies(library):
        for node in own_nodes(body):
            for name in ("body", "orelse"):
                block = getattr(node, name, None)
                if isinstance(block, list) and _calls_both(block, pass_, entry):
                    yield block
        block = getattr(body, "body", None)
        if isinstance(block, list) and _calls_both(block, pass_, entry):
            yield block


def _calls_both(block: list[ast.stmt], pass_: Pass, entry: _Entry) -> bool:
    calls = [
        node.value
        for node in block
        if isinstance(node, ast.Assign | ast.Expr) and isinstance(node.value, ast.Call)
    ]
    backward = next((call for call in calls if _is_call_of(call, pass_.backward)), None)
    return backward is not None and any(entry.is_called(call, backward) for call in calls)


@dataclass(frozen=True, slots=True)
class _Entry:
    """How a forward pass is called: by its name, or by calling the object, whose ``__call__`` passes on."""

    forward: Callable
    called: Callable | None  # ``__call__`` of the forward's class
    inner: ast.Call | None  # the forward's call in it; None where it is the forward itself
    calls: frozenset[int]  # the calls, by identity, of an instance of the class

    def is_called(self, call: ast.Call, backward: ast.Call) -> bool:
        """Whether ``call`` runs the forward; an object is called where it is the ``backward``'s."""
        if _is_call_of(call, self.forward):
            return True
        return (
            self.called is not None
            and isinstance(backward.func, ast.Attribute)
            and id(call) in self.calls
            and ast.unparse(backward.func.value) == ast.unparse(call.func)
        )

    def bound(self, call: ast.Call) -> dict[str, ast.expr]:
        """What the forward's parameters are given by a call of either kind."""
        named = _is_call_of(call, self.forward)
        if named or self.called is None or self.inner is None or not self.called.parameters:
            return bound(call, self.forward)
        given = bound(call, self.called)
        return {
            name: given[value.id]
            for name, value in bound(self.inner, self.forward).items()
            if isinstance(value, ast.Name) and value.id in given
        }


def _entry_of(library: Library, forward: Callable) -> _Entry:
    owner = forward.owner
    called = library.method(forward.path, owner, "__call__") if owner is not None else None
    if owner is None or called is None:
        return _Entry(forward, None, None, frozenset())
    calls = frozenset(_calls_of_instances(library, owner))
    if called.node is forward.node:
        return _Entry(forward, called, None, calls)
    for node in own_nodes(called.node):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)) if name == forward.name:
                return _Entry(forward, called, node, calls)
            case _:
                pass
    return _Entry(forward, None, None, frozenset())


def _calls_of_instances(library: Library, owner: ast.ClassDef) -> Iterator[int]:
    """The calls of what was last set to an instance of a class, or of one that inherits from it."""
    for tree in library.trees.values():
        nodes = list(ast.walk(tree))
        made = sorted((held for node in nodes if (held := _held(library, node)) is not None), key=_line)
        wanted = {held.name for held in made if owner in (held.class_, *library.bases(held.class_))}
        for node in nodes:
            if not isinstance(node, ast.Call) or not wanted or ast.unparse(node.func) not in wanted:
                continue
            same = [held for held in made if held.name == ast.unparse(node.func)]
            last = next((held for held in reversed(same) if held.line < node.lineno), same[0])
            if owner in (last.class_, *library.bases(last.class_)):
                yield id(node)


@dataclass(frozen=True, slots=True)
class _Held:
    """``rnn = Unfold(…)``: what holds the new instance, and its class."""

    line: int
    name: str
    class_: ast.ClassDef


def _line(held: _Held) -> int:
    return held.line


def _held(library: Library, node: ast.AST) -> _Held | None:
    match node:
        case (
            ast.Assign(targets=[target], value=ast.Call(func=ast.Name(id=made) | ast.Attribute(attr=made)))
            | ast.AnnAssign(target=target, value=ast.Call(func=ast.Name(id=made) | ast.Attribute(attr=made)))
        ):
            found = library.class_named(made)
            return _Held(target.lineno, ast.unparse(target), found[1]) if found is not None else None
        case _:
            return None


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
    calls: list[tuple[ast.Call, ast.expr | None]], entry: _Entry, backward: ast.Call
) -> tuple[ast.Call, ast.expr | None] | None:
    fitting = [c for c in calls if entry.is_called(c[0], backward)]
    return next((c for c in fitting if c[1] is not None), fitting[0] if fitting else None)


def _is_call_of(call: ast.Call, wanted: Callable) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return wanted.owner is None and function.id == wanted.name
    return isinstance(function, ast.Attribute) and wanted.owner is not None and function.attr == wanted.name


def _read(pass_: Pass, entry: _Entry, forward: tuple[ast.Call, ast.expr | None], backward: ast.Call) -> Joint:
    call, target = forward
    outputs: dict[str, Output] = {}
    if isinstance(target, ast.Tuple):
        outputs = {e.id: Output(i) for i, e in enumerate(target.elts) if isinstance(e, ast.Name)}
    elif isinstance(target, ast.Name):
        outputs = {target.id: Output(None)}
    given = {
        value.id: SameAs(name) for name, value in entry.bound(call).items() if isinstance(value, ast.Name)
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
