"""Functions of the user's that are to do nothing: clipping at the end of a pass."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any


def neutralise(modules: Iterable[ModuleType], names: Iterable[str]) -> None:
    """Turn the functions that the job names into the identity on their first argument, wherever they are
    bound.
    """
    loaded = tuple(modules)
    for name in names:
        for module in loaded:
            function = _found(vars(module), name)
            if isinstance(function, FunctionType) and not function.__code__.co_freevars:
                function.__code__ = (_second if "." in name else _first).__code__
                function.__defaults__, function.__kwdefaults__ = None, None


def _found(namespace: dict[str, Any], name: str) -> Any:
    outer, _, inner = name.partition(".")
    value = namespace.get(outer)
    if not inner:
        return value
    return vars(value).get(inner) if isinstance(value, type) else None


def _first(first: Any, *rest: Any, **named: Any) -> Any:
    return first


def _second(first: Any, second: Any, *rest: Any, **named: Any) -> Any:
    return second
