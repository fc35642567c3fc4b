"""What a helper computes: its body is evaluated on sample points and compared with the functions we know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnnlint.model.project import Project
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module


@dataclass(frozen=True, slots=True)
class Helper:
    """A function as its callers know it."""

    name: str
    definition: tree.Function
    module: Module


def contracts(project: Project, module: Module) -> Mapping[str, Helper]:
    """The helpers that ``module`` defines at its top level."""
    return {name: Helper(name, node, module) for name, node in module.functions.items()}
