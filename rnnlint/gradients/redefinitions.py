"""Notebooks define a name twice: first by hand in NumPy, later with a framework. The first is what the check
is of."""

from __future__ import annotations

import ast
from functools import lru_cache

from rnnlint.source import tree_of

_FRAMEWORKS = frozenset(
    {"torch", "nn", "tf", "keras", "tensorflow", "Module", "Model", "Layer", "chainer", "mx", "gluon"}
)


@lru_cache(maxsize=64)
def as_first_meant(text: str) -> str:
    """The text with every later class blanked that hides one of the same name and comes from a framework;
    lines kept."""
    tree = tree_of(text)
    seen: set[str] = set()
    blanked: list[tuple[int, int]] = []
    for statement in tree.body:
        if not isinstance(statement, ast.ClassDef):
            continue
        if statement.name in seen and _is_of_framework(statement):
            first = min([statement.lineno, *(d.lineno for d in statement.decorator_list)])
            blanked.append((first, statement.end_lineno or statement.lineno))
        else:
            seen.add(statement.name)
    if not blanked:
        return text
    lines = text.split("\n")
    for first, last in blanked:
        lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(lines)


def _is_of_framework(statement: ast.ClassDef) -> bool:
    return any(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in _FRAMEWORKS
        for base in statement.bases
        for node in ast.walk(base)
    )
