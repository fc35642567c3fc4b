"""A kernel's program: the cells that it has run, as one text, with what each name means now."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnlint.notebook_cells import source_of_cells
from rnnlint.source import Source, tree_of

UNNAMED = "notebook.ipynb"


def program_of(cells: Sequence[tuple[int, str]], path: Path, current: int) -> Source:
    """The program of a session's cells, each its execution count and raw text, the latest last.

    Cells that never ran because they do not parse are left out, except cell ``current``; of cells run twice
    the last run counts, and of a function or class that is defined twice the last definition.
    """
    last_run = {text: number for number, text in cells}
    kept = [(number, number, text) for number, text in cells if last_run[text] == number and text.strip()]
    read = source_of_cells(path, kept)
    never_ran = {cell.number for cell in read.skipped_cells if cell.number != current}
    source = source_of_cells(path, [cell for cell in kept if cell[1] not in never_ran])
    return _with_last_definitions(source)


def path_of_notebook(variables: Mapping[str, Any]) -> Path:
    """Where the notebook of this kernel lies, as far as its front end says so; its folder is the kernel's.

    VS Code leaves the path in a variable, Jupyter's server in the environment.
    """
    said = variables.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or UNNAMED
    name = Path(str(said)).name
    return Path.cwd() / (name if name.endswith(".ipynb") else UNNAMED)


def _with_last_definitions(source: Source) -> Source:
    """``source`` with functions and classes blanked that a later definition of the name has replaced."""
    if source.problem is not None:
        return source
    lines = source.text.split("\n")
    for first, last in _superseded(tree_of(source.text)):
        lines[first - 1 : last] = [""] * (last - first + 1)
    return source.with_text("\n".join(lines))


def _superseded(program: ast.Module) -> Iterator[tuple[int, int]]:
    """First and last line of every definition at the top that another one follows."""
    definitions = [
        node
        for node in program.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    last = {node.name: node for node in definitions}
    for node in definitions:
        if last[node.name] is not node:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield first, node.end_lineno or node.lineno
