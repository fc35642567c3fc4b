"""Layer objects that keep their last input alone, and loops that go back through every step with it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.model.program import Program
from rnnlint.records import dataclass
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module


@dataclass(frozen=True, slots=True)
class StaleLayers:
    """``calls``: the layers' backward passes in one loop over the steps, without their step's values.

    ``memories`` names, for each, the attribute that the layer's forward pass overwrites every time.
    """

    calls: tuple[tree.Call, ...]
    layers: tuple[str, ...]
    memories: tuple[str, ...]


def stale_layers(program: Program) -> Iterator[StaleLayers]:
    """The loops of the target's classes that call layers backward which were called forward in a loop.

    A layer whose class is not of the project is no layer here: what it remembers is not seen. A layer that
    the loop gives its values back, by an attribute, another call or an object of each step, is none either.
    """
    for owner in program.target.classes.values():
        layers = dict(_layers(program, owner))
        if not layers:
            continue
        forward = {name for loop in _loops(owner, _FORWARD) for name, _ in _calls(loop, _FORWARD)}
        for loop in _loops(owner, _BACKWARD):
            stale = [
                (call, name, layers[name])
                for name, call in _calls(loop, _BACKWARD)
                if name in layers and name in forward and not _is_restored(owner, loop, name)
            ]
            if stale:
                yield StaleLayers(*(tuple(each) for each in zip(*stale, strict=True)))


def _layers(program: Program, owner: tree.Class) -> Iterator[tuple[str, str]]:
    """The attributes that hold an object which remembers its last input, and what it remembers it as."""
    for method in owner.methods.values():
        for node in method.walk():
            match node:
                case tree.Assign(
                    targets=(tree.Attribute(value=tree.Name(id="self"), attr=name),),
                    value=tree.Call(function=tree.Name(id=made)),
                ):
                    found = program.class_named(program.target, made)
                    memory = _memory(program, *found) if found else None
                    if memory is not None:
                        yield name, memory


def _memory(program: Program, layer: tree.Class, module: Module) -> str | None:
    """An attribute that the layer's forward pass sets from its input and its backward pass reads."""
    forward = program.method(layer, module, "forward") or program.method(layer, module, "__call__")
    backward = program.method(layer, module, "backward")
    if forward is None or backward is None:
        return None
    read = {name for node in backward.function.walk() if (name := _attribute_of_self(node))}
    for node in forward.function.walk():
        match node:
            case tree.Assign(targets=(target,), value=value):
                name = _attribute_of_self(target)
                if name in read and _is_made_of_values(value):
                    return name
    return None


def _is_made_of_values(value: tree.Expression) -> bool:
    """Whether it holds a variable's value, and not a size, which is the same at every step."""
    nodes = tuple(value.walk())
    sizes = any(isinstance(node, tree.Attribute) and node.attr in ("shape", "size", "ndim") for node in nodes)
    return not sizes and any(isinstance(node, tree.Name) and node.id != "self" for node in nodes)


def _loops(owner: tree.Class, named: re.Pattern[str]) -> Iterator[tree.For | tree.While]:
    for method in owner.methods.values():
        if named.search(method.name):
            yield from (node for node in method.walk() if isinstance(node, tree.For | tree.While))


def _calls(loop: tree.For | tree.While, named: re.Pattern[str]) -> Iterator[tuple[str, tree.Call]]:
    """The calls ``self.layer.backward(…)`` in a loop, and ``self.layer(…)`` for the way forward."""
    for node in loop.walk():
        match node:
            case tree.Call(function=tree.Attribute(value=held, attr=attr)) if (
                layer := _attribute_of_self(held)
            ) and named.search(attr):
                yield layer, node
            case tree.Call(function=held) if named is _FORWARD and (layer := _attribute_of_self(held)):
                yield layer, node


def _is_restored(owner: tree.Class, loop: tree.For | tree.While, layer: str) -> bool:
    """Whether the loop, or a method that it calls, does anything with the layer but take it backward."""
    methods = [owner.methods[name] for node in loop.walk() if (name := _own_method(owner, node))]
    return any(_changes(node, layer) for body in (loop, *methods) for node in _without_backward(body, layer))


def _own_method(owner: tree.Class, node: tree.Node) -> str | None:
    match node:
        case tree.Call(function=function):
            name = _attribute_of_self(function)
            return name if name in owner.methods else None
    return None


def _without_backward(node: tree.Node, layer: str) -> Iterator[tree.Node]:
    """The nodes inside, but for the layer's own ``backward`` and the reading of what that left behind."""
    match node:
        case tree.Call(function=tree.Attribute(value=held, attr=attr)) if _attribute_of_self(
            held
        ) == layer and _BACKWARD.search(attr):
            inside: tuple[tree.Node, ...] = (*node.arguments, *node.keywords)
        case tree.Attribute(value=held) if _attribute_of_self(held) == layer:
            inside = ()
        case _:
            inside = tuple(node.children)
            yield node
    for each in inside:
        yield from _without_backward(each, layer)


def _changes(node: tree.Node, layer: str) -> bool:
    """Whether a node sets something of the layer, calls another method of it, or hands it on."""
    match node:
        case tree.Assign(targets=targets):
            return any(_is_of(each, layer) for target in targets for each in target.walk())
        case tree.Call(function=function, arguments=arguments):
            return any(_is_of(each, layer) for each in (function, *arguments))
    return False


def _is_of(node: tree.Node, layer: str) -> bool:
    inner = node.value if isinstance(node, tree.Attribute) else None
    held = inner is not None and _attribute_of_self(inner) == layer
    return held or _attribute_of_self(node) == layer


def _attribute_of_self(node: tree.Node) -> str | None:
    match node:
        case tree.Attribute(value=tree.Name(id="self"), attr=attr):
            return attr
    return None


_FORWARD = re.compile(r"forward|__call__")
_BACKWARD = re.compile(r"back|bptt|bprop")
