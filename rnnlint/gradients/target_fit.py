"""A target is shaped like what it is compared with; where a hypothesis has it otherwise, it is refitted.

NumPy broadcasts what does not belong together, so that a target of a wrong shape need not raise: a label
(K, B) against one probability runs, and means nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from rnnlint.gradients.draft import FORWARD, Draft
from rnnlint.gradients.forms import ArrayForm, Fill, Form, IndicesForm, StepsForm
from rnnlint.gradients.labels import label, own_nodes
from rnnlint.gradients.passes import Style
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import OUTPUT, Size, Solution, decode
from rnnlint.records import dataclass
from rnnlint.sandbox.job import Value

SHAPES = """def _shapes(value):
    if isinstance(value, (list, tuple)):
        return [_shapes(item) for item in value]
    if hasattr(value, "dtype"):
        return str(list(value.shape)) if value.dtype.kind == "f" else None
    return "[]" if isinstance(value, float) else None"""
"""Python for the shapes of what a forward returns: nested like its value, None for what is no float array."""

OUTPUT_SHAPES = f"_shapes({FORWARD})"


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a forward: an array, or an array a step."""

    shape: tuple[int, ...]
    steps: int | None = None


def refitted(
    draft: Draft, solution: Solution, sizes: Mapping[str, int], shapes: Value
) -> Mapping[str, Form] | None:
    """The holes with the targets in an output's shape; None where they fit one, or nothing is known."""
    changed: dict[str, Form] = {}
    for hole in _targets(draft):
        form, outputs = draft.holes[hole], list(_outputs(_compared_with(draft, hole, shapes)))
        is_known = draft.pass_.style is Style.PAIR or _is_taken_from_forward(draft, hole)
        if not outputs or not (is_known or _is_one_number(outputs)):
            continue
        if not any(_fits(form, output, solution, sizes) for output in outputs):
            made = _like(draft, form, outputs[0], sizes)
            if made is not None:
                changed[hole] = made
    return {**draft.holes, **changed} if changed else None


def _is_one_number(outputs: Sequence[Output]) -> bool:
    """Whether the forward gives a single number: what goes on from there inside the pass is its error."""
    return len(outputs) == 1 and outputs[0].steps is None and all(size == 1 for size in outputs[0].shape)


def _is_taken_from_forward(draft: Draft, hole: str) -> bool:
    """Whether a pass takes its target away from what its forward gives at once: ``self.predict(X) - Y``."""
    forward, target = draft.pass_.forward, hole.removeprefix("_in_")
    if forward is None:
        return False
    held: set[str] = set()
    for node in own_nodes(draft.pass_.backward.node):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _calls(value, forward.name):
                held.add(name)
            case _:
                pass
    for node in own_nodes(draft.pass_.backward.node):
        match node:
            case ast.BinOp(left=left, op=ast.Sub(), right=ast.Name(id=name)) if name == target:
                if _calls(left, forward.name) or (isinstance(left, ast.Name) and left.id in held):
                    return True
            case _:
                pass
    return False


def _calls(value: ast.expr, name: str) -> bool:
    return isinstance(value, ast.Call) and label(value.func) == name


def _compared_with(draft: Draft, hole: str, shapes: Value) -> Value:
    """The shapes of the one result of the forward that the backward takes the target away from, as in
    ``prob - y``; of all of them where it does not say.
    """
    target, forward = hole.removeprefix("_in_"), draft.pass_.forward
    if forward is None or not isinstance(shapes, list) or len(forward.returned) != len(shapes):
        return shapes
    for node in own_nodes(draft.pass_.backward.node):
        match node:
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                names = [label(left), label(right)]
            case ast.AugAssign(target=left, op=ast.Sub(), value=right):
                names = [label(left), label(right)]
            case _:
                continue
        others = [name for name in names if name and name in forward.returned]
        if target in names and others:
            return shapes[forward.returned.index(others[0])]
    return shapes


def _targets(draft: Draft) -> Iterator[str]:
    """The holes that only the backward is given and that are called targets."""
    forward = " ".join(draft.forward)
    for hole in draft.holes:
        if role_of(hole.removeprefix("_in_")) is Role.TARGET and hole not in forward:
            yield hole


def _outputs(shapes: Value) -> Iterator[Output]:
    """What may be compared with a target, the one-step arrays of a list as one output."""
    if isinstance(shapes, str):
        yield Output(_axes(shapes))
    elif isinstance(shapes, list):
        alike = {item if isinstance(item, str) else None for item in shapes}
        if len(shapes) > 1 and len(alike) == 1 and None not in alike:
            yield Output(_axes(shapes[0]), len(shapes))
        else:
            for item in shapes:
                yield from _outputs(item)


def _axes(text: str) -> tuple[int, ...]:
    """The shape in a text that should be one: it comes from where the user's code runs."""
    return tuple(map(int, re.findall(r"\d{1,9}", text)))


def _fits(form: Form, output: Output, solution: Solution, sizes: Mapping[str, int]) -> bool:
    """Whether the form's array could be compared with the output, its own open axes being free."""
    match form:
        case ArrayForm(axes=axes):
            whole = ((output.steps,) if output.steps is not None else ()) + output.shape
            return _alike(axes, whole, solution, sizes) or _alike(axes, output.shape, solution, sizes)
        case StepsForm(item=ArrayForm(axes=axes)):
            if output.steps is not None:
                return _alike(axes, output.shape, solution, sizes)
            return _alike((form.length, *axes), output.shape, solution, sizes) or _alike(
                axes, output.shape, solution, sizes
            )
        case IndicesForm(axes=axes):
            rank = len(output.shape) + (output.steps is not None)
            return len(axes) < rank or rank == 0
        case _:
            return True


def _alike(
    axes: tuple[Size, ...], shape: tuple[int, ...], solution: Solution, sizes: Mapping[str, int]
) -> bool:
    """The same sizes in any order, but for axes of one and for the class axis, which is still open."""
    mine = [size for size in axes if solution.resolve(size) != Size(constant=1)]
    theirs = sorted(number for number in shape if number != 1)
    if len(mine) != len(theirs):
        return False
    for size in mine:
        if solution.resolve(size) == Size.axis(OUTPUT):
            continue
        if size.value(sizes) not in theirs:
            return False
        theirs.remove(size.value(sizes))
    return True


def _like(draft: Draft, form: Form, output: Output, sizes: Mapping[str, int]) -> Form | None:
    """A target of the output's shape; None where a size of it means nothing."""
    axes = [decode(number, sizes) for number in output.shape]
    length = decode(output.steps, sizes) if output.steps is not None else None
    if any(size is None for size in axes) or (output.steps is not None and length is None):
        return None
    known = tuple(size for size in axes if size is not None)
    if isinstance(form, IndicesForm):
        return None
    wide = [n for n in output.shape if n > 1]
    fill = Fill.NORMAL
    if wide:
        fill = Fill.ONE_HOT_FIRST if draft.layout.columns else Fill.ONE_HOT_LAST
    made = ArrayForm(known, fill)
    return StepsForm(length, made) if length is not None else made


__all__ = ["OUTPUT_SHAPES", "SHAPES", "refitted"]
