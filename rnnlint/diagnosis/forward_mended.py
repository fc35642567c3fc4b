"""The small edit after which a forward pass is the cell that it nearly was, and every gradient is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rnnlint.diagnosis.edits import Candidate, edits_of_statement
from rnnlint.diagnosis.forward_mismatch import NONSTANDARD, Mismatch
from rnnlint.diagnosis.prove import Rerunnable, agrees
from rnnlint.diagnosis.suspects import BackwardText, statements_of
from rnnlint.diagnosis.tracing.recording import Recording, UnknownValueError
from rnnlint.diagnosis.tracing.screened import in_the_same_place
from rnnlint.diagnosis.tracing.truths import Quantity, Table
from rnnlint.diagnosis.tracing.watched import edited_statement
from rnnlint.diagnosis.vocabulary import Vocabulary
from rnnlint.findings import Confidence, Finding, Fix, Severity
from rnnlint.fixes import apply_edits

if TYPE_CHECKING:
    from rnnlint.model.project import Project

MOST_MEASURED = 8


def mended(project: Project, scenario: Rerunnable, mismatches: Sequence[Mismatch]) -> Finding | None:
    """The repair of the line where the forward pass leaves its cell; None where no small edit is one."""
    likely = {c.edits: (c, mismatch) for mismatch in mismatches for c in _on_paper(mismatch)}
    ranked = sorted(likely.values(), key=lambda each: each[0].rank)
    for candidate, mismatch in ranked[:MOST_MEASURED]:
        path = candidate.edits[0].path
        text = apply_edits(project.files[path].text, candidate.edits)
        if agrees(scenario.measured_on(project.overlay({path: text})).check):
            return _finding(candidate, mismatch)
    return None


def _on_paper(mismatch: Mismatch) -> Iterator[Candidate]:
    """Edits of the line after which it makes what the cell has there, by what was recorded."""
    first = mismatch.first
    statement, node = first.watched.statement, first.watched.node
    if node is None:
        return
    steps = mismatch.cell.quantities[mismatch.missing]
    wanted = Table([Quantity(mismatch.missing, first.step, steps[first.step])])
    own = [each for each in mismatch.made if each.watched.statement.function is statement.function]
    recording = Recording.of(own, {})
    now = recording.when(first, first.step) or 0
    suspects = tuple(statements_of(statement.program, statement.function))
    words = Vocabulary(BackwardText(statement.program, statement.function, suspects))
    for candidate in edits_of_statement(statement, words):
        changed = edited_statement(statement, candidate.edits)
        expression = in_the_same_place(statement.node, node, changed.node) if changed is not None else None
        if expression is None:
            continue
        try:
            value = np.asarray(recording.value(expression, first.step, now), dtype=np.float64)
        except (UnknownValueError, ValueError, TypeError):
            continue
        if wanted.find(value):
            yield candidate


def _finding(candidate: Candidate, mismatch: Mismatch) -> Finding:
    message = (
        f"In a standard {mismatch.called} {mismatch.equation} here. `{candidate.before}` should be "
        f"`{candidate.after}`: with that every gradient of the backward pass is right as it stands."
    )
    description = f"Replace {candidate.before} by {candidate.after}"
    path, fix = candidate.edits[0].path, Fix(description, safe=False, edits=candidate.edits)
    return Finding(*NONSTANDARD, Severity.ERROR, Confidence.LIKELY, message, path, candidate.span, fix=fix)
