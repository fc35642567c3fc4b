"""Whether an edit makes the first wrong result a true one: only that one statement is watched."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlint.diagnosis.tracing.judged import Made
from rnnlint.diagnosis.tracing.tape import Event, all_recorded
from rnnlint.diagnosis.tracing.trace import Trace
from rnnlint.diagnosis.tracing.watched import Part, Watched, WatchedProgram
from rnnlint.findings import Edit
from rnnlint.gradients.trials import Trials


def those_that_mend(
    first: Made, variants: Sequence[Sequence[Edit]], trace: Trace, trials: Trials
) -> list[bool]:
    """For each variant of the text whether the statement then makes a true quantity, up to that step."""
    programs = [WatchedProgram(changes) for changes in variants]
    for program in programs:
        program.add([first.watched.statement])
    runs = all_recorded(trials, [program.edits for program in programs])
    return [
        events is not None and _is_mended(first, events, program.watched, trace)
        for program, events in zip(programs, runs, strict=True)
    ]


def _is_mended(first: Made, events: Sequence[Event], table: Sequence[Watched], trace: Trace) -> bool:
    """Whether what the statement makes, or leaves behind, is true where it was wrong first."""
    for part in (first.watched.part, Part.RESULT, Part.AFTER):
        made = [event.value for event in events if table[event.number].part is part]
        if len(made) > first.step and trace.truths.adjoints.find(made[first.step]):
            return True
    return False
