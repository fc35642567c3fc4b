"""Layer objects that keep one call's gradient alone, and loops that take them back through every step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rnnlint.model.code_blocks import CodeBlock, blocks, last_word, place_of
from rnnlint.model.gradient_names import stem_of, stem_of_gradient
from rnnlint.model.program import Definition, Program
from rnnlint.records import dataclass
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module

Operands = Callable[[tree.Node], tuple[tree.Expression, ...]]

_BACKWARD = re.compile(r"back|bptt|bprop", re.IGNORECASE)
_FORWARD = re.compile(r"^(forward|step|call|__call__|predict|propagate)|forward", re.IGNORECASE)

_UPDATES = re.compile(
    r"update|step$|apply|accumul|optimi|collect|zero|add_?grad|sum_?grad|getattr|vars", re.IGNORECASE
)
"""What a loop calls that may use a gradient before the next call sets it anew."""


@dataclass(frozen=True, slots=True)
class SingleCallGradient:
    """``statements`` set parameters' gradients anew at every call of the ``method``; a loop of the ``caller``
    makes one ``call`` a step, and nothing sums what they leave.

    ``initialised``: somewhere in the project all of them are set to zeros.
    """

    method: Definition
    statements: tuple[tree.Assign, ...]
    initialised: bool
    call: tree.Call
    caller: CodeBlock


def single_call_gradients(program: Program) -> Iterator[SingleCallGradient]:
    """The backward passes of the target's classes of which a loop over the steps keeps the last call.

    One a method. Whoever does anything else with the layer in the loop, or reads a gradient there that is
    called like its own, may sum them: then nothing is said.
    """
    for owner in program.target.classes.values():
        for name, function in owner.methods.items():
            if not _BACKWARD.search(name):
                continue
            statements = tuple(_set_anew(owner, function))
            words = frozenset(last_word(place_of(each.targets[0]) or "") for each in statements)
            method = Definition(function, program.target, owner)
            for caller, call in _calls_by_step(program, method, words) if statements else ():
                yield SingleCallGradient(method, statements, words <= _zeroed(program), call, caller)
                break


def _set_anew(owner: tree.Class, function: tree.Function) -> Iterator[tree.Assign]:
    """The method's assignments to gradients of the object's parameters, where nothing of it reads them and
    one is of a weight.
    """
    read = {place_of(node) for node in _read_in(function.body)}
    weights, biases = (_stems(owner, operands) for operands in (_factors, _summands))
    found: list[tree.Assign] = []
    is_of_weight = False
    for statement in _outside_of_loops(function.body):
        match statement:
            case tree.Assign(targets=(tree.Attribute() as target,), value=value):
                place = place_of(target) or ""
                is_kept = place.startswith("self.") and place not in read and not _is_blank(value)
                holder, _, word = place.rpartition(".")
                parameter = holder, stem_of_gradient(word)
                if is_kept and parameter in weights | biases and not _goes_elsewhere(function, value):
                    found.append(statement)
                    is_of_weight |= parameter in weights
            case _:
                pass
    yield from found if is_of_weight else ()


def _stems(owner: tree.Class, operands: Operands) -> frozenset[tuple[str, str | None]]:
    """What the class computes with and its passes do not set: who holds it, and its name's stem."""
    used = {
        place.removesuffix(".T")
        for method in owner.methods.values()
        for node in method.walk()
        for operand in operands(node)
        if (place := place_of(operand)) is not None and place.startswith("self.")
    }
    set_by_passes = {
        place_of(target)
        for name, method in owner.methods.items()
        if _FORWARD.search(name) or _BACKWARD.search(name)
        for target in _targets(method.body)
    }
    return frozenset((place.rpartition(".")[0], stem_of(last_word(place))) for place in used - set_by_passes)


def _zeroed(program: Program) -> frozenset[str]:
    """The attributes that are set to zeros somewhere."""
    return frozenset(
        target.attr
        for module in program.modules
        for statement in module.of_kind(tree.Assign)
        if _is_blank(statement.value)
        for target in statement.targets
        if isinstance(target, tree.Attribute)
    )


def _summands(node: tree.Node) -> tuple[tree.Expression, ...]:
    match node:
        case tree.Binary(operator="+", left=left, right=right):
            return left, right
        case tree.AugmentedAssign(operator="+", value=value):
            return (value,)
        case _:
            return ()


def _factors(node: tree.Node) -> tuple[tree.Expression, ...]:
    """Both sides of a matrix product."""
    match node:
        case tree.Binary(operator="@", left=left, right=right):
            return left, right
        case tree.Call(function=tree.Attribute(value=value, attr="dot"), arguments=(other,)):
            return value, other
        case tree.Call(
            function=tree.Attribute(attr="dot" | "matmul") | tree.Name(id="dot" | "matmul"),
            arguments=(left, right, *_),
        ):
            return left, right
        case _:
            return ()


def _goes_elsewhere(function: tree.Function, value: tree.Expression) -> bool:
    """Whether a gradient is also returned, listed or added to something: then the caller may sum what it
    gets.
    """
    if not isinstance(value, tree.Name):
        return False
    written = {id(target) for target in _targets(function.body)}
    return any(
        isinstance(node, tree.Name) and node.id == value.id and node is not value and id(node) not in written
        for node in _nodes(function.body)
    )


