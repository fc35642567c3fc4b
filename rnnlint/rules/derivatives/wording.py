"""Words and edits for factors of a derivative: which factor stands there, and which belongs."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.findings import Misunderstanding
from rnnlint.model.backward import BackwardPass
from rnnlint.model.discrepancies import Discrepancy, Wrong
from rnnlint.model.helpers import Computes
from rnnlint.model.slopes import activation_kind
from rnnlint.model.terms import Op, Term
from rnnlint.rules.registry import FixDraft
from rnnlint.syntax import tree

WRONG_QUANTITY = Misunderstanding(
    "derivatives-of-the-wrong-quantity",
    "Derivatives of the wrong quantity",
    "What the forward pass keeps of a gate already went through its nonlinearity:\n"
    "  sigmoid' = s(1-s)      tanh' = 1-g^2      with s, g the kept values\n"
    "A helper that applies the nonlinearity itself expects the value BEFORE it.",
)


def factors_in_file(bptt: BackwardPass, *kinds: Wrong) -> Iterator[tuple[Discrepancy, tree.Expression]]:
    """The discrepancies of these kinds whose factor stands in this file, with its expression."""
    for each in bptt.discrepancies:
        if each.wrong in kinds:
            node = node_of(bptt, each)
            if node is not None:
                yield each, node


def uses_in_file(bptt: BackwardPass, *kinds: Wrong) -> Iterator[tuple[Discrepancy, tree.Expression]]:
    """As :func:`factors_in_file`, but where the factor is used: a kept value is right where it is read."""
    adjoints = {id(b.statement) for b in bptt.bindings if bptt.derivatives.is_adjoint(b.value)}
    for each, node in factors_in_file(bptt, *kinds):
        statement, whole = bptt.module.statement_of(node), each.delta.origin
        if id(statement) in adjoints:
            yield each, node
        elif whole is not None and bptt.module.holds(whole):
            yield each, whole


def node_of(bptt: BackwardPass, each: Discrepancy) -> tree.Expression | None:
    """The expression that the factors at fault are: the smallest that holds them all; None outside this file.

    A kept value that was read into a variable before is right where it was read: the δ's expression counts.
    """
    nodes = [term.origin for term in each.observed if term.origin is not None]
    if not nodes or not all(bptt.module.holds(node) for node in nodes):
        return None
    around = _smallest_around(bptt, nodes)
    if around is not None:
        return _read_in_delta(bptt, each) or around
    adjoints = {id(b.statement) for b in bptt.bindings if bptt.derivatives.is_adjoint(b.value)}
    used = [node for node in nodes if id(bptt.module.statement_of(node)) in adjoints]
    return _smallest_around(bptt, used) if used else each.delta.origin


def _read_in_delta(bptt: BackwardPass, each: Discrepancy) -> tree.Expression | None:
    """Where the δ's expression reads a value that the forward pass kept: the value itself is right where it
    was computed, or taken out of a cache. None for a factor that the backward pass computes.
    """
    whole = each.delta.origin
    if len(each.observed) != 1 or whole is None or not bptt.module.holds(whole):
        return None
    (factor,) = each.observed
    kept = any(gate.value.key == factor.key for gate in bptt.forward.gates)
    if kept or _is_target(bptt, factor.origin):
        return _operand(whole, each.delta, factor)
    return None


def _is_target(bptt: BackwardPass, node: tree.Expression | None) -> bool:
    """Whether a value's place in the text is a name that it is unpacked into."""
    statement = bptt.module.statement_of(node) if node is not None else None
    return isinstance(statement, tree.Assign) and any(
        node is inner for target in statement.targets for inner in target.walk()
    )


def _operand(node: tree.Expression, term: Term, wanted: Term) -> tree.Expression | None:
    """The operand of the product ``node``, whose value is ``term``, that has the value ``wanted``."""
    if term.key == wanted.key:
        return node
    if not isinstance(node, tree.Binary) or len(term.args) != 2:
        return None
    left, right = term.args
    return _operand(node.left, left, wanted) or _operand(node.right, right, wanted)


def _smallest_around(bptt: BackwardPass, nodes: list[tree.Expression]) -> tree.Expression | None:
    first, *others = nodes
    ancestors = (node for node in bptt.module.ancestors(first) if isinstance(node, tree.Expression))
    for node in (first, *ancestors):
        inside = {id(inner) for inner in node.walk()}
        if all(id(other) in inside for other in others):
            return node
    return None


def symbol_of(kind: Computes) -> str:
    """``σ``, ``tanh`` or ``relu``."""
    return {Computes.SIGMOID: "σ", Computes.TANH: "tanh"}.get(kind, "relu")


def kind_of(each: Discrepancy) -> Computes:
    """The nonlinearity whose slope the forward pass asks for."""
    assert each.expected is not None and each.expected.slope_of is not None
    return activation_kind(each.expected.slope_of)


def slope_text(kind: Computes, kept: str) -> str:
    """φ′ in the words of the kept value: ``s * (1 - s)``, ``1 - g ** 2``."""
    if kind is Computes.SIGMOID:
        return f"{kept} * (1 - {kept})"
    return f"1 - {kept} ** 2" if kind is Computes.TANH else f"({kept} > 0)"


def kept_value(bptt: BackwardPass, each: Discrepancy, node: tree.Expression) -> str | None:
    """How the program reads the gate's kept value inside ``node``; None where it does not read it there."""
    assert each.expected is not None and each.expected.slope_of is not None
    wanted = each.expected.slope_of
    inside = {id(inner) for inner in node.walk()}
    if len(each.observed) > 1 and not all(id(term.origin) in inside for term in each.observed):
        return None
    same = bptt.derivatives.same_value
    for factor in each.observed:
        for term in factor.walk():
            if term.op in (Op.RECALL, Op.PART) or term == wanted:
                at = bptt.timeline.at(term)
                if (at.value if at else term) == wanted or same(term, wanted, timeless=True):
                    return _as_read(bptt, term, node)
    return None


def _as_read(bptt: BackwardPass, term: Term, node: tree.Expression) -> str | None:
    """The text of ``term`` where ``node`` reads it: its own, or the variable's that holds it."""
    inside = {id(each) for each in node.walk()}
    if term.origin is not None and id(term.origin) in inside:
        return bptt.module.text_of(term.origin)
    match node:
        case tree.Call(arguments=(tree.Name() | tree.Attribute() | tree.Subscript() as argument, *_)):
            return bptt.module.text_of(argument)
        case tree.Name() | tree.Attribute() | tree.Subscript():
            return bptt.module.text_of(node)
    return bptt.module.text_of(term.origin) if term.origin and bptt.module.holds(term.origin) else None


def replacement(bptt: BackwardPass, node: tree.Expression, text: str) -> FixDraft:
    """Put ``text`` for ``node``, in parentheses where the expression around it asks for them."""
    outer = bptt.module.parent(node)
    bare = isinstance(outer, tree.Assign | tree.AugmentedAssign | tree.Return | tree.Call | tree.Keyword)
    product = text.partition(" ")[2].startswith("*") and isinstance(outer, tree.Binary)
    joins = (product and isinstance(outer, tree.Binary) and outer.operator in ("*", "+")) or (
        product and _is_left(outer, node)
    )
    enclosed = bptt.module.is_in_parentheses(node)
    return FixDraft.replace(node, text if bare or joins or enclosed else f"({text})", f"Use `{text}`.")


def _is_left(outer: tree.Node | None, node: tree.Expression) -> bool:
    return isinstance(outer, tree.Binary) and outer.operator in ("-", "/") and outer.left is node
