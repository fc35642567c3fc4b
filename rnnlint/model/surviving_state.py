"""Lists that a class fills at every forward pass and never empties: later passes read the first one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnlint.model.program import Program
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class SurvivingState:
    """``attribute`` only grows: ``append`` adds to it, ``read`` takes entries by the step's number.

    ``filling_loop`` is the outermost loop round ``append`` in its method; None where a caller loops.
    """

    attribute: str
    append: tree.Call
    read: tree.Subscript
    filling_loop: tree.For | tree.While | None = None


def surviving_states(program: Program) -> Iterator[SurvivingState]:
    """The lists of the target file's classes that nothing in the project empties."""
    texts = [each.text for each in program.project.files.values()]
    for owner in program.target.of_kind(tree.Class):
        for attribute, append in _appended(owner):
            read = _read_by_step(owner, attribute)
            if read is not None and _begins_empty(owner, attribute) and not _is_emptied(attribute, texts):
                yield SurvivingState(attribute, append, read, _outermost_loop(owner, append))


def _appended(owner: tree.Class) -> Iterator[tuple[str, tree.Call]]:
    """The attributes that one method, no constructor, appends to once."""
    found: dict[str, list[tree.Call]] = {}
    for method in owner.methods.values():
        for node in method.walk():
            match node:
                case tree.Call(
                    function=tree.Attribute(
                        value=tree.Attribute(value=tree.Name(id="self"), attr=name), attr="append"
                    )
                ):
                    found.setdefault(name, []).append(node)
    for name, calls in found.items():
        if len(calls) == 1 and not any(calls[0] in tuple(m.walk()) for m in _constructors(owner)):
            yield name, calls[0]


def _outermost_loop(owner: tree.Class, append: tree.Call) -> tree.For | tree.While | None:
    loops = (n for m in owner.methods.values() for n in m.walk() if isinstance(n, tree.For | tree.While))
    return next((loop for loop in loops if any(node is append for node in loop.walk())), None)


def _constructors(owner: tree.Class) -> list[tree.Function]:
    return [method for name, method in owner.methods.items() if name == "__init__"]


def _begins_empty(owner: tree.Class, attribute: str) -> bool:
    for method in _constructors(owner):
        for node in method.walk():
            match node:
                case tree.Assign(
                    targets=(tree.Attribute(value=tree.Name(id="self"), attr=name),), value=value
                ):
                    if name == attribute:
                        return (isinstance(value, tree.Sequence) and not value.items) or _is_empty_list(value)
    return False


def _is_empty_list(value: tree.Expression) -> bool:
    match value:
        case tree.Call(function=tree.Name(id="list"), arguments=()):
            return True
    return False


def _read_by_step(owner: tree.Class, attribute: str) -> tree.Subscript | None:
    """A read ``self.attribute[t]`` under a loop, by a name: counted from the list's beginning."""
    for method in owner.methods.values():
        for loop in (node for node in method.walk() if isinstance(node, tree.For)):
            names = {each.id for each in loop.target.walk() if isinstance(each, tree.Name)}
            for node in loop.walk():
                match node:
                    case tree.Subscript(
                        value=tree.Attribute(value=tree.Name(id="self"), attr=name), indices=(index,)
                    ):
                        counted = isinstance(index, tree.Name) and index.id in names
                        if name == attribute and counted and re.search(r"back|bptt|bprop|grad", method.name):
                            return node
    return None


def _is_emptied(attribute: str, texts: list[str]) -> bool:
    """Whether the project sets the attribute anywhere but at first, or takes entries away."""
    name = re.escape(attribute)
    sets = sum(len(re.findall(rf"\.{name}\s*(?::[^=\n]*)?(?:=[^=]|,.*=[^=])", text)) for text in texts)
    takes = rf"\.{name}\s*\.\s*(?:clear|pop|remove|popleft)\b|del\s+\w+\.{name}\b|setattr\(.*{name}"
    return sets > 1 or any(re.search(takes, text) for text in texts)
