"""Edits of a text that other edits have changed, as edits of the text before; whole texts as edits."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from rnnlint.findings import Edit, Span
from rnnlint.fixes import apply_edits


def before_edits(edit: Edit, text: str, earlier: Sequence[Edit], original: str) -> Edit | None:
    """``edit``, which is of ``text``, as an edit of ``original``; ``earlier`` made the one of the other.

    None where it touches what they wrote.
    """
    new, old = _Offsets(text), _Offsets(original)
    start, end = new.of(edit.span.line, edit.span.column), new.of(edit.span.end_line, edit.span.end_column)
    shift = 0
    for each in sorted(earlier, key=lambda e: (e.span.line, e.span.column)):
        first = old.of(each.span.line, each.span.column)
        length = old.of(each.span.end_line, each.span.end_column) - first
        written = first + shift
        if end < written or (end == written and start < end):
            break
        if start < written + len(each.text):
            return None
        shift += len(each.text) - length
    return Edit(edit.path, old.span(start - shift, end - shift), edit.text)


def as_edits_of(
    originals: Mapping[Path, str], changed: Mapping[Path, str], edits: Sequence[Edit]
) -> list[Edit]:
    """Edits of the ``changed`` texts, together with what was changed, as edits of the originals.

    Every function that differs is written anew.
    """
    made: list[Edit] = []
    for path in {edit.path for edit in edits} | changed.keys():
        before = originals[path]
        after = apply_edits(changed.get(path, before), [edit for edit in edits if edit.path == path])
        made += _functions_that_differ(path, before, after)
    return made


def _functions_that_differ(path: Path, before: str, after: str) -> Iterator[Edit]:
    old, new = before.split("\n"), after.split("\n")
    there = {name: new[first - 1 : last] for name, first, last in _functions(ast.parse(after))}
    for name, first, last in _functions(ast.parse(before)):
        text = there.get(name)
        if text is not None and text != old[first - 1 : last]:
            yield Edit(path, Span(first, 1, last, len(old[last - 1]) + 1), "\n".join(text))


def _functions(tree: ast.Module) -> Iterator[tuple[str, int, int]]:
    """The outermost functions and the methods, each with its first and last line; of equal names the last."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    bodies = [("", tree.body), *((f"{owner.name}.", owner.body) for owner in classes)]
    for owner, body in bodies:
        functions = [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for node in {node.name: node for node in functions}.values():
            yield f"{owner}{node.name}", node.lineno, node.end_lineno or node.lineno


class _Offsets:
    """Lines and columns of a text as offsets, and back."""

    def __init__(self, text: str) -> None:
        lengths = [len(line) + 1 for line in text.split("\n")]
        self._starts = [0, *accumulate(lengths)]

    def of(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column - 1

    def span(self, start: int, end: int) -> Span:
        return Span(*self._place(start), *self._place(end))

    def _place(self, offset: int) -> tuple[int, int]:
        line = max(n for n, start in enumerate(self._starts[:-1]) if start <= offset)
        return line + 1, offset - self._starts[line] + 1
