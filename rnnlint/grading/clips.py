"""Clipping of gradients: NumPy's and the teacher's are left out of what is graded, a submission's own is not.

A function of its own may be called ``clip`` and do anything; what the teacher has written limits gradients.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Set
from pathlib import Path

from rnnlint.gradients.clipping import clipping
from rnnlint.gradients.library import Library
from rnnlint.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Clips:
    """What clips gradients in some files: NumPy's clip by what it clips, functions with their texts."""

    of_numpy: tuple[str, ...] = ()
    functions: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(trees: Mapping[Path, ast.Module]) -> Clips:
        """What clips in these files."""
        library = Library(trees)
        found = clipping(library)
        of_numpy = tuple(name for name in found if name.endswith(")"))
        return Clips(of_numpy, _texts(library, frozenset(found) - frozenset(of_numpy)))

    def unchanged_in(self, trees: Mapping[Path, ast.Module]) -> tuple[str, ...]:
        """The functions that other files leave as they are, or do not define at all."""
        own = _texts(Library(trees), self.functions.keys()) if self.functions else {}
        return tuple(title for title, text in self.functions.items() if own.get(title, text) == text)


def _texts(library: Library, titles: Set[str]) -> dict[str, str]:
    """The functions of these titles, without their comments."""
    return {each.title: ast.unparse(each.node) for each in library.callables if each.title in titles}
