"""Sequences that a loop over the steps indexes and rebinds."""

from __future__ import annotations

from rnnlint.model.backward import BackwardPass
from rnnlint.records import dataclass
from rnnlint.syntax import tree


@dataclass(frozen=True, slots=True)
class Rebound:
    """``statement`` puts one step's result in the place of the sequence ``name``, which it indexes.

    ``later`` are the uses of the result: all that is left of the name in the loop, where none of it is the
    sequence; None where that cannot be told.
    """

    statement: tree.Assign
    name: str
    later: tuple[tree.Name, ...] | None


def rebound_sequences(bptt: BackwardPass) -> tuple[Rebound, ...]:
    """Assignments in a loop over the steps that put one step's result in the place of what is indexed."""
    found: list[Rebound] = []
    for loop in bptt.heap.loops:
        statement = loop.statement
        if not isinstance(statement, tree.For) or loop.number in bptt.timeline.forward_loops:
            continue
        counters = {each.id for each in statement.target.walk() if isinstance(each, tree.Name)}
        for position, node in enumerate(statement.body):
            if isinstance(node, tree.Assign) and bptt.module.holds(node):
                name = _rebinds(node, counters)
                earlier = statement.body[:position]
                if name is not None and not any(_assigns(each, name) for each in earlier):
                    found.append(Rebound(node, name, _later_uses(bptt, statement, position, name)))
    return tuple(dict.fromkeys(found))


def _later_uses(bptt: BackwardPass, loop: tree.For, position: int, name: str) -> tuple[tree.Name, ...] | None:
    after = [node for statement in loop.body[position + 1 :] for node in statement.walk()]
    if any(isinstance(node, tree.Subscript) and _is(node.value, name) for node in after):
        return None  # perhaps an entry of the sequence
    if any(_assigns(statement, name) for statement in loop.body[position + 1 :]):
        return None
    function = next((each for each in bptt.module.ancestors(loop) if isinstance(each, tree.Function)), None)
    inside = {id(node) for node in loop.walk()}
    whole = function.walk() if function is not None else bptt.module.walk()
    line = bptt.module.span(loop).end_line
    for node in whole:
        if _is(node, name) and id(node) not in inside and bptt.module.span(node).line > line:
            return None  # the last round's result, or the sequence
    return tuple(node for node in after if isinstance(node, tree.Name) and node.id == name)


def _is(node: tree.Node, name: str) -> bool:
    return isinstance(node, tree.Name) and node.id == name


def _rebinds(node: tree.Assign, counters: set[str]) -> str | None:
    """The name that ``out = f(out[t])`` takes its entry from and puts the result into."""
    match node.targets:
        case (tree.Name(id=name),):
            for inner in node.value.walk():
                match inner:
                    case tree.Subscript(value=tree.Name(id=indexed), indices=indices) if indexed == name:
                        alone = [each for each in indices if not _is_whole_axis(each)]
                        if len(alone) == 1 and isinstance(alone[0], tree.Name) and alone[0].id in counters:
                            return name
    return None


def _is_whole_axis(index: tree.Expression) -> bool:
    return isinstance(index, tree.Slice) and index.lower is index.upper is index.step is None


def _assigns(statement: tree.Statement, name: str) -> bool:
    targets = [t for n in statement.walk() if isinstance(n, tree.Assign) for t in n.targets]
    return any(
        isinstance(each, tree.Name) and each.id == name for target in targets for each in target.walk()
    )
