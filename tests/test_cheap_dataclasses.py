"""Cheap dataclasses do what those of the standard library do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import pytest

from rnnlint import records


def kinds(dataclass: Callable[..., Any]) -> Iterator[type]:
    """The same classes, by one decorator or the other."""

    @dataclass(frozen=True, slots=True)
    class Slotted:
        a: int
        b: tuple[int, ...] = ()
        c: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
        d: str = dataclasses.field(default="d", repr=False)

    @dataclass(frozen=True)
    class Cached:
        a: int
        b: tuple[int, ...] = ()
        c: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
        d: str = "d"

        @cached_property
        def twice(self) -> int:
            return 2 * self.a

    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        a: int
        b: tuple[int, ...] = ()
        c: int = 0
        d: str = "d"

    @dataclass(slots=True)
    class Changing:
        a: int
        b: tuple[int, ...] = ()
        c: dict[str, int] = dataclasses.field(default_factory=dict)
        d: str = "d"

    @dataclass
    class Plain:
        a: int
        b: tuple[int, ...] = ()
        c: dict[str, int] = dataclasses.field(default_factory=dict)
        d: str = "d"

    @dataclass(frozen=True, slots=True, eq=False, repr=False)
    class Itself:
        a: int
        b: tuple[int, ...] = ()
        c: int = 0
        d: str = "d"

    @dataclass(frozen=True, slots=True)
    class OwnMethods:
        a: int
        b: tuple[int, ...] = ()
        c: int = 0
        d: str = "d"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, type(self)) and self.a == other.a

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "own"

    @dataclass(frozen=True, slots=True)
    class Keywords:
        a: int
        b: tuple[int, ...] = ()
        c: int = dataclasses.field(default=0, kw_only=True)
        d: str = "d"

    @dataclass
    class Prepared:
        a: int
        b: tuple[int, ...] = ()
        c: int = 0
        d: str = "d"

        def __post_init__(self) -> None:
            self.c = self.a

    yield from (Slotted, Cached, Ordered, Changing, Plain, Itself, OwnMethods, Keywords, Prepared)


PAIRS = list(zip(kinds(records.dataclass), kinds(dataclasses.dataclass), strict=True))


def outcome(act: Callable[[], Any]) -> Any:
    """What an act gives, or what it raises."""
    try:
        return act()
    except (TypeError, AttributeError, dataclasses.FrozenInstanceError) as error:
        return type(error), str(error)


def facts(kind: type) -> dict[str, Any]:
    """What is to be seen of a class and its objects."""
    one, same, other = kind(1, (2,)), kind(1, b=(2,)), kind(3, d="e")
    changed = kind(1)
    return {
        "repr": repr(one).rpartition("<locals>.")[2] if repr(one).endswith(")") else "its address",
        "equal": (one == same, one == other, one != same, one == (1, (2,), {}, "d")),
        "hash": outcome(lambda: hash(one) == hash(same)),
        "is hashable": kind.__hash__ is not None,
        "order": outcome(lambda: (one < other, one <= same, one > other, one >= same)),
        "order of others": type(outcome(lambda: one < 1)),
        "sorted": outcome(lambda: [each.a for each in sorted([other, one])]) if kind.__lt__ else None,
        "values": (one.a, one.b, one.c, one.d, other.b, other.d),
        "own dict": one.c is not other.c or not isinstance(one.c, dict),
        "set": outcome(lambda: setattr(changed, "a", 5)),
        "set to": changed.a,
        "delete": outcome(lambda: delattr(changed, "a")),
        "new attribute": type(outcome(lambda: setattr(changed, "new", 5))),
        "slots": getattr(kind, "__slots__", None),
        "match": kind.__match_args__,
        "fields": [(each.name, each.type, each.repr, each.compare) for each in dataclasses.fields(kind)],
        "asdict": dataclasses.asdict(one),
        "replaced": outcome(lambda: dataclasses.replace(one, b=(9,)).b),
        "is": dataclasses.is_dataclass(one),
        "name": (kind.__name__, kind.__qualname__.rpartition(".")[2], kind.__module__),
        "copied": copy.copy(one).b,
        "too few": outcome(lambda: kind()),  # type: ignore[call-arg]
        "unknown": outcome(lambda: kind(1, z=2)),  # type: ignore[call-arg]
    }


@pytest.mark.parametrize(("cheap", "standard"), PAIRS, ids=lambda kind: kind.__name__)
def test_nothing_differs_from_the_standard_library(cheap: type, standard: type) -> None:
    assert facts(cheap) == facts(standard)


@pytest.mark.parametrize(("cheap", "standard"), PAIRS, ids=lambda kind: kind.__name__)
def test_replacing_is_the_same(cheap: Any, standard: Any) -> None:
    made, expected = records.replace(cheap(1), b=(9,)), dataclasses.replace(standard(1), b=(9,))
    assert (made.a, made.b, made.c, made.d) == (expected.a, expected.b, expected.c, expected.d)
    with pytest.raises(TypeError):
        records.replace(cheap(1), z=1)


def test_what_is_worked_out_once_is_kept_in_a_frozen_one() -> None:
    cached = next(cheap for cheap, _ in PAIRS if cheap.__name__ == "Cached")(4)
    assert (cached.twice, vars(cached)["twice"]) == (8, 8)


@records.dataclass(frozen=True, slots=True)
class Sent:
    """What another process is given: it is found by its name."""

    a: int
    b: tuple[int, ...] = ()


def test_objects_travel_between_processes() -> None:
    assert pickle.loads(pickle.dumps(Sent(1, (2,)))) == Sent(1, (2,))


def test_an_object_is_told_apart_by_its_fields_in_a_match() -> None:
    match Sent(1, (2,)):
        case Sent(a, (b,)):
            assert (a, b) == (1, 2)
        case _:
            pytest.fail("a class pattern reads the fields in their order")


def test_a_class_with_no_fields_equals_itself() -> None:
    @records.dataclass(frozen=True, slots=True)
    class Nothing:
        pass

    assert Nothing() == Nothing()
    assert hash(Nothing()) == hash(Nothing())
    assert repr(Nothing()).endswith("Nothing()")


def test_what_the_standard_library_looks_at_is_made_once() -> None:
    for kind in kinds(records.dataclass):
        held: Any = kind
        assert held.__dataclass_fields__ is held.__dataclass_fields__
