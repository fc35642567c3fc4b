"""Repairs of the forward pass: what a gradient has to be follows from it, so the truth is measured anew."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import BackwardText, backward_texts, enclosing, first_backward_line
from rnnlint.diagnosis.vocabulary import base_name
from rnnlint.findings import Confidence, Edit, Finding, Severity
from rnnlint.model.project import Project
from rnnlint.verdicts import GradientCheck

CALLS_DEEP = 2


def forward_repairs(project: Project, check: GradientCheck, findings: Iterable[Finding]) -> list[Finding]:
    """Those of the findings whose repairs change what the forward pass runs, and nothing of the backward."""
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
        return function is not None and function.name in _run_forward(program, check)

    return [each for each in likely if each.fix is not None and all(map(is_of_the_forward, each.fix.edits))]


def _run_forward(program: ProgramText, check: GradientCheck) -> set[str]:
    """The names of the functions that the forward pass is, and of what they call."""
    forward, _, _ = check.entry.partition("→")
    names = set(re.findall(r"\w+", forward))
    for _ in range(CALLS_DEEP):
        held = [function for name in names for function in program.functions.get(name, ())]
        calls = (node.func for function in held for node in ast.walk(function) if isinstance(node, ast.Call))
        names |= {base_name(each) for each in calls}
    return names


def _stretch(text: BackwardText) -> Iterator[tuple[Path, int, int]]:
    """The lines of a backward pass, those of a forward pass before it in the same function not counted."""
    begins = first_backward_line(text.program, text.function)
    if text.function is None:
        yield text.program.path, begins, len(text.program.lines)
    else:
        end = text.function.end_lineno or text.function.lineno
        yield text.program.path, max(begins, text.function.lineno), end
