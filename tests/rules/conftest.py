"""Linting a program that a test spells out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rnnlint.findings import Finding
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.source import Source, read_source
from rnnlint.suppressions import apply


@pytest.fixture
def lint_text(tmp_path: Path) -> Callable[..., tuple[Source, list[Finding]]]:
    """``lint_text(text, siblings)``: the source and all that is said of it, suppressions heeded."""

    def run(text: str, siblings: Mapping[str, str] = {}) -> tuple[Source, list[Finding]]:
        for name, sibling in siblings.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(sibling)
        target = tmp_path / "program.py"
        target.write_text(text)
        source = read_source(target)
        project = Project.of(source)
        return source, list(apply(source, lint(project, source)).shown)

    return run
