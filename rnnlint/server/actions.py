"""Repairs an editor offers: the fix of each finding, all verified fixes together, and a suppression."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lsprotocol import types

from rnnlint.findings import Edit, Finding, Fix, Span
from rnnlint.fixes import apply_fixes
from rnnlint.server.diagnostics import diagnostic
from rnnlint.server.positions import Lines
from rnnlint.source import unified_newlines

FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.rnnlint"

KINDS = (types.CodeActionKind.QuickFix, FIX_ALL)


def actions(
    asked: types.CodeActionParams, path: Path, findings: Sequence[Finding], texts: Mapping[Path, Lines]
) -> list[types.CodeAction]:
    """The actions for the asked range and kinds; ``texts`` holds every file that an edit may change."""
    only = asked.context.only
    lines = texts[path]
    found: list[types.CodeAction] = []
    if _wants(only, types.CodeActionKind.QuickFix.value):
        here = [finding for finding in findings if _overlap(lines.visible(finding.span), asked.range)]
        found += [action for finding in here for action in _quick_fixes(finding, lines, texts)]
    if only and _wants(only, FIX_ALL):  # a "source" action: only where it is asked for, as on saving
        found += _fix_all(findings, texts)
    return found


def _wants(only: Sequence[types.CodeActionKind | str] | None, kind: str) -> bool:
    """Whether ``kind`` is one of the kinds asked for, or below one of them."""
    if only is None:
        return True
    words = [each.value if isinstance(each, types.CodeActionKind) else each for each in only]
    return any(kind == word or kind.startswith(f"{word}.") for word in words)


def _overlap(one: types.Range, other: types.Range) -> bool:
    return _order(one.start) <= _order(other.end) and _order(other.start) <= _order(one.end)


def _order(position: types.Position) -> tuple[int, int]:
    return position.line, position.character


def _quick_fixes(finding: Finding, lines: Lines, texts: Mapping[Path, Lines]) -> Iterator[types.CodeAction]:
    shown = [diagnostic(finding, lines)]
    fix = finding.fix
    if fix is not None and all(edit.path in texts for edit in fix.edits):
        doubt = "" if fix.safe else " (not verified by a run)"
        yield types.CodeAction(
            f"{fix.description.rstrip('.').replace('`', '')}{doubt}",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=shown,
            is_preferred=fix.safe,
            edit=_workspace_edit(fix.edits, texts),
        )
    yield types.CodeAction(
        f"Ignore {finding.code} on this line",
        kind=types.CodeActionKind.QuickFix,
        diagnostics=shown,
        edit=_workspace_edit([_suppression(finding, lines)], texts),
    )


def _suppression(finding: Finding, lines: Lines) -> Edit:
    line = finding.span.line
    column = len(lines.line(line - 1).rstrip()) + 1
    return Edit(finding.path, Span(line, column, line, column), f"  # rnnlint: ignore[{finding.code}]")


def _fix_all(findings: Iterable[Finding], texts: Mapping[Path, Lines]) -> list[types.CodeAction]:
    safe: list[Fix] = [finding.fix for finding in findings if finding.fix is not None and finding.fix.safe]
    applied = apply_fixes({path: unified_newlines(lines.text) for path, lines in texts.items()}, safe)
    edits = [edit for each in applied.edits.values() for edit in each]
    if not edits:
        return []
    count = len(applied.applied)
    return [
        types.CodeAction(
            f"Apply {count} verified fix{'' if count == 1 else 'es'}",
            kind=FIX_ALL,
            edit=_workspace_edit(edits, texts),
        )
    ]


def _workspace_edit(edits: Iterable[Edit], texts: Mapping[Path, Lines]) -> types.WorkspaceEdit:
    changes: dict[str, list[types.TextEdit]] = {}
    for edit in edits:
        lines = texts[edit.path]
        changes.setdefault(lines.uri, []).append(types.TextEdit(lines.range(edit.span), edit.text))
    return types.WorkspaceEdit(changes=dict(changes))
