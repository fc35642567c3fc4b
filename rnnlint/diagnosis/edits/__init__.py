"""The small edits that turn a bug of the catalogue into right code: one family a file, and all of them in
order.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from rnnlint.diagnosis.edits.candidate import Candidate, Kind
from rnnlint.diagnosis.edits.carries import carry_edits
from rnnlint.diagnosis.edits.derivatives import derivative_edits
from rnnlint.diagnosis.edits.factors import factor_edits
from rnnlint.diagnosis.edits.indices import index_edits
from rnnlint.diagnosis.edits.inner_loops import inner_loop_edits
from rnnlint.diagnosis.edits.matrices import matrix_edits
from rnnlint.diagnosis.edits.names import name_edits
from rnnlint.diagnosis.edits.other_uses import other_use_edits
from rnnlint.diagnosis.edits.statements import loop_edits, statement_edits
from rnnlint.diagnosis.edits.step_calls import step_call_edits
from rnnlint.diagnosis.edits.terms import term_edits
from rnnlint.diagnosis.suspects import BackwardText, Suspect
from rnnlint.diagnosis.vocabulary import Vocabulary, atoms_in

__all__ = ["Candidate", "Kind", "edits_of_loops", "edits_of_statement"]


def edits_of_statement(suspect: Suspect, words: Vocabulary) -> tuple[Candidate, ...]:
    """Every small edit of one statement, the most plausible first; each text once.

    What stands outside the loops and makes a buffer of zeros has none; what hands a result on may have the
    wrong name.
    """
    if words.text.loops and not suspect.loops and suspect.value is not None:
        if not any(True for _ in atoms_in(suspect.value)):
            return ()
        if isinstance(suspect.value, ast.Name | ast.Attribute):
            return _ordered(name_edits(suspect, words))
    families = (
        index_edits(suspect, words),
        statement_edits(suspect, words),
        matrix_edits(suspect, words),
        name_edits(suspect, words),
        derivative_edits(suspect, words),
        factor_edits(suspect, words),
        term_edits(suspect, words),
        other_use_edits(suspect, words),
    )
    return _ordered(candidate for family in families for candidate in family)


def edits_of_loops(text: BackwardText, words: Vocabulary) -> tuple[Candidate, ...]:
    """Edits of a loop's head, and what is missing in it: the carries, the use of what a step returns."""
    families = (
        loop_edits(text, words),
        carry_edits(text, words),
        step_call_edits(text, words),
        inner_loop_edits(text),
    )
    return _ordered(candidate for family in families for candidate in family)


def _ordered(candidates: Iterator[Candidate]) -> tuple[Candidate, ...]:
    found: dict[tuple[object, ...], Candidate] = {}
    for candidate in candidates:
        known = found.get(candidate.edits)
        if known is None or candidate.rank < known.rank:
            found[candidate.edits] = candidate
    return tuple(sorted(found.values(), key=lambda candidate: candidate.rank))
