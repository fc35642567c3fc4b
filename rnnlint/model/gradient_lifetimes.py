"""What becomes of a gradient after it was computed: reset, returned, applied, or forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rnnlint.model.code_blocks import CodeBlock, last_word, place_of, unpacked
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.records import dataclass
from rnnlint.syntax import tree

PARAMETER_GRADIENT = re.compile(
    r"^(?:d_?|grad_?|dL_?d?_?|delta_?)(?:[WUV]|b(?![a-z]{3})|bias|weight)|^(?:[WUVb]_?\w{0,4}|weights?_?\w*|bias_?\w*)_(?:d|grad)$"
)
ADJOINT = re.compile(
    r"^d_?[A-Z]|^d_[a-z]|^d(?!im|ev|ir|ic|oc|ay|ef|el|ot$|b$)[a-z]{1,2}\d*$|^db\w{0,2}$"
    r"|^d[hcaxyzvs](_|next|prev|raw|out|s$|t$)|^d(out|next|prev|state|hidden|cell)|grad|delta|_d$"
)
"""What people call an adjoint or a gradient: ``dh_next``, ``dWf``, ``d_hidden``, ``W_f_d``, ``delta_o``."""
_BACKWARD = re.compile(r"backward|bprop|bptt|backprop", re.IGNORECASE)
_RESETS = re.compile(r"setattr|\.fill\(\s*0|\[\.\.\.\]\s*=|\[:\]\s*=|\*=\s*0\b")
_RESETTER = re.compile(r"(zero|reset|flush|clear)_?grad", re.IGNORECASE)
_INITIAL_CARRY = re.compile(
    r"^d_?(h|c|a|s|hidden|cell|state|h_?prev|c_?prev)_?(0|init\w*|_0)$", re.IGNORECASE
)
_ZEROS = frozenset({"zeros", "zeros_like"})


@dataclass(frozen=True, slots=True)
class Accumulation:
    """The first statement of a method that adds to a gradient kept on the object."""

    block: CodeBlock
    statement: tree.AugmentedAssign
    name: str


def unreset_accumulations(code: RecurrentCode) -> Iterator[Accumulation]:
    """Gradients that a backward method adds to an attribute that nothing in the project ever sets back.

    One a method: what holds of one of its attributes holds of those beside it.
    """
    texts = [source.text for source in code.program.project.files.values()]
    if any(_RESETS.search(text) for text in texts):
        return
    for block in code.blocks:
        if block.owner is None or block.function is None or not _BACKWARD.search(block.function.name):
            continue
        for statement in block.of_kind(tree.AugmentedAssign):
            place = place_of(statement.target) or ""
            if (
                statement.operator == "+"
                and place.startswith("self.")
                and PARAMETER_GRADIENT.search(last_word(place))
                and not _is_reset(code, _attribute_of(place), block.function.name)
            ):
                yield Accumulation(block, statement, last_word(place))
                break


def _is_reset(code: RecurrentCode, attribute: str, backward: str) -> bool:
    """Whether anything sets the attribute back once the object is made.

    A method that sets it counts where something besides a constructor calls it. Where nothing in the project
    calls ``backward`` it counts in any case: its caller is somebody else, who may call both.
    """
    setting = [block for block in code.all_blocks if _is_set(block, attribute)]
    names = {block.function.name for block in setting if block.function is not None}
    calls = {name for block in code.all_blocks if not _is_constructor(block) for name in _called_names(block)}
    if any(block.function is None for block in setting) or names & calls:
        return True
    if any(_RESETTER.search(name) for name in calls):
        return True
    named = any(
        _RESETTER.search(block.function.name) for block in code.all_blocks if block.function is not None
    )
    return (bool(names) or named) and backward not in calls


def _called_names(block: CodeBlock) -> set[str]:
    return {last_word(place_of(call.function) or "") for call in block.of_kind(tree.Call)}


def _is_constructor(block: CodeBlock) -> bool:
    return block.function is not None and block.function.name == "__init__"


def _attribute_of(place: str) -> str:
    """``grads`` of ``self.grads['W']``: setting the whole resets its entries."""
    return re.split(r"[.\[]", place)[1]


def _is_set(block: CodeBlock, attribute: str) -> bool:
    """Whether the block, which is no constructor, assigns the attribute of any object, or entries of it."""
    if _is_constructor(block):
        return False
    pattern = re.compile(rf"\.{re.escape(attribute)}(\[.*)?$")
    return any(
        pattern.search(place_of(each) or "") is not None
        for statement in block.of_kind(tree.Assign)
        for target in statement.targets
        for each in (target.items if isinstance(target, tree.Sequence) else (target,))
    )


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A gradient in a local variable that is written, last by ``statement``, and never read."""

    block: CodeBlock
    statement: tree.Assign | tree.AugmentedAssign
    name: str


