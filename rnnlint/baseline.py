"""A baseline: the findings that a project lives with, known by what they say and not by their line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnlint.config import ConfigurationError
from rnnlint.findings import Finding
from rnnlint.results import FileReport

VERSION = 1


@dataclass(frozen=True, slots=True)
class Baseline:
    """The fingerprints of accepted findings, and the folder that their paths are relative to."""

    root: Path
    fingerprints: frozenset[str]

    def without_known(self, file: FileReport) -> tuple[Finding, ...]:
        """The findings of a file that the baseline does not hold."""
        marks = fingerprints(file, file.findings, self.root)
        return tuple(
            finding
            for finding, mark in zip(file.findings, marks, strict=True)
            if mark not in self.fingerprints
        )


def fingerprints(file: FileReport, findings: Iterable[Finding], root: Path) -> list[str]:
    """One fingerprint a finding: code, path, the statement without its blanks, and which of its likes it is.

    Lines may move; the third ``C[t - 1]`` of a file stays the third.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    marks: list[str] = []
    for finding in findings:
        text = file.source.line_text(finding.span.line) if file.source is not None else ""
        key = (finding.code, _relative(finding.path, root), "".join(text.split()))
        seen[key] += 1
        marks.append(hashlib.sha256("\0".join((*key, str(seen[key]))).encode()).hexdigest()[:32])
    return marks


def _relative(path: Path, root: Path) -> str:
    absolute = path.absolute()
    return (absolute.relative_to(root) if absolute.is_relative_to(root) else absolute).as_posix()


def read_baseline(file: Path) -> Baseline:
    """Raises :class:`rnnlint.config.ConfigurationError` where the file is missing or no baseline."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{file}: there is no such baseline; --write-baseline makes one.") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigurationError(f"{file}: cannot be read as a baseline ({error}).") from None
    if not isinstance(document, Mapping) or document.get("version") != VERSION:
        raise ConfigurationError(f"{file}: is not a baseline of version {VERSION}.")
    entries = document.get("findings")
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise ConfigurationError(f"{file}: has no list of findings.")
    return Baseline(file.absolute().parent, frozenset(str(entry.get("fingerprint")) for entry in entries))


def written(files: Iterable[FileReport], file: Path) -> str:
    """The text of a baseline at ``file`` that accepts every shown finding of ``files``."""
    root = file.absolute().parent
    entries = [
        {"fingerprint": mark, "code": finding.code, "path": _relative(finding.path, root)}
        for each in files
        for finding, mark in zip(each.findings, fingerprints(each, each.findings, root), strict=True)
    ]
    return json.dumps({"version": VERSION, "findings": entries}, indent=1) + "\n"
