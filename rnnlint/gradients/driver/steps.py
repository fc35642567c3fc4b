"""What an iteration says about its steps: which variables count them, and which sequences hold one number a step."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from rnnlint.gradients.driver.names import bound_in, read_in
from rnnlint.gradients.driver.slice import Slice
from rnnlint.gradients.forms import ArrayForm, Form, StepsForm
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, OUTPUT, TIME, Size
from rnnlint.gradients.synthesis import Draft


def counting_steps(slice_: Slice) -> frozenset[str]:
    """The variables from outside that bound the iteration's own loops: ``for t in range(T)``."""
    local = bound_in([*slice_.before, *slice_.body])
    found: set[str] = set()
    for statement in slice_.body:
        if not isinstance(statement, ast.For):
            continue
        for node in ast.walk(statement.iter):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("range", "xrange")
            ):
                found |= {a.id for a in node.args if isinstance(a, ast.Name)}
    return frozenset(found - local)


def numbers_by_step(slice_: Slice) -> dict[str, Form]:
    """Forms of the holes that hold one number a step, as ``a`` and ``b`` in ``np.array([[a[t], b[t]]])``."""
    in_literals = {n for literal in _literals(slice_) for n in _indexed(literal)}
    if not in_literals & set(slice_.holes):
        return {}
    indexed = {n for statement in slice_.body for n in _indexed(statement)}
    form = StepsForm(Size.axis(TIME), ArrayForm(()))
    return {f"_in_{hole}": form for hole in slice_.holes if hole in indexed}


def _literals(slice_: Slice) -> Iterator[ast.AST]:
    for statement in slice_.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("array", "asarray")):
                yield from (a for a in node.args if isinstance(a, ast.List | ast.Tuple))


def _indexed(node: ast.AST) -> Iterator[str]:
    """Variables that are indexed by one expression with a variable in it."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Subscript) and isinstance(inner.value, ast.Name):
            if not isinstance(inner.slice, ast.Tuple | ast.Slice) and read_in(inner.slice):
                yield inner.value.id


def single_targets(draft: Draft) -> Draft | None:
    """The draft with one number a sample as its target, where it has one vector a sample."""
    wanted = (Size.axis(BATCH), Size.axis(OUTPUT))
    changed = {
        name: ArrayForm((Size.axis(BATCH),))
        for name, form in draft.holes.items()
        if role_of(name.removeprefix("_in_")) is Role.TARGET
        and isinstance(form, ArrayForm)
        and form.axes == wanted
    }
    return replace(draft, holes={**draft.holes, **changed}) if changed else None
