"""Parameters that a function takes as one object: a dataclass, a named tuple, an instance, ``p.Wf``.

The class is the one that the signature names or whose fields are those that the code reads; where there is
none, a plain namespace with these fields takes its place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from rnnlint.gradients.callables import Callable, Parameter
from rnnlint.gradients.forms import BundleForm, Form, GivenForm, NumberForm
from rnnlint.gradients.holes import role_in_use, weight_form
from rnnlint.gradients.layouts import Layout
from rnnlint.gradients.library import Library
from rnnlint.gradients.roles import Role, role_of
from rnnlint.gradients.sizes import Size
from rnnlint.gradients.usage import Usage
from rnnlint.records import dataclass

_OF_ARRAYS_AND_DICTS = frozenset(
    "shape T dot ndim size copy sum mean reshape dtype flatten ravel astype transpose max min argmax squeeze "
    "tolist any all fill flat std var nbytes append items keys values get update pop".split()
)
_NAMESPACE = "__import__('types').SimpleNamespace"


@dataclass(frozen=True, slots=True)
class Record:
    """A class that only holds values by name: its fields, with what their annotations say."""

    path: Path
    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Instance:
    """A class with a constructor of its own."""

    path: Path
    owner: ast.ClassDef


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields of no known class."""

    names: tuple[str, ...]


ParameterObject = Record | Instance | Fields


def object_for(library: Library, callable_: Callable, parameter: Parameter) -> ParameterObject | None:
    """What an argument must be whose attributes are read; None where it is no object with parameters."""
    usage = library.usage(callable_, parameter.name)
    role = role_in_use(usage, parameter.name)
    read = usage.attributes - _OF_ARRAYS_AND_DICTS - usage.methods
    if usage.keys or not read or role not in (Role.BUNDLE, Role.WEIGHT, Role.UNKNOWN, Role.OBJECT):
        return None
    classes = list(_classes(library))
    named = _annotated(parameter)
    for held in classes:
        if _name_of(held) == named:
            return held
    fitting = [
        held for held in classes if read <= _attributes_of(library, held) and _is_another(held, callable_)
    ]
    if fitting:
        return fitting[0]
    weights = {n for n in read if role_of(n) in (Role.WEIGHT, Role.BIAS)}
    if usage.methods - _OF_ARRAYS_AND_DICTS or not weights:
        return None
    return Fields(tuple(sorted(read)))


def _is_another(held: Record | Instance, callable_: Callable) -> bool:
    """Whether it is not the class of the method itself, which has its instance already."""
    return not (isinstance(held, Instance) and held.owner is callable_.owner)


def bundle_of(found: Record | Fields, layout: Layout, usage: Usage) -> BundleForm:
    """The values of a record's fields."""
    fields = found.fields if isinstance(found, Record) else dict.fromkeys(found.names, "")
    return BundleForm({name: _field(name, said, layout) for name, said in fields.items()}, "dict")


def maker_of(found: Record | Fields) -> str:
    """Python that makes the object of its fields by name."""
    return found.name if isinstance(found, Record) else _NAMESPACE


def _field(name: str, annotation: str, layout: Layout) -> Form:
    if annotation == "int" or (not annotation and role_of(name) is Role.SIZE):
        return NumberForm(Size.axis(f"size.{name}"))
    if annotation == "float":
        return GivenForm(0.5)
    return weight_form(name, layout)


def _annotated(parameter: Parameter) -> str:
    """The class that an annotation names: ``Params``, ``"Params"``, ``net.Params``."""
    match parameter.annotation:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name.strip("\"'").rpartition(".")[2]
        case _:
            return ""


def _classes(library: Library) -> Iterator[Record | Instance]:
    for path, tree in library.trees.items():
        for statement in tree.body:
            match statement:
                case ast.ClassDef():
                    fields = _fields_of(statement)
                    yield Record(path, statement.name, fields) if fields else Instance(path, statement)
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                    if ast.unparse(call.func).endswith("namedtuple") and len(call.args) >= 2:
                        yield Record(path, name, dict.fromkeys(_named_fields(call.args[1]), ""))
                case _:
                    pass


def _fields_of(statement: ast.ClassDef) -> dict[str, str]:
    """The fields without a default of a dataclass or a ``NamedTuple``."""
    decorators = " ".join(ast.unparse(d) for d in statement.decorator_list)
    if "dataclass" not in decorators and not any(
        ast.unparse(b).endswith("NamedTuple") for b in statement.bases
    ):
        return {}
    return {
        member.target.id: ast.unparse(member.annotation)
        for member in statement.body
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name) and member.value is None
    }


def _named_fields(given: ast.expr) -> list[str]:
    match given:
        case ast.Constant(value=str(text)):
            return text.replace(",", " ").split()
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [e.value for e in elements if isinstance(e, ast.Constant) and isinstance(e.value, str)]
        case _:
            return []


def _name_of(held: Record | Instance) -> str:
    return held.name if isinstance(held, Record) else held.owner.name


def _attributes_of(library: Library, held: Record | Instance) -> frozenset[str]:
    if isinstance(held, Record):
        return frozenset(held.fields)
    methods = (callable_ for callable_ in library.callables if callable_.owner is held.owner)
    return frozenset().union(*(method.attributes_bound for method in methods))
