"""What a program for submissions leaves to their own files: the globals of the solution that are none of the
scenario's."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from rnnlint.gradients.probe import Probe
from rnnlint.records import replace


def with_own_globals(probe: Probe) -> Probe:
    """The probe without the lines that give a global the value that it has in the solution.

    What hangs on a size, holds a weight or is spoken of by the scenario itself stays.
    """
    setup = tuple(_kept(probe))
    return probe if setup == probe.draft.setup else replace(probe, draft=replace(probe.draft, setup=setup))


def _kept(probe: Probe) -> list[str]:
    """The lines that stay, looked through from the last to the first: what one speaks of is needed before."""
    draft = probe.draft
    sized = _hanging_on(draft.setup, {*draft.holes, *probe.upstream})
    codes = (*draft.forward, *draft.backward, *probe.fills, *(place.code for place in probe.places))
    needed = _names(codes) | _names(draft.gradients.values())
    kept: list[str] = []
    for line in reversed(draft.setup):
        name = _bound_by(line)
        if name is None or name in needed or name in sized:
            kept.insert(0, line)
            needed |= _names([line])
    return kept


def _hanging_on(lines: Iterable[str], names: set[str]) -> set[str]:
    """The names, and all that is made of them."""
    found = set(names)
    for line in lines:
        name = _bound_by(line)
        if name is not None and _names([line]) & found:
            found.add(name)
    return found


def _bound_by(line: str) -> str | None:
    """The global that a line does nothing but bind."""
    match ast.parse(line).body:
        case [ast.Assign(targets=[ast.Name(id=name)])] if not name.startswith("_"):
            return name
        case _:
            return None


def _names(lines: Iterable[str]) -> set[str]:
    """The names that are read."""
    return {
        node.id
        for line in lines
        for node in ast.walk(ast.parse(line))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
