"""Which functions of a file may be backward passes: by what they assign, and by the steps they call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from rnnlint.model.gradient_names import gradient_stem, stem_of
from rnnlint.model.program import Definition, Program
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module

FEWEST_GRADIENTS = 2


def candidates(program: Program) -> Iterator[Definition]:
    """The functions of the target that write gradients, or walk over steps that do; or that say what they
    are for and multiply matrices in a loop, whatever they call the gradients."""
    stems = stems_named_in(program.target)
    for definition in _definitions(program.target):
        function = definition.function
        if isinstance(function, tree.Function) and (
            writes_gradients(function.body, stems)
            or _walks_over_steps(program, definition)
            or _is_named_for_it(function)
        ):
            yield definition


def _definitions(module: Module) -> Iterator[Definition]:
    for node in module.of_kind(tree.Function):
        owner = next((each for each in module.ancestors(node) if isinstance(each, tree.Class)), None)
        yield Definition(node, module, owner)


def top_level(module: Module) -> Iterator[tree.Statement]:
    """The file's own statements, functions and classes left out."""
    return (each for each in module.body if not isinstance(each, tree.Function | tree.Class))


def writes_gradients(body: tuple[tree.Statement, ...], stems: frozenset[str]) -> bool:
    """Whether it multiplies matrices and assigns the gradients of two things or more that the file names."""
    return _multiplies(body) and len(_gradients_written(body, stems)) >= FEWEST_GRADIENTS


def _gradients_written(body: tuple[tree.Statement, ...], stems: frozenset[str]) -> set[str]:
    """The stems of the parameters whose gradients a body assigns."""
    found: set[str] = set()
    for node in (node for statement in body for node in statement.own_nodes):
        if isinstance(node, tree.Assign | tree.AugmentedAssign):
            targets = node.targets if isinstance(node, tree.Assign) else (node.target,)
            leaves = (leaf for target in targets for leaf in _leaves(target))
            found |= {stem for leaf in leaves if (stem := gradient_stem(leaf)) and stem in stems}
    return found


def _multiplies(body: tuple[tree.Statement, ...]) -> bool:
    return any(_is_product(node) for statement in body for node in statement.own_nodes)


def _is_product(node: tree.Node) -> bool:
    match node:
        case tree.Binary(operator="@"):
            return True
        case tree.Call(function=tree.Attribute(attr=name) | tree.Name(id=name)):
            return name in ("dot", "matmul", "outer", "einsum")
    return False


@lru_cache(maxsize=64)
def stems_named_in(module: Module) -> frozenset[str]:
    """The stems of everything that a file names: variables, attributes, keys."""
    names = {each.id for each in module.of_kind(tree.Name)}
    names |= {each.attr for each in module.of_kind(tree.Attribute)}
    names |= {each.name for each in module.of_kind(tree.Parameter)}
    values = (each.value for each in module.of_kind(tree.Constant))
    keys = {value for value in values if isinstance(value, str) and len(value) < 40}
    return frozenset(map(stem_of, names | keys))


def _leaves(target: tree.Expression) -> Iterator[tree.Expression]:
    match target:
        case tree.Sequence(items=items):
            for each in items:
                yield from _leaves(each)
        case tree.Subscript(value=value, indices=(index,)) if not isinstance(index, tree.Constant):
            yield from _leaves(value)
        case _:
            yield target


def _walks_over_steps(program: Program, walker: Definition) -> bool:
    """Whether a loop of the function calls the backward pass of one step: a function without a loop."""
    function = walker.function
    if not isinstance(function, tree.Function):
        return False
    loops = (
        node
        for statement in function.body
        for node in statement.own_nodes
        if isinstance(node, tree.For | tree.While)
    )
    calls = (node for loop in loops for node in loop.walk() if isinstance(node, tree.Call))
    names = {name for call in calls if _GOES_BACK.search(name := called_name(call))}
    steps = [step for name in names for step in _functions_named(program, walker, name)]
    return any(_gradients_of_step(step, function) >= FEWEST_GRADIENTS for step in steps)


def _is_named_for_it(function: tree.Function) -> bool:
    if not _GOES_BACK.search(function.name.lower()):
        return False
    own = (node for statement in function.body for node in statement.own_nodes)
    loops = (node for node in own if isinstance(node, tree.For | tree.While))
    return any(_is_product(node) for loop in loops for node in loop.walk())


def _functions_named(program: Program, caller: Definition, name: str) -> Iterator[Definition]:
    """What a call of that name may run: the function it is bound to, or a method of some class."""
    found = program.function(caller.module, name)
    if found is not None:
        yield found
        return
    for module in program.modules:
        for owner in module.classes.values():
            if name in owner.methods:
                yield Definition(owner.methods[name], module, owner)


def _gradients_of_step(step: Definition, walker: tree.Function) -> int:
    """How many gradients a step without a loop assigns, its walker's included; 0 where it is no step."""
    function = step.function
    if not isinstance(function, tree.Function) or not _multiplies(function.body):
        return 0
    if any(isinstance(node, tree.For | tree.While) for node in function.walk()):
        return 0
    return len(_gradients_written((*function.body, *walker.body), stems_named_in(step.module)))


def called_name(call: tree.Call) -> str:
    """The last word of what is called."""
    match call.function:
        case tree.Name(id=name) | tree.Attribute(attr=name):
            return name
    return ""


_GOES_BACK = re.compile(r"back|grad|bptt|bprop")
