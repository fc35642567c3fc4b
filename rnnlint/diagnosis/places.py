"""Where a gradient is computed: the last statement of the backward pass that stores it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rnnlint.diagnosis.suspects import backward_texts
from rnnlint.diagnosis.vocabulary import base_name
from rnnlint.findings import Span
from rnnlint.model.project import Project
from rnnlint.verdicts import GradientCheck

Places = Mapping[tuple[str, str], Span]
"""By the check's id and the parameter's name."""


def places_of_gradients(project: Project, checks: Iterable[GradientCheck]) -> Places:
    """For each wrong parameter, in the checked file, where its gradient is last stored; what is not found is
    left out.
    """
    found: dict[tuple[str, str], Span] = {}
    for check in checks:
        wanted = {
            parameter.name: _last_word(parameter.gradient) for parameter in check.wrong if parameter.gradient
        }
        if not wanted:
            continue
        stored: dict[str, Span] = {}
        for text in backward_texts(project, check):
            for suspect in text.suspects:
                if suspect.path == check.path and suspect.loops:
                    for target in suspect.targets:
                        stored[base_name(target)] = text.program.span(suspect.node)
        for name, gradient in wanted.items():
            if gradient in stored:
                found[check.id, name] = stored[gradient]
    return found


def _last_word(gradient: str) -> str:
    """``dWf`` of ``grads.dWf``; the name without indices."""
    words = re.findall(r"[A-Za-z_]\w*", gradient)
    return words[-1] if words else gradient
