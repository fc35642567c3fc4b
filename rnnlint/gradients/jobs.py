"""From a project to the job's modules: the target, what it imports, and what its scenario imports besides."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from rnnlint.deadline import NEVER, Deadline
from rnnlint.gradients.redefinitions import as_first_meant
from rnnlint.model.project import Project
from rnnlint.records import dataclass, field
from rnnlint.sandbox.job import Failure, Job, Module, Outcome, Scenario, Trouble

SECONDS = 8.0
"""A job's deadline."""


class OutOfTimeError(Exception):
    """The time for the file is over: what was measured so far is no verdict."""


class JobRunner(Protocol):
    """Whatever runs jobs: :class:`rnnlint.sandbox.Runner`."""

    def run(self, job: Job, *, fresh: bool = False) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class _Files:
    """Which files a job holds and how they are imported: the same whatever their texts are."""

    names: dict[Path, tuple[str, ...]]
    unprovided: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Workshop:
    """Runs scenarios in one project's files."""

    runner: JobRunner
    project: Project
    companions: tuple[Path, ...] = ()  # files that the scenario imports by itself
    neutral: tuple[str, ...] = ()
    deadline: Deadline = NEVER  # nothing is run after it
    strict: bool = True  # past the deadline nothing counts, not even half a job
    _known: dict[Path, _Files] = field(default_factory=dict, compare=False, repr=False)

    def run(self, scenarios: Iterable[Scenario], seconds: float = SECONDS, *, fresh: bool = False) -> Outcome:
        """One job with these scenarios, which ends by the workshop's deadline; where other work keeps the
        processors busy, it may take the longer for it. A ``fresh`` one has a process of its own.

        Raises :class:`OutOfTimeError` where the deadline cuts it short and the workshop is strict.
        """
        seconds *= max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        cut = self.deadline.left < seconds
        outcome = self._run(scenarios, min(seconds, self.deadline.left), fresh)
        if cut and self.strict and outcome.trouble is not None and outcome.trouble.failure is Failure.TIMEOUT:
            raise OutOfTimeError
        return outcome

    def _run(self, scenarios: Iterable[Scenario], seconds: float, fresh: bool) -> Outcome:
        if not seconds:
            return Outcome(trouble=Trouble(Failure.TIMEOUT, message="no time was left"))
        project, files = self.project, self._files()
        paths = [path for path in files.names if project.files[path].problem is None]
        modules = tuple(
            Module(
                path=shown_path(project, path),
                text=as_first_meant(project.files[path].text),
                names=files.names[path],
                package=path.name == "__init__.py",
                python2=project.files[path].python2,
            )
            for path in paths
        )
        return self.runner.run(
            Job(
                modules=modules,
                entry=paths.index(project.target),
                scenarios=tuple(scenarios),
                neutral=self.neutral,
                imports_of_user=files.unprovided,
                seconds=seconds,
            ),
            fresh=fresh,
        )

    def loads(self, path: Path) -> bool:
        """Whether a job's program holds the file."""
        return path in self._files().names

    def _files(self) -> _Files:
        """Looked up on disk once, also for copies with other texts."""
        project = self.project
        if project.target not in self._known:
            paths: dict[Path, None] = dict.fromkeys(project.closure(project.target))
            for companion in self.companions:
                paths.update(dict.fromkeys(project.closure(companion)))
            names = {path: project.module_names(path) for path in paths}
            self._known[project.target] = _Files(names, _unprovided(project, paths))
        return self._known[project.target]


def shown_path(project: Project, path: Path) -> str:
    """How the guest knows a file: relative to the root."""
    return path.relative_to(project.root).as_posix() if project.root in path.parents else path.name


def _unprovided(project: Project, paths: Iterable[Path]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for path in paths:
        for item in project.outlines[path].imports:
            if (
                item.level == 0
                and item.top
                and project.resolve(path, item.module) is None
                and item.top != "numpy"
            ):
                names[item.top] = None
    return tuple(names)
