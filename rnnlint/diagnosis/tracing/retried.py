"""Whether an edit makes the first wrong result a true one: only that one statement is watched."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from rnnlint.diagnosis.tracing.judged import Made
from rnnlint.diagnosis.tracing.tape import all_recorded
from rnnlint.diagnosis.tracing.trace import Trace
from rnnlint.diagnosis.tracing.watched import WATCHER
from rnnlint.findings import Edit, Span
from rnnlint.fixes import apply_edits
from rnnlint.gradients.trials import Trials

RESULT, AFTER = 0, 1


def those_that_mend(
    first: Made, variants: Sequence[Sequence[Edit]], trace: Trace, trials: Trials
) -> list[bool]:
    """For each variant of the text whether the statement then makes a true quantity, up to that step."""
    watched = [_watched(first, edits) for edits in variants]
    runs = iter(all_recorded(trials, [edits for edits in watched if edits is not None]))
    found: list[bool] = []
    for edits in watched:
        events = next(runs) if edits is not None else None
        made = [e.value for e in events or () if e.number == RESULT][: first.step + 1]
        after = [e.value for e in events or () if e.number == AFTER][: first.step + 1]
        true = [bool(trace.truths.adjoints.find(value)) for value in made]
        if len(after) == len(made):
            true = [a or bool(trace.truths.adjoints.find(b)) for a, b in zip(true, after, strict=True)]
        found.append(len(true) > first.step and true[-1])
    return found


def _watched(first: Made, edits: Sequence[Edit]) -> list[Edit] | None:
    """The edits, with the statement as they leave it watched; None where it is no single result."""
    statement = first.watched.statement
    program, node = statement.program, statement.node
    span = program.span(node)
    inside = [e for e in edits if e.path == program.path and _within(e.span, span)]
    text = apply_edits(program.source(node), [_moved(e, span) for e in inside])
    try:
        (parsed,) = ast.parse(text.replace("\n", " ")).body
    except (SyntaxError, ValueError):
        return None
    match parsed:
        case ast.Assign(targets=[target], value=value):
            written = f"{ast.unparse(target)} = {WATCHER}({RESULT}, {ast.unparse(value)})"
        case ast.AugAssign(target=target):
            changed = ast.unparse(parsed.value)
            parsed.value = ast.parse(f"{WATCHER}({RESULT}, {changed})", mode="eval").body
            written = f"{ast.unparse(parsed)}; {WATCHER}({AFTER}, {ast.unparse(target)})"
        case _:
            return None
    return [*(e for e in edits if e not in inside), Edit(program.path, span, written)]


def _within(inner: Span, outer: Span) -> bool:
    start, end = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return start <= (inner.line, inner.column) < end and (inner.end_line, inner.end_column) <= end


def _moved(edit: Edit, origin: Span) -> Edit:
    """An edit of the file as one of the statement's own text."""
    span = edit.span
    shift = origin.column - 1
    return Edit(
        edit.path,
        Span(
            span.line - origin.line + 1,
            span.column - (shift if span.line == origin.line else 0),
            span.end_line - origin.line + 1,
            span.end_column - (shift if span.end_line == origin.line else 0),
        ),
        edit.text,
    )
