"""The lines to look at in a submission that is not right: what reading it finds.

Suppressions and configuration of the submission are not heeded, and nothing of a hidden probe enters.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from rnnlint.findings import Confidence, Finding, Severity
from rnnlint.grading.results import Place
from rnnlint.grading.submission import ROOT, Program
from rnnlint.model.imports import outline
from rnnlint.model.project import Project
from rnnlint.rules import lint
from rnnlint.source import Source, tree_of

OF_GRADIENTS = ("accumulation", "derivatives", "time_and_state")
"""The families of rules that say of a line that it makes a gradient wrong."""


def findings_in(program: Program, files: Iterable[str]) -> tuple[Finding, ...]:
    """What the rules find in the judged files, by file and line."""
    found: list[Finding] = []
    for name in files:
        if name in program.sources:
            project = _project(program, ROOT / name)
            found += lint(project, project.source, OF_GRADIENTS)
    return tuple(sorted(found, key=lambda finding: (str(finding.path), finding.order)))


def places(findings: Iterable[Finding], program: Program) -> tuple[Place, ...]:
    """The findings that make a gradient wrong, one a line and rule."""
    sure = (Confidence.LIKELY, Confidence.PROVEN)
    made: dict[tuple[str, int, str], Place] = {}
    for finding in findings:
        if finding.severity is not Severity.ERROR or finding.confidence not in sure:
            continue
        name = finding.path.relative_to(ROOT).as_posix()
        source = program.sources[name]
        fix = finding.fix
        place = Place(
            file=name,
            line=finding.span.line,
            function=_function_at(source, finding.span.line),
            code=finding.code,
            name=finding.name,
            reason=" ".join(finding.message.split()),
            fix=_written(source, finding) if fix is not None else "",
            proven=finding.confidence is Confidence.PROVEN,
        )
        made.setdefault((name, place.line, place.code), place)
    return tuple(made.values())


def _project(program: Program, target: Path) -> Project:
    """The submission as a project of its own, none of whose files are looked for on disk."""
    files = {ROOT / name: source for name, source in program.sources.items()}
    for name, text in program.provided.items():
        files[ROOT / name] = Source(ROOT / name, text, text)
    outlines = {path: outline(source) for path, source in files.items()}
    modules = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path for path in files}
    resolved = {
        (importer, item.level, item.module): modules.get(item.module)
        for importer, held in outlines.items()
        for item in held.imports
    }
    names = {path: (module,) for module, path in modules.items()}
    return Project(ROOT, target, files, outlines, resolved=resolved, names=names)


def _function_at(source: Source, line: int) -> str:
    """The function or method that holds a line, the outermost one; "" where none does."""
    return next((name for name, first, last in _functions(tree_of(source.text)) if first <= line <= last), "")


def _functions(tree: ast.Module) -> Iterator[tuple[str, int, int]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, node.end_lineno or node.lineno
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{member.name}", member.lineno, member.end_lineno or member.lineno


def _written(source: Source, finding: Finding) -> str:
    """The lines of the file that a fix changes, as they are afterwards."""
    from rnnlint.fixes import apply_edits

    assert finding.fix is not None
    edits = [edit for edit in finding.fix.edits if edit.path == finding.path]
    if not edits or len(edits) < len(finding.fix.edits):
        return finding.fix.description
    before, after = source.text.split("\n"), apply_edits(source.text, edits).split("\n")
    head = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(after))
    tail = next((n for n, (a, b) in enumerate(zip(before[::-1], after[::-1], strict=False)) if a != b), 0)
    return "\n".join(line.strip() for line in after[head : max(head, len(after) - tail)])
