"""Layer objects that keep one call's gradient alone, and loops that take them back through every step."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from rnnlint.model.calls_by_step import FORWARD, StepCall, calls_by_step, nodes_of
from rnnlint.model.code_blocks import CodeBlock, blocks, last_word, place_of
from rnnlint.model.gradient_names import stem_of, stem_of_gradient
from rnnlint.model.program import Definition, Program
from rnnlint.records import dataclass
from rnnlint.syntax import tree

Operands = Callable[[tree.Node], tuple[tree.Expression, ...]]

_BACKWARD = re.compile(r"back|bptt|bprop", re.IGNORECASE)

_UPDATES = re.compile(
    r"update|step$|apply|accumul|optimi|collect|zero|add_?grad|sum_?grad|getattr|vars", re.IGNORECASE
)
"""What a loop calls that may use a gradient before the next call sets it anew."""


@dataclass(frozen=True, slots=True)
class SingleCallGradient:
    """``statements`` set parameters' gradients anew at every call of the ``method``, which is called
    ``by_step``, and nothing sums what they leave.

    ``initialised``: somewhere in the project all of them are set to zeros.
    """

    method: Definition
    statements: tuple[tree.Assign, ...]
    initialised: bool
    by_step: StepCall


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
            for each in calls_by_step(program, method) if statements else ():
                if not _is_summed(program, each, words) and not _is_updated_otherwise(each, words):
                    yield SingleCallGradient(method, statements, words <= _zeroed(program), each)
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
        if FORWARD.search(name) or _BACKWARD.search(name)
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
        for node in nodes_of(function.body)
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


def _is_summed(program: Program, each: StepCall, gradients: frozenset[str]) -> bool:
    """Whether the loop, or a function or method of its own that it calls, reads a gradient of that name, or
    may update the weights.
    """
    inside = tuple(nodes_of(each.loop.body))
    if _reads(inside, gradients):
        return True
    for node in inside:
        if not isinstance(node, tree.Call) or node is each.call:
            continue
        place = place_of(node.function) or ""
        if _UPDATES.search(last_word(place)):
            return True
        is_own = isinstance(node.function, tree.Name) or place == f"self.{last_word(place)}"
        if is_own and any(_reads(b.nodes, gradients) for b in _functions_named(program, last_word(place))):
            return True
    return False


def _functions_named(program: Program, name: str) -> Iterator[CodeBlock]:
    for module in program.modules:
        yield from (b for b in blocks(module) if b.function is not None and b.function.name == name)


def _is_updated_otherwise(each: StepCall, gradients: frozenset[str]) -> bool:
    """Whether the caller's file changes something of the object by what it has worked out itself."""
    module = each.caller.module
    for added in module.of_kind(tree.AugmentedAssign):
        if _is_of(added.target, each.held) and not _reads(added.value.walk(), gradients):
            return True
    return any(
        _is_of(target, each.held)
        and _computes(assigned.value)
        and not _reads(assigned.value.walk(), gradients)
        for assigned in module.of_kind(tree.Assign)
        for target in assigned.targets
    )


def _is_of(target: tree.Expression, held: str) -> bool:
    return (place_of(target) or "").startswith(f"{held}.")


def _computes(value: tree.Expression) -> bool:
    return any(isinstance(node, tree.Binary) for node in value.walk())


def _reads(nodes: Iterable[tree.Node], gradients: frozenset[str]) -> bool:
    return any(isinstance(node, tree.Attribute) and node.attr in gradients for node in nodes)


def _outside_of_loops(body: tuple[tree.Statement, ...]) -> Iterator[tree.Statement]:
    """The statements that run at most once a call."""
    for statement in body:
        yield statement
        if isinstance(statement, tree.If):
            yield from _outside_of_loops((*statement.body, *statement.otherwise))


def _read_in(body: tuple[tree.Statement, ...]) -> Iterator[tree.Expression]:
    """What is read of places: targets of plain assignments are not."""
    assigned = (node for node in nodes_of(body) if isinstance(node, tree.Assign))
    written = {id(target) for each in assigned for target in each.targets}
    for node in nodes_of(body):
        if isinstance(node, tree.Attribute | tree.Subscript) and id(node) not in written:
            yield node


def _targets(body: tuple[tree.Statement, ...]) -> Iterator[tree.Expression]:
    for node in nodes_of(body):
        match node:
            case tree.Assign(targets=targets):
                for target in targets:
                    yield from target.items if isinstance(target, tree.Sequence) else (target,)
            case tree.AugmentedAssign(target=target):
                yield target
            case _:
                pass
