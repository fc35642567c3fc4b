"""What an editor shows over a finding: why it is wrong, the derivation, the page of its rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lsprotocol import types

from rnnlint import pages
from rnnlint.findings import Finding
from rnnlint.server.diagnostics import at, said, table
from rnnlint.server.positions import Lines
from rnnlint.server.reading import Measured


def hover(
    position: types.Position, findings: Sequence[Finding], run: Measured | None, path: Path, lines: Lines
) -> types.Hover | None:
    """The page at ``position``, None where nothing is found there."""
    here = at(position, findings, lines)
    parts = [_finding(finding) for finding in here] or list(_checks(position, run, path))
    if not parts:
        return None
    range_ = lines.visible(here[0].span) if here else None
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(parts)), range_)


def _finding(finding: Finding) -> str:
    parts = [said(finding)]
    if finding.group is not None and finding.group.explanation:
        parts.append(f"**{finding.group.title}**\n\n```text\n{finding.group.explanation}\n```")
    parts.append(pages.page(finding.code))
    return "\n\n".join(parts)


def _checks(position: types.Position, run: Measured | None, path: Path) -> Iterator[str]:
    """The table of the pass that begins on this line."""
    for check in run.checks if run is not None else ():
        if check.path == path and check.line - 1 == position.line and check.parameters:
            seed = "" if check.seed is None else f" (seed {check.seed})"
            yield "\n\n".join((f"**Gradients** of {check.entry}{seed}", table(check), *check.notes))
