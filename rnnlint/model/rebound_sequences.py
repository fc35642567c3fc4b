"""Sequences that a loop over the steps indexes and rebinds."""

from __future__ import annotations

from rnnlint.model.backward import BackwardPass
from rnnlint.syntax import tree


def rebound_sequences(bptt: BackwardPass) -> tuple[tuple[tree.Assign, str], ...]:
    """Assignments in a loop over the steps that put one step's result in the place of what is indexed."""
    found = []
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
                    found.append((node, name))
    return tuple(dict.fromkeys(found))


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
