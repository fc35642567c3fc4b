"""Terms of sums: one missing, one too many, one with the wrong sign."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from rnnlint.diagnosis.edits.candidate import Candidate, Kind, replacing
from rnnlint.diagnosis.edits.chains import Chain, single, sums_in
from rnnlint.diagnosis.edits.forms import alike
from rnnlint.diagnosis.edits.matrices import matrix_operands
from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import Suspect, slots
from rnnlint.diagnosis.vocabulary import Vocabulary, atoms_in
from rnnlint.findings import Edit, Span

MOST_ADJOINTS = 14


def term_edits(suspect: Suspect, words: Vocabulary) -> Iterator[Candidate]:
    """Each term dropped or its sign turned; carries, other gates' like terms, other adjoints added."""
    value = suspect.value
    if value is None or not any(words.is_adjoint(atom) for atom in atoms_in(value)):
        return
    program = suspect.program
    chains = [chain for chain in sums_in(program, value) if _flows_back(chain, words)]
    for chain in chains:
        for index in range(len(chain.members)):
            yield chain.dropped(index, Kind.SPURIOUS_TERM, 1.1)
            if index:
                yield _turned(chain, index)
        yield from _added(suspect, words, chain)
        yield from _injected(suspect, chain)
    for slot in (*slots(value), *_passed(program, value)):
        if any(chain.whole is slot for chain in chains):
            continue
        yield from _added(suspect, words, single(program, slot, product=False))
        match slot:
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                yield replacing(program, slot, program.source(operand), Kind.SIGN, 0.8)
            case _:
                yield replacing(program, slot, f"-{program.operand(slot)}", Kind.SIGN, 2.2)


def _injected(suspect: Suspect, chain: Chain) -> Iterator[Candidate]:
    """A term with a product, at the first step of the way back alone: the loss may use the last step only."""
    program = chain.program
    first = _first_step(program, suspect.loops[-1]) if suspect.loops else None
    if first is None or len(chain.members) != 2:
        return
    for index, member in enumerate(chain.members):
        if any(matrix_operands(node) for node in ast.walk(member)):
            new = f"({program.source(member)} if {first} else 0)"
            yield chain.replaced(index, index, new, Kind.INJECTED, 0.9)


def _first_step(program: ProgramText, loop: ast.For | ast.While) -> str | None:
    """A condition that holds at a loop's first step: ``t == T - 1`` of ``reversed(range(T))``."""
    match loop:
        case ast.For(target=ast.Name(id=step), iter=ast.Call(func=ast.Name(id="range"), args=[_])):
            return f"{step} == 0"
        case ast.For(
            target=ast.Name(id=step),
            iter=ast.Call(
                func=ast.Name(id="reversed"), args=[ast.Call(func=ast.Name(id="range"), args=[end])]
            ),
        ):
            return f"{step} == {program.operand(end, ast.Sub)} - 1"
        case ast.For(
            target=ast.Name(id=step), iter=ast.Call(func=ast.Name(id="range"), args=[start, _, ast.UnaryOp()])
        ):
            return f"{step} == {program.source(start)}"
        case _:
            return None


def _passed(program: ProgramText, value: ast.expr) -> Iterator[ast.expr]:
    """The arguments of calls of the file's own functions."""
    for node in ast.walk(value):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[_, *_]):
                if name in program.functions and node is value:
                    yield from node.args
            case _:
                pass


def _flows_back(chain: Chain, words: Vocabulary) -> bool:
    return any(words.is_adjoint(atom) for member in chain.members for atom in atoms_in(member))


def _turned(chain: Chain, index: int) -> Candidate:
    program = chain.program
    before, this = (program.outer_span(chain.members[n]) for n in (index - 1, index))
    between = Span(before.end_line, before.end_column, this.line, this.column)
    old, new = ("+", "-") if chain.signs[index] > 0 else ("-", "+")
    text = program.between(between)
    edit = Edit(program.path, between, text.replace(old, new, 1))
    whole = program.source(chain.whole)
    written = program.source(chain.members[index])
    return Candidate(Kind.SIGN, (edit,), program.span(chain.whole), whole, f"… {new} {written}", 0.8)


def _added(suspect: Suspect, words: Vocabulary, chain: Chain) -> Iterator[Candidate]:
    program = suspect.program
    own = {program.source(target) for target in suspect.targets}
    present = {program.source(atom) for member in chain.members for atom in atoms_in(member)}
    for term in _like_terms(chain, words):
        yield chain.with_term(term, 0.8)
    for adjoint in words.deltas[:MOST_ADJOINTS]:
        if adjoint in own or adjoint in present:
            continue
        forgotten = "next" in adjoint or "prev" in adjoint or adjoint in words.upstream
        yield chain.with_term(adjoint, 0.7 if forgotten else 1.6)
        if "next" in adjoint:
            for state in words.states:
                yield chain.with_term(f"{adjoint} * {state}", 2.4)
    has_product = any(matrix_operands(node) for member in chain.members for node in ast.walk(member))
    carried = any("next" in name or "prev" in name for name in own)
    if suspect.loops and isinstance(suspect.node, ast.Assign) and (carried or not has_product):
        for weight in _weights(words.program):
            for adjoint in words.deltas[:MOST_ADJOINTS]:
                if adjoint not in own:
                    yield chain.with_term(words.product.format(weight, adjoint), 2.2)


def _like_terms(chain: Chain, words: Vocabulary) -> Iterator[str]:
    """A term of the sum with another gate's names throughout."""
    program = chain.program
    present = {program.source(member) for member in chain.members}
    for member in chain.members:
        atoms = list(dict.fromkeys(program.source(atom) for atom in atoms_in(member)))
        if not atoms or matrix_operands(member) is None:
            continue
        for other, old, new in alike(atoms[0], words.named):
            text = program.source(member).replace(atoms[0], other)
            for atom in atoms[1:]:
                gate = _differing(old, new)
                partner = next(
                    (o for o, was, becomes in alike(atom, words.named) if _differing(was, becomes) == gate),
                    None,
                )
                text = text.replace(atom, partner) if partner else text
            if text not in present:
                yield text


def _differing(old: str, new: str) -> tuple[str, str]:
    """The middle in which two names differ: ("f", "i") for W_f and W_i."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return old[start : len(old) - end], new[start : len(new) - end]


@lru_cache(maxsize=16)
def _weights(program: ProgramText) -> tuple[str, ...]:
    """Transposed weights: the left operands of the file's matrix products, the forward's among them."""
    seen: dict[str, None] = {}
    for node in ast.walk(program.tree):
        operands = matrix_operands(node)
        if operands is None:
            continue
        left = operands[0]
        if isinstance(left, ast.Attribute) and left.attr == "T":
            left = left.value
        if Vocabulary.is_plain(left):
            seen[f"{program.source(left)}.T"] = None
    return tuple(seen)
