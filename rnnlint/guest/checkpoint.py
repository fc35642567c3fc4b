"""The loaded files' state as it was, to run every scenario from the same start."""

from __future__ import annotations

import copy
import copyreg
import io
import pickle
import sys
import types
from collections.abc import Callable, Iterable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

_UNCHANGING = (
    bool, int, float, complex, str, bytes, type(None), type, FunctionType, ModuleType,
    types.BuiltinFunctionType, types.MethodType, range,
)  # fmt: skip

copyreg.pickle(ModuleType, lambda module: module.__name__)  # deepcopy then keeps a module as it is


class Checkpoint:
    """Copies of everything that code in the files can change: globals, attributes of classes, default
    arguments.
    """

    def __init__(self, modules: dict[int, ModuleType]) -> None:
        self._modules = modules
        self._loaded = frozenset(modules)
        self._namespaces = [vars(module) for module in modules.values()]
        owned = {module.__name__ for module in modules.values()}
        held = [value for namespace in self._namespaces for value in namespace.values()]
        self._classes = _unique(v for v in held if isinstance(v, type) and v.__module__ in owned)
        functions = [v for v in held if isinstance(v, FunctionType) and v.__defaults__]
        methods = [v for kind in self._classes for v in vars(kind).values() if isinstance(v, FunctionType)]
        self._functions = _unique([*functions, *(m for m in methods if m.__defaults__)])
        self._floating_point_errors = np.geterr()
        self._copy_of_state = _copier(_copied(self._taken()))
        self._untouched = True

    def restore(self) -> None:
        """Put everything back; the first time there is nothing to put back."""
        if self._untouched:
            self._untouched = False
            return
        for index in self._modules.keys() - self._loaded:
            sys.modules.pop(self._modules.pop(index).__name__, None)  # imported by a scenario
        np.seterr(**self._floating_point_errors)
        namespaces, classes, defaults = self._copy_of_state()
        for namespace, saved in zip(self._namespaces, namespaces, strict=True):
            namespace.clear()
            namespace.update(saved)
        for kind, attributes in zip(self._classes, classes, strict=True):
            for name in vars(kind).keys() - attributes.keys():
                delattr(kind, name)
            for name, value in attributes.items():
                if not name.startswith("__") and vars(kind).get(name) is not value:
                    setattr(kind, name, value)
        for function, values in zip(self._functions, defaults, strict=True):
            function.__defaults__ = values

    def _taken(self) -> _State:
        return (
            [dict(namespace) for namespace in self._namespaces],
            [dict(vars(kind)) for kind in self._classes],
            [function.__defaults__ for function in self._functions],
        )


_State = tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[Any, ...] | None]]


_BY_REFERENCE = (type, FunctionType, ModuleType, types.BuiltinFunctionType, types.MethodType, io.IOBase)


def _copier(state: _State) -> Callable[[], _State]:
    """Makes fresh copies of a state: out of its pickled form, ten times as fast, where it has one."""
    kept: list[Any] = []
    own = {id(v) for part in state[:2] for held in part for n, v in held.items() if n.startswith("__")}
    written = io.BytesIO()
    pickler = pickle.Pickler(written, pickle.HIGHEST_PROTOCOL)

    def reference(value: Any) -> int | None:
        if not isinstance(value, _BY_REFERENCE) and id(value) not in own:
            return None
        kept.append(value)
        return len(kept) - 1

    pickler.persistent_id = reference  # type: ignore[method-assign]
    try:
        pickler.dump(state)
        data = written.getvalue()
        _unpickled(data, kept)  # what cannot be brought back is copied instead
    except BaseException:  # noqa: BLE001 - the user's classes may refuse in any way
        return lambda: _copied(state)
    return lambda: _unpickled(data, kept)


def _unpickled(data: bytes, kept: list[Any]) -> _State:
    unpickler = pickle.Unpickler(io.BytesIO(data))
    unpickler.persistent_load = kept.__getitem__  # type: ignore[method-assign]
    state: _State = unpickler.load()
    return state


def _copied(state: _State) -> _State:
    """Deep copies that keep what is shared shared; what cannot be copied stays as it is."""
    memo: dict[int, Any] = {}
    namespaces, classes, defaults = state
    return (
        [{name: _copy(name, value, memo) for name, value in saved.items()} for saved in namespaces],
        [{name: _copy(name, value, memo) for name, value in saved.items()} for saved in classes],
        [None if values is None else tuple(_copy("", v, memo) for v in values) for values in defaults],
    )


def _copy(name: str, value: Any, memo: dict[int, Any]) -> Any:
    if isinstance(value, _UNCHANGING) or name.startswith("__"):
        return value
    try:
        return copy.deepcopy(value, memo)
    except BaseException:  # noqa: BLE001 - the user's classes may refuse in any way
        return value


def _unique(values: Iterable[Any]) -> list[Any]:
    return list({id(value): value for value in values}.values())
