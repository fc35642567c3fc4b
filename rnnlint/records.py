"""Dataclasses that cost little to make: their methods are not compiled class by class.

Reading one file makes a hundred and twenty of them. :func:`dataclasses.dataclass` writes six methods for each
and compiles them, half a millisecond a class: a quarter of the whole run. Here the classes share their
methods, all but ``__init__``, which is compiled when the first object is made. They do the same; a class that
is out of the ordinary (with bases, with ``__post_init__``, with fields for keywords alone) is left to the
standard library, which type checkers believe made all of them.
"""

from __future__ import annotations

import dataclasses
import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, FrozenInstanceError, field
from functools import partial
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def dataclass(cls=None, /, **options):
        """As :func:`dataclasses.dataclass`."""
        return partial(_made, **options) if cls is None else _made(cls)

    def replace(record, /, **changes):
        """As :func:`dataclasses.replace`."""
        if "_fields_of_record" not in vars(type(record)):
            return dataclasses.replace(record, **changes)
        kept = {name: getattr(record, name) for name in record.__match_args__ if name not in changes}
        return type(record)(**kept, **changes)


__all__ = ["dataclass", "field", "replace"]

Fields = Mapping[str, "Field[Any]"]

_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")
_NOT_GIVEN = object()


def _made(
    cls: type,
    *,
    frozen: bool = False,
    slots: bool = False,
    order: bool = False,
    eq: bool = True,
    repr: bool = True,
) -> type:
    own, annotations = vars(cls), inspect.get_annotations(cls)
    fields = {name: _field_of(own.get(name, MISSING)) for name in annotations}
    options = {"frozen": frozen, "slots": slots, "order": order, "eq": eq, "repr": repr}
    if not _is_ordinary(cls, fields):
        return dataclasses.dataclass(**options)(cls)
    made: dict[str, Any] = {
        "__init__": _init_at_first_use(fields, frozen=frozen, slots=slots),
        "__match_args__": tuple(fields),
        "_fields_of_record": fields,
        "__dataclass_fields__": _Standard("__dataclass_fields__", options),
        "__dataclass_params__": _Standard("__dataclass_params__", options),
    }
    if repr:
        made["__repr__"] = _repr_of([name for name, each in fields.items() if each.repr])
    if eq:
        made |= _comparisons(fields, frozen=frozen, order=order)
    if frozen:
        made |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
    if frozen and slots:
        made |= {"__getstate__": _state, "__setstate__": _set_state}
    made = {name: each for name, each in made.items() if own.get(name) is None}
    return _with_slots(cls, fields, made) if slots else _with_dict(cls, fields, made)


def _field_of(value: Any) -> Field[Any]:
    return value if isinstance(value, Field) else field(default=value)


def _is_ordinary(cls: type, fields: Fields) -> bool:
    annotations = inspect.get_annotations(cls).values()
    return (
        cls.__bases__ == (object,)
        and not hasattr(cls, "__post_init__")
        and all(isinstance(each, str) for each in annotations)
        and not any(word in each for each in annotations for word in _NO_FIELDS)
        and all(each.init and each.hash is None and each.kw_only is not True for each in fields.values())
    )


def _with_dict(cls: type, fields: Fields, made: Mapping[str, Any]) -> type:
    for name, each in fields.items():
        if each.default is not MISSING:
            setattr(cls, name, each.default)
        elif name in vars(cls):
            delattr(cls, name)
    for name, value in made.items():
        setattr(cls, name, value)
    return cls


def _with_slots(cls: type, fields: Fields, made: Mapping[str, Any]) -> type:
    """The class again: slots cannot be given to one that is there."""
    left_out = {*fields, "__dict__", "__weakref__"}
    kept = {name: value for name, value in vars(cls).items() if name not in left_out}
    kept |= {"__slots__": tuple(fields), "__qualname__": cls.__qualname__, **made}
    return type(cls)(cls.__name__, cls.__bases__, kept)


class _Standard:
    """What the standard library would have put there, made when it is first asked for."""

    def __init__(self, name: str, options: Mapping[str, bool]) -> None:
        self._name, self._options = name, options

    def __get__(self, instance: object, owner: type) -> Any:
        said = {"__annotations__": inspect.get_annotations(owner), **vars(owner)["_fields_of_record"]}
        twin: type = dataclasses.dataclass(**self._options)(type(owner.__name__, (), said))
        made = getattr(twin, self._name)
        setattr(owner, self._name, made)
        return made


# --- the methods ----------------------------------------------------------------------------------------


def _init_at_first_use(fields: Fields, *, frozen: bool, slots: bool) -> Callable[..., None]:
    def begin(self: Any, *values: Any, **named: Any) -> None:
        cls: Any = type(self)
        cls.__init__ = _compiled_init(cls, fields, frozen=frozen, slots=slots)
        cls.__init__(self, *values, **named)

    return begin


def _compiled_init(cls: type, fields: Fields, *, frozen: bool, slots: bool) -> Callable[..., None]:
    """``def __init__(self, a, b=...)``: puts each value in its place, past what a frozen class refuses."""
    known: dict[str, Any] = {"_not_given": _NOT_GIVEN}
    parameters, lines = ["self"], ["pass"]
    for name, each in fields.items():
        given = name
        if each.default is not MISSING:
            known[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        elif each.default_factory is not MISSING:
            known[f"_make_{name}"] = each.default_factory
            parameters.append(f"{name}=_not_given")
            given = f"_make_{name}() if {name} is _not_given else {name}"
        else:
            parameters.append(name)
        if not frozen:
            lines.append(f"self.{name} = {given}")
        elif slots:
            known[f"_set_{name}"] = vars(cls)[name].__set__
            lines.append(f"_set_{name}(self, {given})")
        else:
            lines.append(f"self.__dict__[{name!r}] = {given}")
    exec(f"def __init__({', '.join(parameters)}):\n " + "\n ".join(lines), known)
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _comparisons(fields: Fields, *, frozen: bool, order: bool) -> dict[str, Any]:
    names = [name for name, each in fields.items() if each.compare]
    values: Callable[[Any], Any] = operator.attrgetter(*names) if names else lambda record: ()

    def hashed(self: Any) -> int:
        return hash(values(self))

    def comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
        def compared(self: Any, other: Any) -> bool:
            return compare(values(self), values(other)) if type(other) is type(self) else NotImplemented

        return compared

    found: dict[str, Any] = {"__eq__": comparison(operator.eq), "__hash__": hashed if frozen else None}
    if order:
        ways = (operator.lt, operator.le, operator.gt, operator.ge)
        found |= {f"__{way.__name__}__": comparison(way) for way in ways}
    return found


def _repr_of(names: list[str]) -> Callable[[Any], str]:
    @recursive_repr()
    def shown(self: Any) -> str:
        said = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({said})"

    return shown


def _refuse_to_set(self: object, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__slots__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__slots__, state, strict=True):
        object.__setattr__(self, name, value)
