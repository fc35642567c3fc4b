"""Which forward pass a backward pass belongs to: what a caller, a class or the names say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rnnlint.model.candidates import called_name
from rnnlint.model.gradient_names import stem_of
from rnnlint.model.program import Definition, Program
from rnnlint.records import dataclass
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module


@dataclass(frozen=True, slots=True)
class Partner:
    """A forward pass and what of its result each parameter of the backward pass is given."""

    definition: Definition
    given: Mapping[str, int | None]
    """Parameter to the position in the returned tuple; None: the whole of it."""


def partners(program: Program, backward: Definition) -> Iterator[Partner]:
    """The forward passes it may belong to: a caller's word first, then its class, then names."""
    tried: set[int] = set()
    for partner in (
        *_by_callers(program, backward),
        *_by_class(program, backward),
        *_by_name(program, backward),
    ):
        if (
            id(partner.definition.function) not in tried
            and partner.definition.function is not backward.function
        ):
            tried.add(id(partner.definition.function))
            yield partner


def _by_callers(program: Program, backward: Definition) -> Iterator[Partner]:
    """A caller that hands a forward pass's results to the backward pass says which is which."""
    name = backward.name.rpartition(".")[2]
    for module in program.modules:
        if name not in module.source.text:
            continue
        for call in module.of_kind(tree.Call):
            if called_name(call) != name:
                continue
            partner = _from_call(program, module, call, backward)
            if partner is not None:
                yield partner


def _from_call(program: Program, module: Module, call: tree.Call, backward: Definition) -> Partner | None:
    function = backward.function
    parameters = [each.name for each in function.parameters]
    if not backward.is_static:
        parameters = parameters[1:]
    passed = {p: a.id for p, a in zip(parameters, call.arguments, strict=False) if isinstance(a, tree.Name)}
    passed |= {k.name: k.value.id for k in call.keywords if k.name and isinstance(k.value, tree.Name)}
    scope = next((each for each in module.ancestors(call) if isinstance(each, tree.Function)), None)
    around = {id(outer) for outer in module.ancestors(call)}
    nearest: dict[str, tree.Assign] = {}
    for node in scope.walk() if scope else module.walk():
        if node is call:
            break
        if isinstance(node, tree.Assign) and id(node) not in around:
            nearest |= dict.fromkeys(_positions(node.targets[0]), node)
    origins = [nearest[variable] for variable in passed.values() if variable in nearest]
    for node in sorted(origins, key=lambda each: -origins.count(each)):
        if not isinstance(node.value, tree.Call) or _GOES_BACK.search(called_name(node.value)):
            continue
        positions = _positions(node.targets[0])
        given = {p: positions[v] for p, v in passed.items() if v in positions and nearest.get(v) is node}
        definition = _definition_called(program, module, node.value, backward)
        if definition is not None:
            return Partner(definition, given)
    return None


def _positions(target: tree.Expression) -> dict[str, int | None]:
    if isinstance(target, tree.Name):
        return {target.id: None}
    if isinstance(target, tree.Sequence):
        return {
            item.id: position for position, item in enumerate(target.items) if isinstance(item, tree.Name)
        }
    return {}


def _definition_called(
    program: Program, module: Module, call: tree.Call, backward: Definition
) -> Definition | None:
    match call.function:
        case tree.Name(id=name):
            return program.function(module, name)
        case tree.Attribute(attr=attr) if backward.owner is not None:
            return program.method(backward.owner, backward.module, attr)
        case tree.Attribute(value=tree.Name(id=name), attr=attr):
            owner = _class_of(program, module, name)
            return program.method(*owner, attr) if owner is not None else None
    return None


def _class_of(program: Program, module: Module, name: str) -> tuple[tree.Class, Module] | None:
    """The class of the object that a file calls ``name``: ``model = LSTM(27, 50)``."""
    for node in module.of_kind(tree.Assign):
        match node:
            case tree.Assign(targets=(tree.Name(id=bound),), value=tree.Call(function=tree.Name(id=made))):
                if bound == name and (found := program.class_named(module, made)) is not None:
                    return found
    return None


