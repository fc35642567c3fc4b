"""Other texts of single functions and methods, put in place of the loaded ones for one scenario.

Only the code is exchanged: whoever holds the function, under whatever name, runs the other text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

from .job import PATCH_OWNER, Patch
from .program import Program


class PatchError(Exception):
    """The function is not there, or its other text cannot take its place."""


@contextmanager
def patched(program: Program, patches: tuple[Patch, ...]) -> Iterator[None]:
    """Run the block with the patches in place. Raises :class:`PatchError`, or what their texts raise."""
    changed: list[tuple[FunctionType, CodeType]] = []
    try:
        for patch in patches:
            function, code = _exchange(program, patch)
            changed.append((function, function.__code__))
            function.__code__ = code
        yield
    finally:
        for function, code in reversed(changed):
            function.__code__ = code


def _exchange(program: Program, patch: Patch) -> tuple[FunctionType, CodeType]:
    """The loaded function and its new code."""
    modules = program.job.modules
    index = next((n for n in program.modules if modules[n].path == patch.path), None)
    if index is None:
        raise PatchError(f"{patch.path} is not loaded")
    namespace = vars(program.modules[index])
    owner, _, name = patch.name.rpartition(".")
    old = _function(vars(namespace[owner]) if owner else namespace, name)
    new = program.compile_definition(patch.text, index)
    for each in [PATCH_OWNER, name] if owner else [name]:
        new = _inside(new, each)
    if len(old.__code__.co_freevars) != len(new.co_freevars):
        raise PatchError(f"{patch.name} closes over other names")
    return old, new.replace(co_qualname=old.__code__.co_qualname)  # its locals are recorded under that name


def _inside(code: CodeType, name: str) -> CodeType:
    """The code of what a text defines. Nothing runs: its defaults may need what was never loaded."""
    found = (each for each in code.co_consts if isinstance(each, CodeType) and each.co_name == name)
    inner = next(found, None)
    if inner is None:
        raise PatchError(f"{name} is not in its other text")
    return inner


def _function(holder: Mapping[str, Any], name: str) -> FunctionType:
    """A function without its decorators, a method without its descriptor."""
    value = holder.get(name)
    if isinstance(value, property):
        value = value.fget
    value = getattr(value, "__func__", value)
    value = getattr(value, "__wrapped__", value)
    if not isinstance(value, FunctionType):
        raise PatchError(f"{name} is no function")
    return value
