"""Methods that a loop back over the steps calls once a step, of one and the same object."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.model.code_blocks import CodeBlock, blocks, place_of
from rnnlint.model.program import Definition, Program
from rnnlint.records import dataclass
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module

FORWARD = re.compile(r"^(forward|step|call|__call__|predict|propagate)|forward", re.IGNORECASE)
"""What a class calls a pass forward, or a part of one."""


@dataclass(frozen=True, slots=True)
class StepCall:
    """A ``loop`` of the ``caller`` makes one ``call`` a step of a method of the object in ``held``."""

    caller: CodeBlock
    loop: tree.For
    call: tree.Call
    held: str


def calls_by_step(program: Program, method: Definition) -> Iterator[StepCall]:
    """The calls of a class's method, where the loop does nothing else with the object but to give it the
    values of a step.
    """
    assert isinstance(method.function, tree.Function) and method.owner is not None
    name = method.function.name
    for module in program.modules:
        if method.owner.name not in module.source.text or name not in module.source.text:
            continue
        for block in blocks(module):
            for loop in (each for each in block.of_kind(tree.For) if _is_countdown(each.iterable)):
                for call, held in _unconditional_calls(loop, name):
                    is_one = _is_always_of(program, block, held, method.owner)
                    if is_one and _is_left_alone(loop, call, held):
                        yield StepCall(block, loop, call, held)


def nodes_of(body: tuple[tree.Statement, ...]) -> Iterator[tree.Node]:
    """Every node of some statements."""
    for statement in body:
        yield from statement.walk()


def _is_countdown(iterable: tree.Expression) -> bool:
    """Whether it counts steps down: ``reversed(range(T))``, ``range(T - 1, -1, -1)``. What walks a list
    backwards may walk layers.
    """
    match iterable:
        case tree.Call(
            function=tree.Name(id="reversed"),
            arguments=(tree.Call(function=tree.Name(id="range" | "xrange")),),
        ):
            return True
        case tree.Call(function=tree.Name(id="range" | "xrange"), arguments=(_, _, tree.Unary(operator="-"))):
            return True
        case tree.Call(function=tree.Name(id="tqdm" | "list"), arguments=(inner, *_)):
            return _is_countdown(inner)
        case _:
            return False


def _unconditional_calls(loop: tree.For, name: str) -> Iterator[tuple[tree.Call, str]]:
    """The calls of a method that every round of the loop makes once, each with whose method it is."""
    for statement in loop.body:
        if not isinstance(statement, tree.Assign | tree.Evaluate | tree.AugmentedAssign):
            continue
        for node in statement.value.walk():
            match node:
                case tree.Call(function=tree.Attribute(value=value, attr=attr)) if attr == name:
                    held = place_of(value)
                    if held is not None:
                        yield node, held
                case _:
                    pass


def _is_always_of(program: Program, block: CodeBlock, held: str, owner: tree.Class) -> bool:
    """Whether a variable, or an attribute of the caller's object, only ever holds one object of the class."""
    if held.startswith("self."):
        if block.owner is None or "." in held.removeprefix("self."):
            return False
        scopes: tuple[CodeBlock, ...] = tuple(b for b in blocks(block.module) if b.owner is block.owner)
    elif "." in held or "[" in held or held == "self":
        return False
    else:
        local = (block,) if block.assigned.get(held) else (blocks(block.module)[0],)
        scopes = () if held in block.parameters else local
    values = [value for scope in scopes for value in scope.assigned.get(held, ())]
    return bool(values) and all(_makes(program, block.module, value, owner) for value in values)


def _makes(program: Program, module: Module, value: tree.Expression, owner: tree.Class) -> bool:
    match value:
        case tree.Call(function=tree.Name(id=made)):
            found = program.class_named(module, made)
        case tree.Call(function=tree.Attribute(attr=made)):
            found = next(
                (found for each in program.modules if (found := program.class_named(each, made)) is not None),
                None,
            )
        case _:
            return False
    return found is not None and found[0] is owner


def _is_left_alone(loop: tree.For, call: tree.Call, held: str) -> bool:
    """Whether the loop does nothing with the object but to call it back, and to give it a step's values."""
    allowed: set[int] = set()
    for node in nodes_of(loop.body):
        match node:
            case tree.Call(function=tree.Attribute(value=value, attr=attr)) if place_of(value) == held:
                if node is not call and not FORWARD.search(attr):
                    return False
                allowed.add(id(value))
            case tree.Assign(targets=targets):
                for target in targets:
                    for each in target.walk():
                        if isinstance(each, tree.Attribute) and place_of(each.value) == held:
                            allowed.add(id(each.value))
            case _:
                pass
    mentions = (
        node
        for node in nodes_of(loop.body)
        if isinstance(node, tree.Name | tree.Attribute) and place_of(node) == held
    )
    return all(id(node) in allowed for node in mentions)
