"""The static rules: a folder a family, a file a rule. They hold no analysis; they read the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from rnnlint.findings import Finding
    from rnnlint.model.project import Project
    from rnnlint.source import Source

__all__ = ["lint"]


def lint(project: Project, source: Source, families: Collection[str] = ()) -> list[Finding]:
    """Every finding of every rule in ``source``, at all confidences, in the order of the file; with
    ``families``, of the rules in these folders.

    Nothing is filtered: suppressions are :func:`rnnlint.suppressions.apply`'s, confidence and selection the
    configuration's. ``project`` is what the file's imports and callers are looked up in; it may be that of
    another file of the same program.
    """
    from rnnlint.rules.engine import run_rules

    return run_rules(project, source, families)