def _is_blank(value: tree.Expression) -> bool:
    """Zeros, None: what a gradient begins with."""
    match value:
        case tree.Constant() | tree.Unary(operand=tree.Constant()):
            return True
        case tree.Call(function=tree.Attribute(attr=name) | tree.Name(id=name)):
            return name.startswith(("zeros", "empty"))
        case _:
            return False


def _calls_by_step(
    program: Program, method: Definition, gradients: frozenset[str]
) -> Iterator[tuple[CodeBlock, tree.Call]]:
    """The loops back over the steps that call the method of one and the same object, and sum nothing."""
    assert isinstance(method.function, tree.Function) and method.owner is not None
    name = method.function.name
    for module in program.modules:
        if method.owner.name not in module.source.text or name not in module.source.text:
            continue
        for block in blocks(module):
            for loop in block.of_kind(tree.For):
                if not _is_countdown(loop.iterable):
                    continue
                for call in _unconditional_calls(loop, name):
                    held = (
                        place_of(call.function.value) if isinstance(call.function, tree.Attribute) else None
                    )
                    if (
                        held is not None
                        and _is_always_of(program, block, held, method.owner)
                        and _is_left_alone(block, loop, call, held)
                        and not _sums(program, block, loop, call, gradients)
                        and not _is_updated_otherwise(module, held, gradients)
                    ):
                        yield block, call


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


def _unconditional_calls(loop: tree.For, name: str) -> Iterator[tree.Call]:
    """The calls of a method that every round of the loop makes once."""
    for statement in loop.body:
        match statement:
            case tree.Assign(value=value) | tree.Evaluate(value=value) | tree.AugmentedAssign(value=value):
                for node in value.walk():
                    match node:
                        case tree.Call(function=tree.Attribute(attr=attr)) if attr == name:
                            yield node
                        case _:
                            pass
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


def _is_left_alone(block: CodeBlock, loop: tree.For, call: tree.Call, held: str) -> bool:
    """Whether the loop does nothing with the object but to call it back, and to give it a step's values."""
    allowed: set[int] = set()
    for node in _nodes(loop.body):
        match node:
            case tree.Call(function=tree.Attribute(value=value, attr=attr)) if place_of(value) == held:
                if node is not call and not _FORWARD.search(attr):
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
        for node in _nodes(loop.body)
        if isinstance(node, tree.Name | tree.Attribute) and place_of(node) == held
    )
    return all(id(node) in allowed for node in mentions)


def _sums(
    program: Program, block: CodeBlock, loop: tree.For, call: tree.Call, gradients: frozenset[str]
) -> bool:
    """Whether the loop, or what it calls, reads a gradient of that name, or may update the weights."""
    for node in _nodes(loop.body):
        if isinstance(node, tree.Attribute) and node.attr in gradients:
            return True
        if not isinstance(node, tree.Call) or node is call:
            continue
        name = last_word(place_of(node.function) or "")
        if _UPDATES.search(name):
            return True
        is_own = isinstance(node.function, tree.Name) or place_of(node.function) == f"self.{name}"
        for module in program.modules:
            for other in blocks(module):
                if other.function is None or other.function.name != name:
                    continue
                if is_own and any(
                    isinstance(each, tree.Attribute) and each.attr in gradients for each in other.nodes
                ):
                    return True
    return False


def _is_updated_otherwise(module: Module, held: str, gradients: frozenset[str]) -> bool:
    """Whether the caller changes something of the object by what it has worked out itself."""
    for added in module.of_kind(tree.AugmentedAssign):
        if _is_of(added.target, held) and not _names(added.value, gradients):
            return True
    return any(
        _is_of(target, held) and _computes(assigned.value) and not _names(assigned.value, gradients)
        for assigned in module.of_kind(tree.Assign)
        for target in assigned.targets
    )


def _is_of(target: tree.Expression, held: str) -> bool:
    return (place_of(target) or "").startswith(f"{held}.")


def _computes(value: tree.Expression) -> bool:
    return any(isinstance(node, tree.Binary) for node in value.walk())


def _names(value: tree.Expression, gradients: frozenset[str]) -> bool:
    return any(isinstance(node, tree.Attribute) and node.attr in gradients for node in value.walk())


def _nodes(body: tuple[tree.Statement, ...]) -> Iterator[tree.Node]:
    for statement in body:
        yield from statement.walk()


def _outside_of_loops(body: tuple[tree.Statement, ...]) -> Iterator[tree.Statement]:
    """The statements that run at most once a call."""
    for statement in body:
        yield statement
        if isinstance(statement, tree.If):
            yield from _outside_of_loops((*statement.body, *statement.otherwise))


def _read_in(body: tuple[tree.Statement, ...]) -> Iterator[tree.Expression]:
    """What is read of places: targets of plain assignments are not."""
    written = {id(target) for target in _targets_of_assignments(body)}
    for node in _nodes(body):
        if isinstance(node, tree.Attribute | tree.Subscript) and id(node) not in written:
            yield node


def _targets_of_assignments(body: tuple[tree.Statement, ...]) -> Iterator[tree.Expression]:
    for node in _nodes(body):
        if isinstance(node, tree.Assign):
            yield from node.targets


def _targets(body: tuple[tree.Statement, ...]) -> Iterator[tree.Expression]:
    for node in _nodes(body):
        match node:
            case tree.Assign(targets=targets):
                for target in targets:
                    yield from target.items if isinstance(target, tree.Sequence) else (target,)
            case tree.AugmentedAssign(target=target):
                yield target
            case _:
                pass
