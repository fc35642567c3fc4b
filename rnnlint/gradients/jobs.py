"""From a project to the job's modules: the target, what it imports, and what its scenario imports besides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rnnlint.model.project import Project
from rnnlint.sandbox.job import Job, Module, Outcome, Scenario

SECONDS = 8.0
"""A job's deadline."""


class JobRunner(Protocol):
    """Whatever runs jobs: :class:`rnnlint.sandbox.Runner`."""

    def run(self, job: Job) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Workshop:
    """Runs scenarios in one project's files."""

    runner: JobRunner
    project: Project
    companions: tuple[Path, ...] = ()  # files that the scenario imports by itself
    neutral: tuple[str, ...] = ()

    def run(self, scenarios: Iterable[Scenario], seconds: float = SECONDS) -> Outcome:
        """One job with these scenarios."""
        project = self.project
        paths: dict[Path, None] = dict.fromkeys(project.closure(project.target))
        for companion in self.companions:
            paths.update(dict.fromkeys(project.closure(companion)))
        modules = tuple(
            Module(
                path=shown_path(project, path),
                text=project.files[path].text,
                names=project.module_names(path),
                package=path.name == "__init__.py",
                python2=project.files[path].python2,
            )
            for path in paths
            if project.files[path].problem is None
        )
        entry = next(i for i, m in enumerate(modules) if m.path == shown_path(project, project.target))
        return self.runner.run(
            Job(
                modules=modules,
                entry=entry,
                scenarios=tuple(scenarios),
                neutral=self.neutral,
                imports_of_user=_unprovided(project, paths),
                seconds=seconds,
            )
        )


def shown_path(project: Project, path: Path) -> str:
    """How the guest knows a file: relative to the root."""
    return path.relative_to(project.root).as_posix() if project.root in path.parents else path.name


def _unprovided(project: Project, paths: Iterable[Path]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for path in paths:
        for item in project.outlines[path].imports:
            if item.level == 0 and item.top and project.resolve(path, item.module) is None and item.top != "numpy":
                names[item.top] = None
    return tuple(names)