def _by_class(program: Program, backward: Definition) -> Iterator[Partner]:
    if backward.owner is None:
        return
    others = [
        each
        for each in backward.owner.methods.values()
        if each is not backward.function
        and not each.name.startswith("__init")
        and not _NO_FORWARD.search(each.name)
    ]
    named = [each for each in others if _FORWARD.search(each.name)]
    if _has_loop(backward.function):  # it goes back through all that a walk over the steps has done
        names = {each.name for each in named}
        named.sort(key=lambda each: not (names - {each.name}) & _called_methods(each))
    for each in named or others:
        yield _named_partner(Definition(each, backward.module, backward.owner), backward)


def _has_loop(function: tree.Function | tree.Lambda) -> bool:
    return any(isinstance(node, tree.For | tree.While) for node in function.walk())


def _called_methods(function: tree.Function) -> set[str]:
    return {called_name(node) for node in function.walk() if isinstance(node, tree.Call)}


def _by_name(program: Program, backward: Definition) -> Iterator[Partner]:
    own = backward.name.rpartition(".")[2]
    guesses = [
        own.replace("backward", "forward"),
        own.replace("bprop", "fprop"),
        own.replace("back", "for"),
        "forward",
    ]
    for guess in dict.fromkeys(guesses):
        for module in program.modules:
            if guess != own and guess in module.functions:
                yield _named_partner(Definition(module.functions[guess], module), backward)
                return


def _named_partner(forward: Definition, backward: Definition) -> Partner:
    """Joined by names: a parameter of the backward pass is what the forward returns under that name."""
    returned = _returned(forward.function)
    names = _positions(returned) if returned is not None else {}
    given: dict[str, int | None] = {}
    shared = {each.name for each in forward.function.parameters}
    for parameter in backward.function.parameters:
        if parameter.name in shared and parameter.name not in names:
            continue
        for name, position in names.items():
            if _same_thing(name, parameter.name):
                given.setdefault(parameter.name, position)
        if parameter.name not in given and _MEMORY.search(parameter.name) and returned is not None:
            held = _memory(returned, _unpacked(backward.function, parameter.name))
            if not isinstance(held, tuple):
                given[parameter.name] = held
    return Partner(forward, given)


def _returned(function: tree.Function | tree.Lambda) -> tree.Expression | None:
    returns = [
        each.value for each in function.walk() if isinstance(each, tree.Return) and each.value is not None
    ]
    return returns[-1] if returns else None


def _unpacked(function: tree.Function | tree.Lambda, parameter: str) -> tuple[str, ...]:
    """The names that a parameter is unpacked to."""
    for node in function.walk():
        match node:
            case tree.Assign(targets=(tree.Sequence(items=items),), value=tree.Name(id=name)) if (
                name == parameter
            ):
                return tuple(item.id if isinstance(item, tree.Name) else "" for item in items)
    return ()


def _memory(returned: tree.Expression, unpacked: tuple[str, ...]) -> int | tuple[()] | None:
    """Which part of a result is the memory: a position, None for the whole, () where unknown."""
    items = returned.items if isinstance(returned, tree.Sequence) else ()
    names = [item.id if isinstance(item, tree.Name) else None for item in items]
    if unpacked and len(items) == len(unpacked):
        alike = [a is not None and _same_thing(a, b) for a, b in zip(names, unpacked, strict=True)]
        if 2 * sum(alike) > len(alike):
            return None
    for position, item in enumerate(items):
        if isinstance(item, tree.Sequence) and (not unpacked or len(item.items) == len(unpacked)):
            return position
        if isinstance(item, tree.Name) and _MEMORY.search(item.id):
            return position
    if isinstance(returned, tree.Name) and _MEMORY.search(returned.id):
        return None
    return ()


_GOES_BACK = re.compile(r"back|grad|bptt|bprop|loss")
_FORWARD = re.compile(r"forward|fprop|feed|__call__|_step$|^step|^run$")
_NO_FORWARD = re.compile(
    r"back|bptt|bprop|update|train|fit|sample|generate|predict|loss|optim|clip|init|reset|grad|load|save|param"
)
_MEMORY = re.compile(
    r"cache|memory|ctx|context|saved|tape|stored|interm|history|record|^state", re.IGNORECASE
)
_PLURAL = re.compile(r"(_?s|_list|_seq|_cache|_states?|_all)$")


def _same_thing(returned: str, parameter: str) -> bool:
    first, second = (_PLURAL.sub("", name) or name for name in (returned, parameter))
    return stem_of(first) == stem_of(second)
