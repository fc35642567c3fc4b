"""What reading found in the files of folders, kept from one run to the next.

What reading finds depends on the texts of a project, on the names of its files, and on the code of rnnlint:
together they are the key, so that an entry is never out of date. Entries are JSON. They lie in the user's own
cache folder and not in the project, whose author could otherwise bring forged ones.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from rnnlint import __version__
from rnnlint.atomic import write_whole
from rnnlint.findings import (
    Confidence,
    Edit,
    Finding,
    Fix,
    Misunderstanding,
    Related,
    Severity,
    Span,
)
from rnnlint.model.project import Project

MOST_ENTRIES = 5_000
"""How many entries are kept: those used last."""
ENGINES = ("syntax", "model", "rules")
"""The packages whose code decides what is found."""


def cache_folder() -> Path:
    """``$RNNLINT_CACHE_DIR``, or ``rnnlint`` in the user's cache folder."""
    if own := os.environ.get("RNNLINT_CACHE_DIR"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnlint"


class FindingsCache:
    """A folder of entries, a file each; an entry that cannot be read or written is as good as none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "findings"

    def get(self, project: Project) -> list[Finding] | None:
        """What reading found in the target of ``project``, None where it was not read before."""
        entry = self._entry(project)
        try:
            kept = json.loads(entry.read_bytes())
            if not isinstance(kept, list):
                return None
            found = [_finding(each, project.root) for each in kept]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        with suppress(OSError):
            os.utime(entry)  # what was used last is kept longest
        return found

    def put(self, project: Project, findings: Sequence[Finding]) -> None:
        """Keep what reading found; whole or not at all."""
        entry = self._entry(project)
        kept = json.dumps([_kept(each, project.root) for each in findings])
        with suppress(OSError):  # a full or read-only disk costs time, not findings
            entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(entry, kept)

    def tidy(self) -> None:
        """Throw out what was not used for longest, beyond :data:`MOST_ENTRIES`."""
        try:
            entries = [(each.stat().st_mtime, each) for each in self._folder.glob("*/*.json")]
        except OSError:
            return
        for _, entry in sorted(entries)[: max(0, len(entries) - MOST_ENTRIES)]:
            entry.unlink(missing_ok=True)

    def _entry(self, project: Project) -> Path:
        key = key_of(project)
        return self._folder / key[:2] / f"{key}.json"


def key_of(project: Project) -> str:
    """A digest of all that the findings of the target follow from."""
    digest = hashlib.sha256(_code_of_rnnlint())
    for path in (project.target, *sorted(project.files)):
        for part in (os.path.relpath(path, project.root), project.files[path].text):
            data = part.encode(errors="surrogatepass")
            digest.update(b"%d:" % len(data) + data)
    resolved = sorted(
        f"{_within(importer, project.root)} {level} {module} {path and _within(path, project.root)}"
        for (importer, level, module), path in project.resolved.items()
    )
    digest.update("\n".join(resolved).encode(errors="surrogatepass"))
    return digest.hexdigest()


@cache
def _code_of_rnnlint() -> bytes:
    """Version, and size and date of every module that finds something: a developer changes them hourly."""
    here = Path(__file__).parent
    files = sorted(path for name in ENGINES for path in (here / name).rglob("*.py"))
    marks = [f"{path.relative_to(here)} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    return "\n".join((__version__, *marks)).encode()


def _within(path: Path, root: Path) -> str:
    return os.path.relpath(path, root)


# --- findings as JSON ------------------------------------------------------------------------------------


def _kept(finding: Finding, root: Path) -> Mapping[str, Any]:
    fix, group = finding.fix, finding.group
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "message": finding.message,
        "path": _within(finding.path, root),
        "span": _numbers(finding.span),
        "group": group and [group.key, group.title, group.explanation],
        "remark": finding.remark,
        "fix": fix
        and {
            "description": fix.description,
            "safe": fix.safe,
            "edits": [[_within(each.path, root), _numbers(each.span), each.text] for each in fix.edits],
        },
        "related": [
            [_within(each.path, root), _numbers(each.span), each.message] for each in finding.related
        ],
    }


def _finding(kept: Mapping[str, Any], root: Path) -> Finding:
    """Raises :class:`KeyError`, :class:`TypeError` or :class:`ValueError` for what is no finding."""
    fix, group = kept["fix"], kept["group"]
    return Finding(
        code=kept["code"],
        name=kept["name"],
        severity=Severity(kept["severity"]),
        confidence=Confidence(kept["confidence"]),
        message=kept["message"],
        path=_path(kept["path"], root),
        span=Span(*kept["span"]),
        group=group and Misunderstanding(*group),
        remark=kept["remark"],
        fix=fix
        and Fix(
            fix["description"],
            tuple(Edit(_path(path, root), Span(*span), text) for path, span, text in fix["edits"]),
            fix["safe"],
        ),
        related=tuple(Related(_path(path, root), Span(*span), text) for path, span, text in kept["related"]),
    )


def _path(relative: str, root: Path) -> Path:
    return Path(os.path.normpath(root / relative))


def _numbers(span: Span) -> list[int]:
    return [span.line, span.column, span.end_line, span.end_column]
