"""What rnnlint makes of a mutant: whether it is wrong at all, whether its lines are named, whether it is
repaired.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mutants import Mutant, Slip, mutant_of, slips

from rnnlint.diagnosis import diagnose
from rnnlint.diagnosis.prove import agrees
from rnnlint.findings import Confidence, Severity
from rnnlint.gradients import prepare
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.sandbox import Runner
from rnnlint.source import read_source

FIXTURES = Path(__file__).parents[2] / "fixtures"


@dataclass(frozen=True)
class Layout:
    """A right program, its backward functions, and the text with which its backward part begins."""

    path: str
    functions: tuple[str, ...]
    after: str = ""


LAYOUTS = {
    "list-first columns": Layout("article/corrected/backward.py", ("backward",), "for t"),
    "stacked rows": Layout("correct/lstm_class.py", ("backward",)),
    "dict of states": Layout("correct/min_char_lstm.py", ("lossFun",), "for t in range(len(inputs) - 1"),
    "attributes": Layout("correct/gru_class.py", ("backward",)),
    "step by step": Layout("correct/lstm_dict.py", ("lstm_cell_backward", "lstm_backward")),
}


@dataclass(frozen=True)
class Outcome:
    """Of a mutant whose gradient is really wrong."""

    mutant: Mutant
    named: bool
    repaired: bool


def singles(layout: Layout, seed: int) -> list[Mutant]:
    """All single slips in an order that the seed gives."""
    text = (FIXTURES / layout.path).read_text(encoding="utf-8")
    return [mutant_of(text, slip) for slip in _shuffled(text, layout, seed)]


def doubles(layout: Layout, seed: int) -> Iterator[Mutant]:
    """Pairs of slips on different lines."""
    text = (FIXTURES / layout.path).read_text(encoding="utf-8")
    found = _shuffled(text, layout, seed)
    draw = random.Random(seed)
    while True:
        one, other = draw.sample(found, 2)
        if one.line != other.line:
            yield mutant_of(text, one, other)


def outcome(runner: Runner, layout: Layout, mutant: Mutant) -> Outcome | None:
    """None where the slips change no gradient, or leave nothing that runs."""
    project = Project.of(read_source(FIXTURES / layout.path))
    project = project.overlay({project.target: mutant.text})
    checks = prepare(project, project.source, runner, seed=7)
    measured = [check.measurement for check in checks if check.measurement is not None]
    if not any(measurement.judged.wrong for measurement in measured):
        return None
    found = diagnose(project, lint(project, project.source), checks)
    bugs = [
        f
        for f in found.findings
        if f.severity is Severity.ERROR
        and f.confidence is not Confidence.POSSIBLE
        and f.path == project.target
    ]
    lines = {line for bug in bugs for line in range(bug.span.line, bug.span.end_line + 1)}
    repaired = bool(found.fixed) and all(agrees(check) for check in found.fixed)
    return Outcome(mutant, set(mutant.lines) <= lines, repaired)


def _shuffled(text: str, layout: Layout, seed: int) -> list[Slip]:
    found = slips(text, layout.functions, layout.after)
    random.Random(seed).shuffle(found)
    return found
