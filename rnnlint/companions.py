"""The backward passes that a change of a file may break: they differentiate what it computes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from rnnlint.discovery import SUFFIXES, speaks_of_nonlinearity
from rnnlint.model.project import Project
from rnnlint.source import Source, UnreadableSourceError, read_source

_BACKWARD = re.compile(
    r"^[ \t]*def \w*(?:backward|bptt|back_?prop|lossfun)\w*\(", re.MULTILINE | re.IGNORECASE
)


def companions(path: Path) -> tuple[Path, ...]:
    """The files with a backward pass that use ``path``, or that a user of ``path`` takes one from.

    None for a file with a backward pass of its own, and for one that computes no nonlinearity.
    """
    if path.suffix not in SUFFIXES:
        return ()
    try:
        source = read_source(path.absolute())
    except UnreadableSourceError:
        return ()
    if _holds_backward_pass(source) or not speaks_of_nonlinearity(source.text.encode()):
        return ()
    return tuple(dict.fromkeys(_companions(Project.of(source))))


def _companions(project: Project) -> Iterator[Path]:
    for caller in project.callers:
        for file in project.closure(caller):
            if file != project.target and _holds_backward_pass(project.files[file]):
                yield file


def _holds_backward_pass(source: Source) -> bool:
    return _BACKWARD.search(source.text) is not None
