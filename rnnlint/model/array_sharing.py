"""One array under several names, each of which is then written as if it were an array of its own."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.code_blocks import CodeBlock, place_of, unpacked
from rnnlint.records import dataclass
from rnnlint.syntax import tree

_MAKERS = frozenset({"zeros", "zeros_like", "ones", "ones_like", "empty", "empty_like", "full", "full_like"})


@dataclass(frozen=True, slots=True)
class SharedBuffer:
    """``statement`` gives one new array to several places; ``written`` are those changed in place."""

    statement: tree.Assign
    value: tree.Expression
    written: tuple[str, ...]


def shared_buffers(block: CodeBlock) -> Iterator[SharedBuffer]:
    """The arrays of a block that two places share and both write into."""
    written = set(_written_in_place(block))
    for statement in block.of_kind(tree.Assign):
        places = _sharing_places(block, statement)
        both = tuple(place for place in places if place in written)
        if len(both) >= 2 and not any(_is_rebound(block, place, statement) for place in both):
            yield SharedBuffer(statement, statement.value, both)


def _sharing_places(block: CodeBlock, statement: tree.Assign) -> list[str]:
    """The places that ``a = b = np.zeros(…)``, or ``b = a`` after ``a = np.zeros(…)``, make one array."""
    targets = [place for target in statement.targets if (place := _whole(target))]
    if _makes_array(block, statement.value):
        return targets if len(statement.targets) >= 2 else []
    source = _whole(statement.value)
    values = [value for _, value in _rebindings(block, source)] if source else []
    if source and len(values) == 1 and _makes_array(block, values[0]):
        return [source, *targets]
    return []


def _rebindings(block: CodeBlock, place: str) -> list[tuple[tree.Assign, tree.Expression]]:
    """The statements that put another value in a place, each with that value."""
    return [
        (statement, value)
        for statement in block.of_kind(tree.Assign)
        for target in statement.targets
        for each, value in unpacked(target, statement.value)
        if _whole(each) == place
    ]


def _whole(expression: tree.Expression) -> str | None:
    """The place of a name, an attribute or a dict's entry; None for an element or anything else."""
    place = place_of(expression)
    named = isinstance(expression, tree.Name | tree.Attribute) or (place or "").endswith("']")
    return place if named else None


def _makes_array(block: CodeBlock, value: tree.Expression) -> bool:
    return block.called(value) in _MAKERS


def _written_in_place(block: CodeBlock) -> Iterator[str]:
    for statement in block.of_kind(tree.Statement):
        match statement:
            case tree.AugmentedAssign(target=target) if place_of(target):
                yield place_of(target) or ""
            case tree.Assign(targets=targets):
                for target in targets:
                    for each in target.items if isinstance(target, tree.Sequence) else (target,):
                        if isinstance(each, tree.Subscript) and not _whole(each) and place_of(each):
                            yield place_of(each) or ""


def _is_rebound(block: CodeBlock, place: str, statement: tree.Assign) -> bool:
    """Whether the place is given another array by a statement after this one."""
    statements = [each for each, _ in _rebindings(block, place)]
    return statement in statements and any(
        other is not statement for other in statements[statements.index(statement) :]
    )
