"""Factors of products: one too many, one missing, another state's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import permutations

from rnnlint.diagnosis.edits.candidate import Candidate, Kind, replacing
from rnnlint.diagnosis.edits.chains import products_in, single, sums_in
from rnnlint.diagnosis.edits.forms import forms, only_state, related
from rnnlint.diagnosis.edits.matrices import matrix_operands
from rnnlint.diagnosis.suspects import Suspect, slots
from rnnlint.diagnosis.vocabulary import Atom, Vocabulary, atoms_in, base_name

MOST_STATES = 16


def factor_edits(suspect: Suspect, words: Vocabulary) -> Iterator[Candidate]:
    """Each factor dropped or exchanged, each state's forms put in."""
    value = suspect.value
    if value is None:
        return
    program = suspect.program
    for chain in products_in(program, value):
        for index, member in enumerate(chain.members):
            of_state = only_state(member, words) is not None
            yield chain.dropped(index, Kind.SPURIOUS_FACTOR, 0.6 if of_state else 2.0)
            if of_state:
                yield from _exchanged(suspect, words, member)
    if any(words.is_adjoint(atom) for atom in atoms_in(value)):
        yield from _inserted(suspect, words, value)
    yield from _adjoints_inserted(suspect, words, value)
    yield from _into_products(suspect, words, value)


def _exchanged(suspect: Suspect, words: Vocabulary, member: ast.expr) -> Iterator[Candidate]:
    """The same form of another state; the state itself where a form of another stood."""
    program = suspect.program
    own = only_state(member, words)
    assert own is not None
    written = program.source(member)
    chain = single(program, member, product=True)
    for state in words.states[:MOST_STATES]:
        if state == own:
            continue
        if written == own:
            yield chain.replaced(0, 0, state, Kind.PARTNER, 0.7)
        else:
            yield chain.replaced(0, 0, written.replace(own, state), Kind.PARTNER, 1.0)


def _inserted(suspect: Suspect, words: Vocabulary, value: ast.expr) -> Iterator[Candidate]:
    program = suspect.program
    names = [program.source(target) for target in suspect.targets]
    carries = any(base_name(target) in words.carried for target in suspect.targets)
    for slot in slots(value):
        terms = [slot]
        for chain in sums_in(program, slot):
            terms += [m for m in chain.members if any(words.is_adjoint(atom) for atom in atoms_in(m))]
        for term in terms:
            if isinstance(term, ast.Subscript | ast.Call) and not any(True for _ in atoms_in(term)):
                continue
            for state in words.states[:MOST_STATES]:
                near = any(related(name, state) for name in names)
                for form, unlikely in forms(state, words):
                    derivative = form != state and not form.startswith(words.tanh)
                    kind = Kind.MISSING_DERIVATIVE if derivative else Kind.MISSING_FACTOR
                    rank = 0.5 + unlikely if near else 1.0 + unlikely
                    if carries:  # dC_next = dC * f
                        rank += 0.3 if derivative else -0.5
                    rank += 0.8 if isinstance(suspect.node, ast.AugAssign) else 0.0
                    rank += 0.6 if term is slot and len(terms) > 1 else 0.0  # all terms at once
                    yield single(program, term, product=True).with_factor(form, kind, rank)
            if isinstance(suspect.node, ast.Assign):
                for one, other in permutations(words.states[: MOST_STATES // 2], 2):
                    difference = f"{one} - {other}"
                    yield single(program, term, product=True).with_factor(
                        difference, Kind.MISSING_FACTOR, 1.9
                    )


def _adjoints_inserted(suspect: Suspect, words: Vocabulary, value: ast.expr) -> Iterator[Candidate]:
    """What flows back, put in where a term has none of it."""
    program = suspect.program
    if not any(words.is_adjoint(target) for target in suspect.targets):
        return
    for slot in slots(value):
        atoms = list(atoms_in(slot))
        if not atoms or any(words.is_adjoint(atom) for atom in atoms):
            continue
        if all(program.source(atom) in words.states for atom in atoms):
            for adjoint in words.deltas:
                yield single(program, slot, product=True).with_factor(adjoint, Kind.MISSING_FACTOR, 0.9)
            for atom in atoms:
                if isinstance(program.parent(atom), ast.BinOp):
                    for adjoint in words.deltas:
                        yield replacing(program, atom, adjoint, Kind.PARTNER, 1.0)


def _into_products(suspect: Suspect, words: Vocabulary, value: ast.expr) -> Iterator[Candidate]:
    """A state as factor of the forward quantity in a matrix product: ``(r * h_prev).T`` for ``h_prev.T``."""
    program = suspect.program
    for node in ast.walk(value):
        for operand in matrix_operands(node) or ():
            inner = operand.value if isinstance(operand, ast.Attribute) and operand.attr == "T" else operand
            if not isinstance(inner, Atom) or words.is_adjoint(inner):
                continue
            text = program.source(inner)
            for state in words.states[:MOST_STATES]:
                if state != text and text in words.states:
                    yield replacing(program, inner, f"{state} * {text}", Kind.MISSING_FACTOR, 1.2)
