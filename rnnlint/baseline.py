"""A baseline: the findings that a project lives with, known by what they say and not by their line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from rnnlint.config import ConfigurationError
from rnnlint.findings import Finding
from rnnlint.fingerprints import fingerprints, relative_to_root
from rnnlint.records import dataclass
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


def read_baseline(file: Path) -> Baseline:
    """Raises :class:`rnnlint.config.ConfigurationError` where the file is missing or no baseline."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{file}: there is no such baseline; --write-baseline makes one.") from None
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read ({error.strerror or error}).") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
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
        {"fingerprint": mark, "code": finding.code, "path": relative_to_root(finding.path, root)}
        for each in files
        for finding, mark in zip(each.findings, fingerprints(each, each.findings, root), strict=True)
    ]
    return json.dumps({"version": VERSION, "findings": entries}, indent=1) + "\n"
