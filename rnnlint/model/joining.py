"""Finds the backward passes of a file and joins each to the forward pass whose values it is given."""

from __future__ import annotations

from collections.abc import Iterator

from rnnlint.model.backward import BackwardPass
from rnnlint.model.candidates import called_name, candidates, stems_named_in, top_level, writes_gradients
from rnnlint.model.execution import Execution
from rnnlint.model.heap import Frame
from rnnlint.model.helpers import Helpers
from rnnlint.model.partners import Partner, partners
from rnnlint.model.places import TooLargeError
from rnnlint.model.program import Definition, Program
from rnnlint.model.sequences import Timeline
from rnnlint.model.terms import Op, Term, Terms
from rnnlint.syntax import tree


def backward_passes(program: Program, helpers: Helpers) -> Iterator[BackwardPass]:
    """Every backward pass of the target file that can be followed."""
    module = program.target
    for definition in candidates(program):
        found = _pass_of(program, helpers, definition)
        if found is not None:
            yield found
    if writes_gradients(tuple(top_level(module)), stems_named_in(module)):
        found = _run(program, helpers, None, None, frozenset())
        if found is not None:
            yield found


def _pass_of(program: Program, helpers: Helpers, backward: Definition) -> BackwardPass | None:
    best: BackwardPass | None = None
    lists = _empty_lists(backward.owner) if backward.owner is not None else frozenset[str]()
    for partner in (None, *partners(program, backward)):
        if partner is not None and id(partner.definition.function) in helpers.without_gates:
            continue
        found = _run(program, helpers, backward, partner, lists)
        if found is not None and found.deltas and found.forward.gates:
            return found
        if found is not None and (best is None or (found.deltas and not best.deltas)):
            best = found
    return best


def _run(
    program: Program,
    helpers: Helpers,
    backward: Definition | None,
    partner: Partner | None,
    lists: frozenset[str],
) -> BackwardPass | None:
    terms = Terms()
    given: dict[str, Term] = {}
    execution = Execution(program, terms, helpers)
    step_state: dict[int, Term] = {}
    try:
        if partner is not None:
            result = _result_of_gates(execution, helpers, partner.definition)
            if result is None:
                return None
            given = {name: _element(terms, result, position) for name, position in partner.given.items()}
            if not execution.heap.loops:
                step_state = {
                    terms.symbol(place).key: term
                    for place, term in execution.heap.places.items()
                    if term != terms.symbol(place)
                }
        noted = len(execution.heap.bindings), len(execution.heap.stores)
        frame: Frame
        if backward is None:
            frame = execution.run_statements(program.target, program.target.body)
        else:
            _, frame = execution.run(backward, given)
    except TooLargeError:
        return None
    timeline = Timeline(execution.heap, step_state, lists)
    return BackwardPass(program, backward, execution.heap, terms, frame, timeline, noted)


def _result_of_gates(execution: Execution, helpers: Helpers, forward: Definition) -> Term | None:
    """What a function returns; None where it has no gate (a nonlinearity of a product with weights).

    Raises :class:`TooLargeError`. No function without a gate is followed twice.
    """
    asked = id(forward.function)
    helpers.without_gates.add(asked)  # unless it shows one
    result, _ = execution.run(forward, {})
    if not Timeline(execution.heap, {}).takes_a_nonlinearity:
        return None
    helpers.without_gates.discard(asked)
    return execution.terms.number(None) if result is None else result


def _empty_lists(owner: tree.Class) -> frozenset[str]:
    """The attributes that every method sets to an empty list, and that one method alone appends to."""
    empty: set[str] = set()
    others: set[str] = set()
    appending: dict[str, set[str]] = {}
    for method in owner.methods.values():
        for node in method.walk():
            match node:
                case tree.Assign(targets=targets, value=value):
                    named = {attribute for target in targets if (attribute := _attribute_of_self(target))}
                    begins_empty = (
                        isinstance(value, tree.Sequence) and value.kind == "list" and not value.items
                    )
                    (empty if begins_empty or _called_name_is(value, "list") else others).update(named)
                case tree.Call(function=tree.Attribute(value=value, attr="append" | "insert" | "extend")):
                    if (attribute := _attribute_of_self(value)) is not None:
                        appending.setdefault(attribute, set()).add(method.name)
    shared = {attribute for attribute, methods in appending.items() if len(methods) > 1}
    return frozenset(f"self.{attribute}" for attribute in empty - others - shared)


def _attribute_of_self(node: tree.Node) -> str | None:
    match node:
        case tree.Attribute(value=tree.Name(id="self"), attr=attr):
            return attr
    return None


def _called_name_is(node: tree.Expression, name: str) -> bool:
    return isinstance(node, tree.Call) and not node.arguments and called_name(node) == name


def _element(terms: Terms, result: Term, position: int | None) -> Term:
    if position is None:
        return result
    if result.op is Op.TUPLE and position < len(result.args):
        return result.args[position]
    return terms.make(Op.PART, result, data=("element", position))