def forgotten_gradients(block: CodeBlock) -> Iterator[Forgotten]:
    """The gradients of parameters that a function computes into a variable and then drops."""
    if block.function is None or any(_is_reflective(node) for node in block.function.walk()):
        return
    read = _names_read(block.function.walk(), block)
    last: dict[str, tree.Assign | tree.AugmentedAssign] = {}
    for statement in block.of_kind(tree.Statement):
        match statement:
            case tree.Assign(targets=(tree.Name(id=name),)) | tree.AugmentedAssign(target=tree.Name(id=name)):
                if PARAMETER_GRADIENT.search(name) and isinstance(
                    statement, tree.Assign | tree.AugmentedAssign
                ):
                    last[name] = statement
    declared = {name for each in block.of_kind(tree.Other) for name in each.names}  # global, nonlocal
    shared = _parts_of_others(block)
    for name, statement in last.items():
        if name in shared and isinstance(statement, tree.AugmentedAssign):
            continue  # changed in place, where another name holds it
        if name not in read | declared | block.parameters and not _is_zeros(block, statement):
            yield Forgotten(block, statement, name)


def _parts_of_others(block: CodeBlock) -> set[str]:
    """The names of what lies in something else too: ``dW, db = grads``, ``dW = grads["W"]``, or in what a
    loop goes through: ``for d, dW in ((di, dWi), (df, dWf))``."""
    found: set[str] = set()
    for loop in block.of_kind(tree.For):
        found |= {item.id for item in _plain_targets(loop.target) if isinstance(item, tree.Name)}
    for statement in block.of_kind(tree.Assign):
        match statement:
            case tree.Assign(targets=(tree.Sequence(items=items),), value=tree.Name()):
                found |= {item.id for item in items if isinstance(item, tree.Name)}
            case tree.Assign(targets=(tree.Name(id=name),), value=tree.Subscript() | tree.Attribute()):
                found.add(name)
    return found


def _names_read(nodes: Iterator[tree.Node], block: CodeBlock) -> set[str]:
    targets = set()
    found = set()
    for node in nodes:
        match node:
            case tree.Assign(targets=written):
                targets |= {id(each) for target in written for each in _plain_targets(target)}
            case tree.AugmentedAssign(target=written):
                targets.add(id(written))
            case tree.For(target=written):
                targets |= {id(each) for each in _plain_targets(written)}
            case tree.Name(id=name) if id(node) not in targets:
                found.add(name)
    return found


def _plain_targets(target: tree.Expression) -> Sequence[tree.Expression]:
    return target.items if isinstance(target, tree.Sequence) else (target,)


def _is_reflective(node: tree.Node) -> bool:
    match node:
        case tree.Call(function=tree.Name(id="locals" | "vars" | "eval" | "exec" | "globals")):
            return True
    return False


def _is_zeros(block: CodeBlock, statement: tree.Statement) -> bool:
    return isinstance(statement, tree.Assign) and block.called(statement.value) in _ZEROS


@dataclass(frozen=True, slots=True)
class LostUpdate:
    """``p = p - lr * d`` on a loop's own variable: the parameter that it was taken from keeps its value."""

    block: CodeBlock
    statement: tree.Assign
    name: str


def lost_updates(block: CodeBlock) -> Iterator[LostUpdate]:
    """Updates in a loop over parameters and gradients that only rebind the loop's own variable."""
    for loop in block.of_kind(tree.For):
        variables = {each.id for each in _plain_targets(loop.target) if isinstance(each, tree.Name)}
        if len(variables) < 2:
            continue
        for statement in loop.body:
            match statement:
                case tree.Assign(
                    targets=(tree.Name(id=name),), value=tree.Binary(operator="-", left=tree.Name(id=same))
                ) if (
                    name == same and name in variables and _subtracts_gradient(statement, variables - {name})
                ):
                    if not _is_read_again(loop, statement, name):
                        yield LostUpdate(block, statement, name)


def _subtracts_gradient(statement: tree.Assign, others: set[str]) -> bool:
    read = {node.id for node in statement.value.walk() if isinstance(node, tree.Name)}
    return any(re.search(r"^d|grad|^g$", name) for name in read & others)


def _is_read_again(loop: tree.For, statement: tree.Assign, name: str) -> bool:
    inside = {id(node) for node in statement.walk()}
    nodes = (node for each in loop.body for node in each.walk() if id(node) not in inside)
    return any(isinstance(node, tree.Name) and node.id == name for node in nodes)


@dataclass(frozen=True, slots=True)
class NeverSet:
    """The gradient of an initial state that is returned as the zeros it began with."""

    block: CodeBlock
    statement: tree.Assign
    name: str


def initial_gradients_never_set(block: CodeBlock) -> Iterator[NeverSet]:
    """The gradients of h_0 or C_0 that a function returns without ever setting them."""
    returned = {
        node.id
        for each in block.of_kind(tree.Return)
        if each.value is not None
        for node in each.value.walk()
        if isinstance(node, tree.Name)
    }
    for statement in block.of_kind(tree.Assign):
        for target, value in (pair for each in statement.targets for pair in unpacked(each, statement.value)):
            match target:
                case tree.Name(id=name) if name in returned and _INITIAL_CARRY.search(name):
                    set_once = len(block.assigned.get(name, ())) == 1
                    if block.called(value) in _ZEROS and set_once and not _is_handed_on(block, name):
                        yield NeverSet(block, statement, name)


def _is_handed_on(block: CodeBlock, name: str) -> bool:
    """Whether a call or another name may set it in its place: ``np.copyto(dh0, …)``, ``dh = dh0``."""
    for node in block.nodes:
        match node:
            case tree.Call(arguments=arguments):
                if any(isinstance(each, tree.Name) and each.id == name for each in arguments):
                    return True
            case tree.Assign(value=tree.Name(id=read)) if read == name:
                return True
    return False
