"""Another name of the same scheme: the wrong gate's weights, δ or buffer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.diagnosis.edits.candidate import Candidate, Kind, replacing
from rnnlint.diagnosis.edits.forms import alike
from rnnlint.diagnosis.suspects import Suspect
from rnnlint.diagnosis.vocabulary import Atom, Vocabulary, atoms_in, base_name


def name_edits(suspect: Suspect, words: Vocabulary) -> Iterator[Candidate]:
    """Each name read or written exchanged for those that differ in the gate; each adjoint for the others."""
    program = suspect.program
    value = suspect.value
    read = list(atoms_in(value)) if value is not None else []
    written = [target for target in suspect.targets if isinstance(target, Atom)] if read else []
    yield from _namesake(suspect, words)
    for atom in read:
        yield from _alike(suspect, words, atom, 0.4)
        if words.is_adjoint(atom):
            text = program.source(atom)
            for other in words.deltas:
                if other != text:
                    yield replacing(program, atom, other, Kind.PARTNER, 1.3 if suspect.loops else 2.0)
            parent = program.parent(atom)
            if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult):
                for state in words.states:
                    yield replacing(program, atom, state, Kind.PARTNER, 1.2)
    for atom in written:
        if isinstance(suspect.node, ast.AugAssign):
            yield from _alike(suspect, words, atom, 0.5)
        elif _is_set_twice(suspect, words, atom):
            yield from _alike(suspect, words, atom, 1.0)


def _namesake(suspect: Suspect, words: Vocabulary) -> Iterator[Candidate]:
    """``h_hat = self.z[t]`` where the forward pass keeps ``self.h_hat``."""
    match suspect.targets, suspect.value:
        case (ast.Name(id=wanted),), ast.Subscript(value=ast.Name() | ast.Attribute() as sequence):
            if base_name(sequence) in _sequences_called(wanted):
                return
            for other in words.everything:
                if other.rpartition(".")[2] in _sequences_called(wanted) and other != wanted:
                    yield replacing(suspect.program, sequence, other, Kind.GATE, -0.5)
        case _:
            pass


def _sequences_called(step: str) -> tuple[str, ...]:
    """What a sequence may be called of which a variable holds one step's entry."""
    return step, f"{step}s", f"{step}_list", f"all_{step}"


def _is_set_twice(suspect: Suspect, words: Vocabulary, atom: Atom) -> bool:
    """Whether another statement sets the same: else a new name for it would only leave this one out."""
    text = suspect.program.source(atom)
    others = (other for other in words.text.suspects if other.node is not suspect.node)
    return words.is_adjoint(atom) and any(
        suspect.program.source(target) == text for other in others for target in other.targets
    )


def _alike(suspect: Suspect, words: Vocabulary, atom: Atom, rank: float) -> Iterator[Candidate]:
    text = suspect.program.source(atom)
    flows_back = words.is_adjoint(atom)
    written = any(atom is target for target in suspect.targets)
    others = words.adjoints if flows_back and written else words.deltas if flows_back else words.named
    for other, _, _ in alike(text, others):
        yield replacing(suspect.program, atom, other, Kind.GATE, rank)
    if isinstance(atom, ast.Subscript) and not flows_back:
        base = suspect.program.source(atom.value)
        for other, _, _ in alike(base, words.everything):
            yield replacing(suspect.program, atom.value, other, Kind.GATE, rank + 0.2)
