"""Backward passes that go back over so many steps and no further: right within them, cut off beyond.

Over fewer steps than that nothing is cut off, and nothing is seen of it; over more, the gradient is no longer
the loss's, which is what was wanted. So such a pass is measured where nothing is cut off, and what that
leaves out is said.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from rnnlint.gradients.callables import Callable
from rnnlint.gradients.jobs import Workshop
from rnnlint.gradients.library import Library
from rnnlint.gradients.measure import Measurement
from rnnlint.gradients.sizes import TIME
from rnnlint.gradients.solve import Solved
from rnnlint.gradients.trials import trials_over
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Value

_CALLED_SO = re.compile(r"trunc|tbptt|bptt_(steps|len|depth|window)", re.IGNORECASE)
_LEAST_STEPS = 2
_MOST_STEPS = 16
_BEYOND = 2
"""How many steps more than the limit show whether something is cut off."""


@dataclass(frozen=True)
class Truncation:
    """A limit to the steps that a backward pass goes back over: where it stands, and what it is."""

    line: int
    steps: int
    is_given: bool  # by the probe, which may give any


def with_nothing_cut_off(
    workshop: Workshop, library: Library, solved: Solved, m: Measurement, seed: int
) -> tuple[Measurement, str | None]:
    """The measurement, or one over as few steps as the pass goes back over, if it is right there; and what is
    to be said of it."""
    found = truncation_of(library, m)
    steps = m.probe.sizes.get(TIME)
    if found is None or steps is None:
        return m, None
    opening = f"Line {found.line} cuts the gradient off after {found.steps} steps"
    if m.judged.wrong:
        if not _LEAST_STEPS <= found.steps < steps:
            return m, None
        shorter = trials_over(found.steps, workshop, solved, m, seed)
        if shorter is None or shorter.measurement.judged.wrong or not shorter.measurement.judged.agreeing:
            return m, None
        said = f"{opening}: it was measured over {found.steps}; over {steps} it is no longer the loss's."
        return shorter.measurement, said
    if found.steps < steps:
        return m, None
    beyond = found.steps + _BEYOND
    can_be_seen = not found.is_given and found.steps <= _MOST_STEPS
    longer = trials_over(beyond, workshop, solved, m, seed) if can_be_seen else None
    if found.is_given:
        opening = (
            f"Line {found.line} cuts the gradient off after as many steps as it is told, here {found.steps}"
        )
    if longer is None:
        return m, f"{opening}: over the {steps} that were measured nothing is seen of that."
    if not longer.measurement.judged.wrong:
        return m, None
    return m, f"{opening}: within them it is right; over {beyond} it is no longer the loss's."


def truncation_of(library: Library, m: Measurement) -> Truncation | None:
    """The limit that the backward pass, or what it calls, sets to its own steps; None where it sets none."""
    pass_ = m.probe.draft.pass_
    callables = (pass_.backward, *library.called_by(pass_.backward))
    for callable_ in callables:
        if pass_.forward is not None and callable_.node is pass_.forward.node is not pass_.backward.node:
            continue
        for node in (n for n in ast.walk(callable_.node) if isinstance(n, ast.expr)):
            for limit in _limits(node):
                found = _number(library, callable_, limit, m.probe.holes)
                if found is not None and found[0] >= _LEAST_STEPS:
                    return Truncation(node.lineno, *found)
    return None


def _limits(node: ast.expr) -> Iterator[ast.expr]:
    """K of ``max(0, t - K)``, and whatever is called a truncation."""
    match node:
        case ast.Call(
            func=ast.Name(id="max"),
            args=[ast.Constant(), ast.BinOp(op=ast.Sub(), right=limit)]
            | [ast.BinOp(op=ast.Sub(), right=limit), ast.Constant()],
        ):
            yield limit
        case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name, ctx=ast.Load()) if (
            _CALLED_SO.search(name)
        ):
            yield node
        case _:
            return


def _number(
    library: Library, callable_: Callable, limit: ast.expr, holes: Mapping[str, Value], names: int = 3
) -> tuple[int, bool] | None:
    """The whole number that an expression is, and whether the probe has given it: written there, an argument,
    or set elsewhere, behind so many ``names`` at most."""
    match limit:
        case ast.Constant(value=int(number)):
            return number, False
        case ast.Name(id=name):
            given = holes.get(f"_in_{name}")
            if isinstance(given, int):
                return given, True
            places = (*ast.walk(callable_.node), *library.trees[callable_.path].body)
            values = [default] if (default := _default(callable_, name)) is not None else []
            values += [n.value for n in places if isinstance(n, ast.Assign) and _is_set(n, name)]
        case ast.Attribute(value=ast.Name(id="self"), attr=name) if callable_.owner is not None:
            init = library.method(callable_.path, callable_.owner, "__init__")
            if init is None:
                return None
            callable_ = init
            places = tuple(ast.walk(init.node))
            values = [n.value for n in places if isinstance(n, ast.Assign) and _is_set(n, f"self.{name}")]
        case _:
            return None
    kept = [value for value in values if isinstance(value, ast.Constant | ast.Name)]
    return _number(library, callable_, kept[0], holes, names - 1) if kept and names else None


def _default(callable_: Callable, name: str) -> ast.expr | None:
    return next((p.default for p in callable_.parameters if p.name == name), None)


def _is_set(statement: ast.Assign, text: str) -> bool:
    return any(ast.unparse(target) == text for target in statement.targets)


__all__ = ["Truncation", "truncation_of", "with_nothing_cut_off"]
