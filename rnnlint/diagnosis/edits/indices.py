"""Steps and slices: the state before or after, the other part of a stacked array."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.diagnosis.edits.candidate import Candidate, Kind, replacing
from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import Suspect
from rnnlint.diagnosis.vocabulary import Vocabulary
from rnnlint.findings import Edit, Span


def index_edits(suspect: Suspect, words: Vocabulary) -> Iterator[Candidate]:
    """One step earlier or later for every subscript that counts steps; the other half for every slice."""
    program = suspect.program
    value = suspect.value
    read = [value] if value is not None else []
    for top, in_target in [(v, False) for v in read] + [(t, True) for t in suspect.targets]:
        for node in ast.walk(top):
            if isinstance(node, ast.Subscript):
                yield from _steps(program, node, words, in_target)
                yield from _parts(program, node)


def _steps(
    program: ProgramText, node: ast.Subscript, words: Vocabulary, in_target: bool
) -> Iterator[Candidate]:
    members = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for member in members:
        step = _step(member, words)
        if step is None:
            continue
        name, offset = step
        for distance in (1, -1, 2, -2):
            new = written_step(name, offset + distance)
            edit = program.replacement(member, new)
            span = program.span(node)
            before = program.source(node)
            after = before.replace(program.source(member), new, 1)
            rank = (0.0 if abs(distance) == 1 else 2.0) + (1.0 if in_target else 0.0)
            if offset < 0 < distance:
                rank -= 0.2  # C[t - 1] is the commonest slip
            yield Candidate(
                Kind.INDEX, (edit,), span, before, _indexed(program, node, member, after, new), rank
            )


def _indexed(program: ProgramText, node: ast.Subscript, member: ast.expr, fallback: str, new: str) -> str:
    """The subscript's text with ``member`` replaced at its own place."""
    outer, inner = program.span(node), program.span(member)
    if outer.line != outer.end_line:
        return fallback
    start = inner.column - outer.column
    text = program.source(node)
    return text[:start] + new + text[start + inner.end_column - inner.column :]


def _step(member: ast.expr, words: Vocabulary) -> tuple[str, int] | None:
    """The loop variable of an index and what is added to it."""
    match member:
        case ast.Name(id=name) if name in words.loop_variables:
            return name, 0
        case ast.BinOp(left=ast.Name(id=name), op=ast.Add(), right=ast.Constant(value=int(by))):
            return (name, by) if name in words.loop_variables else None
        case ast.BinOp(left=ast.Name(id=name), op=ast.Sub(), right=ast.Constant(value=int(by))):
            return (name, -by) if name in words.loop_variables else None
        case _:
            return None


def written_step(name: str, offset: int) -> str:
    """``t``, ``t + 1``, ``t - 1``."""
    if offset == 0:
        return name
    return f"{name} {'+' if offset > 0 else '-'} {abs(offset)}"


def _parts(program: ProgramText, node: ast.Subscript) -> Iterator[Candidate]:
    members = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    for member in members:
        if not isinstance(member, ast.Slice) or member.step is not None:
            continue
        lower = program.operand(member.lower) if member.lower is not None else None
        upper = program.operand(member.upper) if member.upper is not None else None
        others = []
        if lower is None and upper is not None:
            others = [f"{upper}:", f"-{upper}:"]
        elif upper is None and lower is not None:
            others = [f":{lower}" if not lower.startswith("-") else f":{lower[1:]}", f":{lower}"]
        for other in dict.fromkeys(others):
            span = _slice_span(program, member)
            if span is None:
                continue
            edit = Edit(program.path, span, other)
            before = program.source(node)
            after = before.replace(program.between(span), other, 1)
            yield Candidate(Kind.PART, (edit,), program.span(node), before, after, 0.6)
    yield from _other_blocks(program, node)


def _other_blocks(program: ProgramText, node: ast.Subscript) -> Iterator[Candidate]:
    """Another block of the same stacked array that the pass names: ``a[:, H:2*H]`` for ``a[:, :H]``."""
    if not any(isinstance(n, ast.Slice) and (n.lower or n.upper) for n in ast.walk(node.slice)):
        return
    whole = program.source(node.value)
    seen: dict[str, None] = {}
    for other in ast.walk(program.tree):
        if isinstance(other, ast.Subscript) and other is not node and program.source(other.value) == whole:
            seen[program.source(other)] = None
    for text in list(seen)[:6]:
        if text != program.source(node):
            yield replacing(program, node, text, Kind.PART, 1.4)


def _slice_span(program: ProgramText, member: ast.Slice) -> Span | None:
    edge = member.lower or member.upper
    if edge is None:
        return None
    span = program.span(edge)
    line = program.lines[span.line - 1]
    if member.lower is None:
        colon = line.rfind(":", 0, span.column - 1)
        return None if colon < 0 else Span(span.line, colon + 1, span.end_line, span.end_column)
    colon = line.find(":", span.end_column - 1)
    return None if colon < 0 else Span(span.line, span.column, span.line, colon + 2)
