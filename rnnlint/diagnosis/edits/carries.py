"""What is carried from one step back to the one before, and never set."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product

from rnnlint.diagnosis.edits.candidate import Candidate, Kind
from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import BackwardText, Suspect, targets
from rnnlint.diagnosis.vocabulary import Vocabulary, atoms_in, base_name
from rnnlint.findings import Edit, Span

MOST_SOURCES = 10


def carry_edits(text: BackwardText, words: Vocabulary) -> Iterator[Candidate]:
    """Assignments at the end of the loop for names that it reads and never sets, alone and two together."""
    for loop in text.loops:
        inside = [suspect for suspect in text.suspects if loop in suspect.loops]
        unset = _never_set(text, words, loop, inside)
        single = {name: list(_sources(words, inside, name)) for name in unset}
        for name, sources in single.items():
            for source, rank in sources:
                yield _appended(text.program, loop, [(name, source)], rank)
        yield from _initial_gradients(text, words, loop, inside)
        if len(unset) == 2:
            for (one, first), (other, second) in product(single[unset[0]], single[unset[1]]):
                yield _appended(
                    text.program, loop, [(unset[0], one), (unset[1], other)], 0.1 + first + second
                )


def _initial_gradients(
    text: BackwardText, words: Vocabulary, loop: ast.For | ast.While, inside: list[Suspect]
) -> Iterator[Candidate]:
    """The gradient of an initial state, begun as zeros and never set: what the carry holds after the loop."""
    program = text.program
    set_elsewhere = {base_name(t) for s in text.suspects for t in s.targets if s.line >= loop.lineno}
    zeros = [
        target.id
        for suspect in text.suspects
        if suspect.line < loop.lineno
        for target in suspect.targets
        if isinstance(target, ast.Name) and words.is_adjoint(target) and target.id not in set_elsewhere
    ]
    carried = {target.id for s in inside for target in s.targets if isinstance(target, ast.Name)}
    for name in dict.fromkeys(each for each in zeros if _INITIAL.search(each)):
        for carry in (each for each in sorted(words.carried) if each in carried):
            span = program.span(loop)
            line = program.lines[span.line - 1]
            indent = line[: len(line) - len(line.lstrip())]
            place = Span(span.end_line, span.end_column, span.end_line, span.end_column)
            written = f"{name} = {carry}"
            edit = Edit(program.path, place, f"\n{indent}{written}")
            rank = 0.3 if _state_of(name) == _state_of(carry) else 1.0
            yield Candidate(Kind.INITIAL_STATE, (edit,), span, "", written, rank)


_INITIAL = re.compile(r"0$|init|first|start")


def _state_of(name: str) -> str:
    return re.sub(r"prev|next|init|first|start|[\d_]|t$", "", name.lower())


def _never_set(
    text: BackwardText, words: Vocabulary, loop: ast.For | ast.While, inside: list[Suspect]
) -> list[str]:
    """Names set before the loop, read in it, and not set in it."""
    program = text.program
    set_inside = {program.source(target) for suspect in inside for target in suspect.targets}
    read_inside = {
        program.source(atom)
        for suspect in inside
        for value in (suspect.value,)
        if value is not None
        for atom in atoms_in(value)
    }
    before = [
        program.source(target)
        for suspect in text.suspects
        if loop not in suspect.loops and suspect.line < loop.lineno
        for target in suspect.targets
        if isinstance(target, ast.Name | ast.Attribute) and words.is_adjoint(target)
    ]
    return [name for name in dict.fromkeys(before) if name in read_inside and name not in set_inside]


def _sources(words: Vocabulary, inside: list[Suspect], name: str) -> Iterator[tuple[str, float]]:
    """What the carry may be set to, with how unlikely it is: names computed in the loop and read nowhere
    first.
    """
    program = words.program
    read = {
        program.source(atom)
        for suspect in inside
        for value in (suspect.value,)
        if value is not None
        for atom in atoms_in(value)
    }
    found: dict[str, float] = {}
    for suspect in inside:
        if not isinstance(suspect.node, ast.Assign):
            continue
        for target in suspect.targets:
            if not isinstance(target, ast.Name) or not words.is_adjoint(target):
                continue
            forgotten = target.id not in read
            alike = target.id[:2] == name.rpartition(".")[2][:2]
            found[target.id] = (0.0 if forgotten else 0.8) + (0.0 if alike else 0.4)
            if not forgotten:
                for state in words.states:
                    found[f"{target.id} * {state}"] = 1.0 if alike else 1.6
    yield from sorted(found.items(), key=lambda item: item[1])[:MOST_SOURCES]


def _appended(
    program: ProgramText, loop: ast.For | ast.While, assignments: list[tuple[str, str]], rank: float
) -> Candidate:
    last = loop.body[-1]
    indent = " " * (program.span(last).column - 1)
    end = last.end_lineno or last.lineno
    column = len(program.lines[end - 1]) + 1
    place = Span(end, column, end, column)
    text = "".join(f"\n{indent}{name} = {source}" for name, source in assignments)
    after = "; ".join(f"{name} = {source}" for name, source in assignments)
    at = _where_computed(program, loop, assignments[0][1]) or program.span(last)
    return Candidate(Kind.CARRY, (Edit(program.path, place, text),), at, "", after, rank)


def _where_computed(program: ProgramText, loop: ast.For | ast.While, source: str) -> Span | None:
    """The statement that computes what is then forgotten: there the reader looks."""
    for node in ast.walk(loop):
        if isinstance(node, ast.Assign) and any(program.source(target) == source for target in targets(node)):
            return program.span(node)
    return None
