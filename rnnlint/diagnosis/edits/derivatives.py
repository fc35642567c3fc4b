"""The derivative's own form: of which function, at which argument, through which helper."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from rnnlint.diagnosis.edits.candidate import Candidate, Kind, replacing
from rnnlint.diagnosis.edits.chains import products_in
from rnnlint.diagnosis.edits.forms import forms, only_state
from rnnlint.diagnosis.suspects import Suspect
from rnnlint.diagnosis.vocabulary import Vocabulary


def derivative_edits(suspect: Suspect, words: Vocabulary) -> Iterator[Candidate]:
    """Every expression of one state alone, written as each of that state's other forms."""
    value = suspect.value
    if value is None:
        return
    yield from _of_groups(suspect, words, value)
    for node in _outermost_of_one_state(value, words):
        yield from _of_expression(suspect, words, node)
    for inner in ast.walk(value):
        if isinstance(inner, ast.Call) and len(inner.args) == 1:
            yield from _of_call(suspect, words, inner)


def _of_expression(suspect: Suspect, words: Vocabulary, node: ast.expr) -> Iterator[Candidate]:
    state = only_state(node, words)
    if state is not None and node is suspect.value and isinstance(node, ast.Subscript):
        yield replacing(suspect.program, node, f"{words.tanh}({state})", Kind.MISSING_FUNCTION, 0.9)
    if state is None or (
        isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and state not in words.states
    ):
        return
    before = suspect.program.source(node)
    beside = f"{state} * (" in suspect.program.source(suspect.node)  # s * (…): a σ's derivative begins so
    for new, unlikely in forms(state, words):
        if beside and new == f"1 - {state}":
            unlikely = 0.0
        if _plain(new) != _plain(before):
            yield replacing(suspect.program, node, new, _kind(node, state), 0.3 + unlikely)


def _of_groups(suspect: Suspect, words: Vocabulary, value: ast.expr) -> Iterator[Candidate]:
    """Neighbouring factors of one state, such as ``f * (1 - f)``, taken together."""
    for chain in products_in(suspect.program, value):
        states = [only_state(member, words) for member in chain.members]
        for index in range(len(states) - 1):
            state = states[index]
            if state is None or state != states[index + 1]:
                continue
            for new, unlikely in forms(state, words):
                if new != f"{state} * (1 - {state})":
                    yield chain.replaced(index, index + 1, new, Kind.DERIVATIVE, 0.35 + unlikely)


def _of_call(suspect: Suspect, words: Vocabulary, node: ast.Call) -> Iterator[Candidate]:
    """The helper with its flag, without it, at the argument's own argument, at the argument's tanh or σ."""
    program = suspect.program
    function, inner = program.source(node.func), node.args[0]
    if re.search(
        r"zeros|ones|empty|shape|copy|len|range|sum|array|exp$|log$|sqrt|stack|concat|outer|dot", function
    ):
        return
    if isinstance(inner, ast.Call) and len(inner.args) == 1:
        yield replacing(program, inner, program.source(inner.args[0]), Kind.TWICE, 0.3)
    else:
        yield replacing(program, inner, f"{words.tanh}({program.source(inner)})", Kind.DERIVATIVE, 1.2)
    if node.keywords:
        yield replacing(program, node, f"{function}({program.source(inner)})", Kind.DERIVATIVE, 0.8)
    for flag in () if node.keywords else words.flags:
        new = f"{function}({program.source(inner)}, {flag})"
        yield replacing(program, node, new, Kind.PLAIN_ACTIVATION, 0.5)


def _outermost_of_one_state(value: ast.expr, words: Vocabulary) -> Iterator[ast.expr]:
    """The largest expressions made of one state each, then the factors inside them."""
    if only_state(value, words) is not None:
        yield value
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
            for side in (value.left, value.right):
                yield from _outermost_of_one_state(side, words)
        return
    for child in ast.iter_child_nodes(value):
        if isinstance(child, ast.expr) and not isinstance(value, ast.Subscript | ast.Attribute):
            yield from _outermost_of_one_state(child, words)


def _kind(node: ast.expr, state: str) -> Kind:
    match node:
        case ast.Name() | ast.Attribute() | ast.Subscript():
            return Kind.PLAIN_ACTIVATION
        case ast.Call(args=[ast.Call()]):
            return Kind.TWICE
        case ast.Call(keywords=[]):
            return Kind.PLAIN_ACTIVATION
        case _:
            return Kind.DERIVATIVE


def _plain(text: str) -> str:
    return text.replace(" ", "")
