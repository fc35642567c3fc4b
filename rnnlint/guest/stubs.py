"""Stand-ins for libraries that are not there: they may be imported, decorated with and called, but never used
as a value.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any, NoReturn, Self


class StubUsedError(Exception):
    """The user's code used a value of a missing library."""


class Stub:
    """An attribute or a call's result of a missing library, known only by the text that led to it."""

    __all__: tuple[str, ...] = ()
    __array_priority__ = 1000.0

    def __init__(self, text: str) -> None:
        self._text = text

    def __getattr__(self, name: str) -> Stub:
        if name.startswith(("__", "_repr")) or name == "_ipython_display_":
            raise AttributeError(name)
        return Stub(f"{self._text}.{name}")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if len(arguments) == 1 and not named and isinstance(arguments[0], (FunctionType, type)):
            return arguments[0]  # a decorator
        return Stub(f"{self._text}(...)")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        return None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        return f"<{self._text}, missing here>"


def stands_on_stub(kind: object) -> bool:
    """Whether a class names a stub among its bases."""
    return any(isinstance(base, Stub) for base in getattr(kind, "__orig_bases__", ()))


def _refuse(self: Stub, *arguments: Any) -> NoReturn:
    raise StubUsedError(f"{self._text} is used as a value, and its library is not available here")


_VALUE_USES = """
    add sub mul matmul truediv floordiv mod divmod pow lshift rshift and or xor
    radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rand ror rxor
    iadd isub imul imatmul itruediv ifloordiv ipow
    neg pos abs invert int float complex index round bool len iter next reversed contains
    getitem setitem delitem
    lt le gt ge eq ne array array_ufunc array_function format
"""
for _use in _VALUE_USES.split():
    setattr(Stub, f"__{_use}__", _refuse)
Stub.__hash__ = object.__hash__  # type: ignore[method-assign]
