"""Where a text stands in a project's target."""

from __future__ import annotations

from rnnlint.model.project import Project


def line_of(project: Project, text: str) -> int:
    """The one line of the target that holds ``text``."""
    (line,) = [n for n, each in enumerate(project.source.text.split("\n"), 1) if text in each]
    return line
