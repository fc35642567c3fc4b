"""A quantity that is used bare here and with its derivative elsewhere: ``W.T @ df`` beside
``(df * f * (1 - f)) @ z.T``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.diagnosis.edits.candidate import Candidate, Kind
from rnnlint.diagnosis.edits.chains import products_in
from rnnlint.diagnosis.edits.matrices import matrix_operands
from rnnlint.diagnosis.suspects import Suspect
from rnnlint.diagnosis.vocabulary import Vocabulary


def other_use_edits(suspect: Suspect, words: Vocabulary) -> Iterator[Candidate]:
    """Every bare operand of a matrix product as another statement uses it, all of the statement at once."""
    value = suspect.value
    if value is None:
        return
    program = suspect.program
    bare = [
        operand
        for node in ast.walk(value)
        for operand in matrix_operands(node) or ()
        if isinstance(operand, ast.Name) and words.is_adjoint(operand)
    ]
    elsewhere = _with_factors(suspect, words) if bare else {}
    changed = [operand for operand in bare if program.source(operand) in elsewhere]
    if changed:
        edits = tuple(program.replacement(each, elsewhere[program.source(each)]) for each in changed)
        before = ", ".join(dict.fromkeys(program.source(each) for each in changed))
        after = ", ".join(dict.fromkeys(elsewhere[program.source(each)] for each in changed))
        yield Candidate(Kind.OTHER_USE, edits, program.span(value), before, after, 0.4)


def _with_factors(suspect: Suspect, words: Vocabulary) -> dict[str, str]:
    """By name the product of that name with states, as other statements have it; only where all agree."""
    found: dict[str, set[str]] = {}
    for other in words.text.suspects:
        if other.node is suspect.node or other.value is None:
            continue
        for chain in products_in(words.program, other.value):
            flowing = [m for m in chain.members if any(map(words.is_adjoint, _names(m)))]
            within = chain.whole is not other.value  # an operand or an argument, and no definition
            if within and len(flowing) == 1 and isinstance(flowing[0], ast.Name):
                written = words.program.source(chain.whole)
                found.setdefault(words.program.source(flowing[0]), set()).add(written)
    return {name: texts.pop() for name, texts in found.items() if len(texts) == 1}


def _names(node: ast.expr) -> list[ast.Name]:
    return [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]
