"""What an iteration says of its data: what counts the steps, what holds numbers, what is a target."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from rnnlint.gradients.draft import Draft
from rnnlint.gradients.driver.names import bound_in, read_in
from rnnlint.gradients.driver.slice import Slice
from rnnlint.gradients.forms import ArrayForm, Fill, Form, IndicesForm, NumberForm, StepsForm
from rnnlint.gradients.library import Library
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import BATCH, INPUT, ONE, OUTPUT, TIME, Size
from rnnlint.records import replace

_BATCH = re.compile(r"b$|B$|N$|m$|batch", re.IGNORECASE)


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
                given = [slice_.opened.get(a, ast.unparse(a)) for a in node.args]
                found |= {text for text in given if text.isidentifier()}
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
        match inner:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Tuple() | ast.Slice()):
                continue
            case ast.Subscript(value=ast.Name(id=name), slice=index) if read_in(index):
                yield name
            case _:
                continue


def one_hot_targets(slice_: Slice, draft: Draft) -> dict[str, Form]:
    """Forms of the holes that something is compared with: one-hot fits every loss, a random vector some."""
    found: dict[str, Form] = {}
    for name in compared(slice_):
        form = draft.holes.get(f"_in_{name}")
        if isinstance(form, ArrayForm) and form.fill is Fill.NORMAL and len(form.axes) >= 2:
            fill = Fill.ONE_HOT_FIRST if draft.layout.columns else Fill.ONE_HOT_LAST
            found[f"_in_{name}"] = replace(form, fill=fill)
    return found


def renamed_data(slice_: Slice, draft: Draft, library: Library) -> dict[str, Form]:
    """Forms of the holes whose names (``window``, ``bits``) only look like those of weights."""
    found: dict[str, Form] = {}
    for name in slice_.holes:
        if role_of(name) not in (Role.WEIGHT, Role.BIAS) or f"_in_{name}" not in draft.holes:
            continue
        usage = library.usage(draft.pass_.backward, name)
        if usage.is_index:
            found[f"_in_{name}"] = IndicesForm((Size.axis(TIME),), Size.axis(OUTPUT))
        elif usage.is_sequence:
            found[f"_in_{name}"] = draft.layout.sequence(Size.axis(INPUT))
    return found


def compared(slice_: Slice) -> list[str]:
    """The holes that are subtracted as they are, or step by step: the targets."""
    found: set[str] = set()
    for statement in slice_.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
                for side in (node.left, node.right):
                    plain = side.value if isinstance(side, ast.Subscript) else side
                    if isinstance(plain, ast.Name):
                        found.add(plain.id)
    return [name for name in slice_.holes if name in found]


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


def drawn_forms(slice_: Slice, holes: Mapping[str, Form]) -> dict[str, Form]:
    """Forms of the holes that the driver draws at random: the shapes that it names, not their sizes."""
    found: dict[str, Form] = {}
    for name, shape in slice_.shapes.items():
        sizes = [_named_size(axis, holes) for axis in shape]
        if f"_in_{name}" in holes and all(size is not None for size in sizes):
            if len(sizes) == 3 and role_of(name) is Role.INPUT:
                first = 1 if isinstance(shape[0], ast.Name) and _BATCH.match(shape[0].id) else 0
                if sizes[first] == Size.axis(f"size.{ast.unparse(shape[first])}"):
                    sizes[first] = Size.axis(TIME)
            found[f"_in_{name}"] = ArrayForm(tuple(size for size in sizes if size is not None))
    return found


def _named_size(axis: ast.expr, holes: Mapping[str, Form]) -> Size | None:
    match axis:
        case ast.Constant(value=1):
            return ONE
        case ast.Name(id=name):
            held = holes.get(f"_in_{name}")
            return held.size if isinstance(held, NumberForm) else Size.axis(f"size.{name}")
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            a, b = _named_size(left, holes), _named_size(right, holes)
            return a + b if a is not None and b is not None else None
        case _:
            return None
