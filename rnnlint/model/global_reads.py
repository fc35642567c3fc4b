"""Variables of the file that a function reads where it was given the same thing as a parameter."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.code_blocks import CodeBlock
from rnnlint.model.recurrent_code import RecurrentCode
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class GlobalRead:
    """A function reads the file's variable ``name`` and never its own parameter ``parameter``."""

    node: tree.Name
    name: str
    parameter: str


def globals_for_parameters(code: RecurrentCode) -> Iterator[GlobalRead]:
    """Reads of a file's variable in a function that ignores its own parameter for the same thing."""
    top = next((block for block in code.blocks if block.function is None), None)
    if top is None:
        return
    variables = {place for place in top.assigned if place.isidentifier()}
    for block in code.blocks:
        if block.function is None or not _computes(block):
            continue
        reads = [node for node in block.nodes if isinstance(node, tree.Name)]
        known = {node.id for node in reads} | {
            node.id for node in block.function.walk() if isinstance(node, tree.Name)
        }
        ignored = [name for name in block.function.parameter_names if name not in known and len(name) > 1]
        local = set(block.assigned) | block.parameters
        for node in reads:
            partner = next((name for name in ignored if _is_same_thing(node.id, name)), None)
            if node.id in variables - local and partner is not None:
                yield GlobalRead(node, node.id, partner)
                break


def _computes(block: CodeBlock) -> bool:
    return any(isinstance(node, tree.For | tree.Binary) for node in block.nodes)


def _is_same_thing(variable: str, parameter: str) -> bool:
    """``targets`` and ``target``, ``W_f`` and ``Wf``, ``inputs`` and ``input_seq``."""
    one, other = (name.replace("_", "").lower().rstrip("s") for name in (variable, parameter))
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= 2 and (one == other or (len(shorter) >= 4 and longer.startswith(shorter)))
