"""Methods that make what a constructor leaves open (``initialize``, ``build``): called before the passes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from rnnlint.gradients.attempt import Attempt
from rnnlint.gradients.callables import Callable
from rnnlint.gradients.draft import MODEL
from rnnlint.gradients.forms import Form
from rnnlint.gradients.holes import SHAPE_NAMES, STEP_SHAPE, UnknownArgumentError, form_of
from rnnlint.gradients.library import Library
from rnnlint.records import replace
from rnnlint.sandbox.job import Trouble

NO_ARRAY = "does not have enough dimensions (has 0"
"""What ``x @ None`` says."""


def call_maker(library: Library, attempt: Attempt, trouble: Trouble) -> bool:
    """Call the method of the class that sets what is missing; False where no method does."""
    owner = attempt.draft.pass_.backward.owner
    if owner is None or not attempt.draft.has_model:
        return False
    owners = [owner, *library.bases(owner)]
    wanted = _missing(owners, trouble)
    for callable_ in library.callables:
        if callable_.owner not in owners or callable_.name == "__init__":
            continue
        if callable_ in (attempt.draft.pass_.forward, attempt.draft.pass_.backward):
            continue
        if any(f"{MODEL}.{callable_.name}(" in line for line in attempt.draft.setup):
            continue
        if wanted & callable_.attributes_set and _called_first(library, attempt, callable_, trouble):
            return True
    return False


def _missing(owners: Sequence[ast.ClassDef], trouble: Trouble) -> set[str]:
    """The attributes that no constructor sets, or only to None or to an empty dict."""
    named = re.search(rf"'{owners[0].name}' object has no attribute '(\w+)'", trouble.message)
    if named is not None:
        return {named[1]}
    if trouble.exception == "KeyError":
        return set(_left_empty(owners))
    if "NoneType" in trouble.message or NO_ARRAY in trouble.message:
        return {
            node.attr
            for held in owners
            for node in ast.walk(held)
            if isinstance(node, ast.Attribute) and node.lineno == trouble.line and _is_self(node.value)
        }
    return set()


def _left_empty(owners: Sequence[ast.ClassDef]) -> Iterator[str]:
    """``self.params = {}``, ``self.params = dict()`` in a constructor."""
    for held in owners:
        for constructor in held.body:
            if not isinstance(constructor, ast.FunctionDef) or constructor.name != "__init__":
                continue
            for node in ast.walk(constructor):
                match node:
                    case ast.Assign(
                        targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                        value=ast.Dict(keys=[]) | ast.Call(func=ast.Name(id="dict"), args=[], keywords=[]),
                    ):
                        yield name
                    case _:
                        pass


def _called_first(library: Library, attempt: Attempt, callable_: Callable, trouble: Trouble) -> bool:
    holes = dict(attempt.draft.holes)
    given: list[str] = []
    try:
        for parameter in callable_.parameters:
            if parameter.default is not None:
                continue
            form: Form = STEP_SHAPE
            if parameter.name not in SHAPE_NAMES:
                form = form_of(library, callable_, parameter, attempt.draft.layout, True)
            holes.setdefault(f"_in_{parameter.name}", form)
            given.append(f"{parameter.name}=_in_{parameter.name}")
    except UnknownArgumentError:
        return False
    line = f"{MODEL}.{callable_.name}({', '.join(given)})"
    setup = attempt.draft.setup
    failing = f"{MODEL}.{trouble.function.rpartition('.')[2]}("
    place = next((i for i, other in enumerate(setup) if other.startswith(failing)), len(setup))
    attempt.draft = replace(attempt.draft, setup=(*setup[:place], line, *setup[place:]), holes=holes)
    return True


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
