"""Finished submissions, noted one a line as they come: a run that was broken off goes on where it stopped.

A note is known by the content of the submission, the assignment and the version that graded it, so that
whatever changes is graded again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rnnlint import __version__
from rnnlint.grading.results import StudentResult, SubmissionStatus
from rnnlint.guest.protocol import ProtocolError
from rnnlint.guest.records import from_tree, to_tree
from rnnlint.records import replace

UNSETTLED = (SubmissionStatus.NO_SANDBOX, SubmissionStatus.NOT_CHECKED, SubmissionStatus.TIMEOUT)
"""What another run may find otherwise, on another machine or on one with less to do."""


class Journal:
    """The notes of a folder of results. Use as a context manager while results are added."""

    def __init__(self, path: Path, assignment_sha256: str, seed_id: str | None = None) -> None:
        """With ``seed_id`` only notes of the same hidden probes count."""
        self._path = path
        self._assignment = assignment_sha256
        self._seed_id = seed_id
        self._known = self._read()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def known(self, submission_sha256: str, student_id: str, place: str) -> StudentResult | None:
        """The result of equal files, as that of this student."""
        found = self._known.get(submission_sha256)
        return None if found is None else replace(found, student_id=student_id, submission=place)

    def note(self, result: StudentResult) -> None:
        """Add a result; on disk when this returns."""
        line = {"assignment": self._assignment, "version": __version__, "result": to_tree(result)}
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()

    def _read(self) -> Mapping[str, StudentResult]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return {}
        found: dict[str, StudentResult] = {}
        for line in lines:
            result = self._result(line)
            if result is not None and result.submission_sha256:
                found[result.submission_sha256] = result
        return found

    def _result(self, line: str) -> StudentResult | None:
        """A line's result where it still holds; a line that was cut off holds nothing."""
        try:
            noted: Any = json.loads(line)
            if noted["assignment"] != self._assignment or noted["version"] != __version__:
                return None
            result = from_tree(StudentResult, noted["result"])
        except (ValueError, TypeError, KeyError, ProtocolError):
            return None
        if result.status in UNSETTLED or (self._seed_id is not None and result.seed_id != self._seed_id):
            return None
        return result
