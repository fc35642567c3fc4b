"""The types of the arrays that gradients are summed in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rnnlint.model.code_blocks import CodeBlock, last_word, place_of, unpacked
from rnnlint.model.gradient_lifetimes import ADJOINT
from rnnlint.records import dataclass
from rnnlint.syntax import tree

_MAKERS = frozenset({"zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like"})
_NARROW_FLOAT = re.compile(r"^(float(16|32)|f[24]?|single|half|e)$")
_INTEGER = re.compile(r"^(u?int(8|16|32|64|_|p|c)?|i[248]?|long|bool_?)$")


@dataclass(frozen=True, slots=True)
class NarrowBuffer:
    """A gradient's buffer of integers, or of floats of half the size or less."""

    call: tree.Call
    name: str
    is_integer: bool


def narrow_buffers(block: CodeBlock) -> Iterator[NarrowBuffer]:
    """The arrays made to hold gradients or carries with a type that cannot hold them to the last digits."""
    for statement in block.of_kind(tree.Assign):
        for target, value in (pair for each in statement.targets for pair in unpacked(each, statement.value)):
            name = last_word(place_of(target) or "")
            for call in _makers(block, value) if ADJOINT.search(name) else ():
                kind = _type_asked_for(block, call)
                if kind and (_INTEGER.search(kind) or _NARROW_FLOAT.search(kind)):
                    yield NarrowBuffer(call, name, _INTEGER.search(kind) is not None)


def _makers(block: CodeBlock, value: tree.Expression) -> Iterator[tree.Call]:
    """The calls that make the array, or every array of the dict or list, that ``value`` is."""
    if isinstance(value, tree.Call):
        nodes: Iterable[tree.Node] = (value,)
    elif isinstance(value, tree.Comprehension | tree.Opaque | tree.Mapping | tree.Sequence):
        nodes = value.walk()
    else:
        nodes = ()
    yield from (node for node in nodes if isinstance(node, tree.Call) and block.called(node) in _MAKERS)


def _type_asked_for(block: CodeBlock, call: tree.Call) -> str | None:
    asked = next((each.value for each in call.keywords if each.name == "dtype"), None)
    position = 2 if block.called(call) in ("full", "full_like") else 1
    if asked is None and len(call.arguments) > position:
        asked = call.arguments[position]
    match asked:
        case tree.Constant(value=str(name)):
            return name
        case tree.Name() | tree.Attribute():
            return last_word(place_of(asked) or "")
    return None
