"""What a finding is known by from one version of a file to the next: its statement, never its line."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rnnlint.findings import Finding
from rnnlint.results import FileReport


def fingerprints(file: FileReport, findings: Iterable[Finding], root: Path) -> list[str]:
    """One fingerprint a finding: code, path, the statement without its blanks, and which of its likes it is.

    Lines may move; the third ``C[t - 1]`` of a file stays the third.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    marks: list[str] = []
    for finding in findings:
        text = file.source.line_text(finding.span.line) if file.source is not None else ""
        key = (finding.code, relative_to_root(finding.path, root), "".join(text.split()))
        seen[key] += 1
        marks.append(hashlib.sha256("\0".join((*key, str(seen[key]))).encode()).hexdigest()[:32])
    return marks


def relative_to_root(path: Path, root: Path) -> str:
    """``path`` below ``root`` where it lies there, else absolute; with ``/`` on every system."""
    absolute = path.absolute()
    return (absolute.relative_to(root) if absolute.is_relative_to(root) else absolute).as_posix()
