"""Words and edits for reads of state sequences: what index to write instead, and the picture of the list."""

from __future__ import annotations

from rnnlint.findings import Misunderstanding, Span
from rnnlint.model.backward import BackwardPass
from rnnlint.model.heap import Store
from rnnlint.model.sequences import StateSequence
from rnnlint.model.state_reads import misreads
from rnnlint.rules.registry import FixDraft, RelatedDraft, Replacement
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module


def index_of(node: tree.Subscript) -> tree.Expression:
    """The index of time in an access: the one that is no slice."""
    single = [each for each in node.indices if not isinstance(each, tree.Slice)]
    return single[-1] if single else node.indices[0]


def shifted(module: Module, index: tree.Expression, by: int) -> str:
    """The text of ``index + by``, written as one would: ``t - 1`` shifted by one is ``t``."""
    match index:
        case tree.Constant(value=int() as number):
            return str(number + by)
        case tree.Binary(operator="+" | "-" as sign, left=left, right=tree.Constant(value=int() as number)):
            total = (number if sign == "+" else -number) + by
            return _plus(module.text_of(left), total)
    return _plus(module.text_of(index), by)


def _plus(text: str, number: int) -> str:
    return f"{text} {'+' if number > 0 else '-'} {abs(number)}" if number else text


def corrected(module: Module, node: tree.Subscript, by: int) -> str:
    """The access with its index shifted."""
    index = index_of(node)
    others = [shifted(module, each, by) if each is index else module.text_of(each) for each in node.indices]
    return f"{module.text_of(node.value)}[{', '.join(others)}]"


def index_fix(module: Module, nodes: tuple[tree.Subscript, ...], by: int) -> FixDraft:
    """Shift the index of each access."""
    first = corrected(module, nodes[0], by)
    edits = tuple(Replacement(index_of(each), shifted(module, index_of(each), by)) for each in nodes)
    return FixDraft(f"Use `{first}`.", edits)


def stored_at(store: Store) -> str:
    """``forward.py:12``, or ``cell 15:35`` in a notebook."""
    source, line = store.module.source, span_of(store).line
    return source.label(line) if source.notebook else f"{source.path.name}:{line}"


def span_of(store: Store) -> Span:
    """Where a store stands in its own file."""
    return store.module.span(store.statement)


def related(sequence: StateSequence) -> tuple[RelatedDraft, ...]:
    """The line that stored the initial state."""
    store = sequence.initial_store
    if store is None:
        return ()
    return (RelatedDraft(span_of(store), "The initial state is stored first, here.", store.module.path),)


def one_place_later(bptt: BackwardPass) -> Misunderstanding:
    """The thought behind reads of a list whose first entry is the initial state."""
    misread = [each for each in misreads(bptt) if each.sequence.initial_store is not None]
    lines = []
    if misread:
        bases = [each.sequence.base for each in misread]
        first = max(misread, key=lambda each: bases.count(each.sequence.base))
        store = first.sequence.initial_store
        names = list(dict.fromkeys(bptt.module.text_of(each.nodes[0].value) for each in misread))
        index = index_of(first.nodes[0])
        now = shifted(bptt.module, index, first.correction - first.role)
        before = shifted(bptt.module, index, first.correction - first.role - 1)
        name = bptt.module.text_of(first.nodes[0].value)
        width = max(len(name), len("index"))
        if store is not None:
            lines += [
                f"{stored_at(store)} stores the initial state first:",
                f"   {'index':<{width}}   0      1     2    ...",
                f"   {name:<{width}} [init,  {name}_0,  {name}_1,  ...]",
            ]
        same = f" Same for {', '.join(each for each in names if each != name)}." if len(names) > 1 else ""
        lines.append(f"This step's state is {name}[{now}]; the one before is {name}[{before}].{same}")
    return Misunderstanding(
        "states-one-place-later", "Your states sit one place later than you index", "\n".join(lines)
    )
