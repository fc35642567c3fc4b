"""Repairs of the forward pass: what a gradient has to be follows from it, so the truth is measured anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rnnlint.diagnosis.suspects import BackwardText, backward_texts, enclosing, first_backward_line
from rnnlint.findings import Confidence, Edit, Finding, Severity
from rnnlint.model.project import Project
from rnnlint.verdicts import GradientCheck


def forward_repairs(project: Project, check: GradientCheck, findings: Iterable[Finding]) -> list[Finding]:
    """Those of the findings whose repairs change nothing of the backward pass, but a function beside it."""
    errors = [each for each in findings if each.severity is Severity.ERROR and each.fix is not None]
    likely = [each for each in errors if each.confidence is not Confidence.POSSIBLE]
    if not likely:
        return []
    texts = backward_texts(project, check)
    programs = {text.program.path: text.program for text in texts}
    stretches = [stretch for text in texts for stretch in _stretch(text)]

    def is_of_the_forward(edit: Edit) -> bool:
        program, line = programs.get(edit.path), edit.span.line
        if program is None or any(p == edit.path and a <= line <= b for p, a, b in stretches):
            return False
        function = enclosing(program.tree, line)
        return function is not None and function.name != "__init__"

    return [each for each in likely if each.fix is not None and all(map(is_of_the_forward, each.fix.edits))]


def _stretch(text: BackwardText) -> Iterator[tuple[Path, int, int]]:
    """The lines of a backward pass, those of a forward pass before it in the same function not counted."""
    begins = first_backward_line(text.program, text.function)
    if text.function is None:
        yield text.program.path, begins, len(text.program.lines)
    else:
        end = text.function.end_lineno or text.function.lineno
        yield text.program.path, max(begins, text.function.lineno), end
